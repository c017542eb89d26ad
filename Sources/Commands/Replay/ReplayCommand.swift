internal import ArgumentParser
internal import KVM
internal import Machine
internal import Replay
internal import Reporting
internal import Trace

/// `vmreel replay`: re-executes a guest from its reel and compares everything.
struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Re-execute a recorded guest on KVM, checking every exit against the reel.",
    discussion: """
      No device is emulated: every answer comes from the reel. The last line is the verdict: \
      `identical` when everything was re-executed and agreed, `consistent` when sealed segments \
      had to be jumped, or the first divergence, with exit status 1. A partial reel is replayed \
      as far as it goes, with exit status 2.

      Example:
        vmreel replay ticker.reel
        vmreel replay --jobs 8 boot.reel
        vmreel replay --from 20000 --until 21000 boot.reel
        vmreel replay --explain --symbols System.map boot.reel
        vmreel replay --at 20500 --dump-state --memory v:0xffffffff81000000:64 boot.reel
      """)

  @Argument(help: "The reel.")
  var reel: String

  @OptionGroup var rangeOptions: ReplayRangeOptions
  @OptionGroup var stateOptions: StateOptions
  @OptionGroup var explanationOptions: ReplayExplanationOptions

  @Flag(name: .customLong("no-console"), help: "Do not print what the guest prints.")
  var noConsole = false

  @Flag(name: .customLong("dump-vga"), help: "Print the VGA text screen at the end.")
  var dumpVGA = false

  @Option(
    name: .long,
    help: "text: the console, and the verdict on standard error; json: the verdict alone.")
  var format: TextOrJSON = .text

  @Option(
    name: .long,
    help: ArgumentHelp(
      "How long the guest may go without an exit before replay gives up.", valueName: "time"))
  var exitTimeout = Duration.milliseconds(10_000)

  @Option(
    name: .long,
    help: ArgumentHelp(
      "How long to look for the ends of all sealed segments before the rest is jumped.",
      valueName: "time"))
  var landingLimit = Duration.milliseconds(600_000)

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Keep where sealed segments end in this file; a later replay finds them faster.",
      valueName: "file"))
  var landings: String?

  @Flag(
    name: .long,
    help: "After a difference go on from the next keyframe, and count what is skipped.")
  var resync = false

  @Flag(
    name: .customLong("show-landings"),
    help: "Print a line on standard error for each search for the end of a sealed segment.")
  var showLandings = false

  mutating func validate() throws {
    // A bound no guest can meet would be reported as the guest's divergence.
    guard exitTimeout.nanoseconds >= 1_000_000 else {
      throw ValidationError("--exit-timeout must be at least 1ms")
    }
    guard !dumpVGA || format == .text else {
      throw ValidationError("--dump-vga prints text; it does not go with --format json")
    }
    guard stateOptions.at == nil || !(rangeOptions.isGiven || dumpVGA) else {
      throw ValidationError(
        "--at chooses the moment; it does not go with --from, --until, --segment, --jobs or "
          + "--dump-vga")
    }
    guard
      !resync || (rangeOptions.segment == nil && rangeOptions.jobs == nil && stateOptions.at == nil)
    else {
      throw ValidationError("--resync does not go with --segment, --jobs or --at")
    }
    guard
      !explanationOptions.explain
        || (rangeOptions.segment == nil && rangeOptions.jobs == nil && stateOptions.at == nil)
    else {
      throw ValidationError(
        "--explain does not go with --segment, --jobs or --at; --from begins near the divergence")
    }
    guard rangeOptions.jobs == nil || !(dumpVGA || landings != nil) else {
      throw ValidationError(
        "--jobs replays in other processes; it does not go with --dump-vga or --landings")
    }
  }

  func run() throws {
    if rangeOptions.diesWithInput { ParentWatch.begin() }
    let opened = try OpenedReel(path: reel, notesStripping: false)
    try opened.requireReplayable()
    if let jobs = rangeOptions.jobs {
      try ParallelReplay(self, opened, jobs: jobs).run()
    } else if let event = stateOptions.at {
      try dumpState(after: event, of: opened)
    } else {
      try replay(try ChosenRange(rangeOptions, in: opened), of: opened)
    }
  }

  /// What each landing and the whole replay may cost.
  private var bounds: ReplayBounds {
    var bounds = ReplayBounds()
    bounds.noExitNanoseconds = exitTimeout.nanoseconds
    bounds.totalLandingNanoseconds = landingLimit.nanoseconds
    return bounds
  }

  private func session(
    _ opened: OpenedReel, _ range: ReplayRange, _ landings: LandingsFile? = nil,
    printsConsole: Bool
  ) throws -> ReplaySession {
    try ReplaySession(
      opened, range: range, resyncs: resync, printsConsole: printsConsole,
      printsLandings: showLandings,
      bounds: bounds, knownLandings: landings?.landings ?? [:])
  }

  private func replay(_ chosen: ChosenRange, of opened: OpenedReel) throws {
    if case .segment(let segment) = chosen.scope, segment.isEmpty {
      try printEmpty(segment, chosen.stretchCount, opened)
      return
    }
    let symbols = try explanationOptions.readSymbols(for: opened)
    let (verdict, stopSignal) = try execute(chosen, of: opened)
    let explanation = ReplayExplanation(
      verdict, of: opened, symbols, bounds,
      isAsked: explanationOptions.explain && stopSignal == nil)
    if format == .json {
      var report = VerdictReport(verdict, of: opened, chosen)
      let end = explanation?.run()
      report.explanation = end?.found
      try report.print()
      try StandardOutput.shared.flush()
      if let signal = end?.signal { throw signal }
    }
    try StandardOutput.shared.flush()
    if format == .text {
      if verdict.exitsNormalized > 0 {
        StandardError.note(
          ReplaySession.normalizationNote(verdict.exitsNormalized, of: opened.metadata.host))
      }
      StandardError.note(
        VerdictText.render(
          verdict, path: reel, tscPolicy: opened.metadata.policies.tsc, scope: chosen.scope))
      if let end = explanation?.run() {
        StandardError.note(DivergenceExplanationText.lines(end.found).joined(separator: "\n"))
        if let signal = end.signal { throw signal }
      }
    }
    // One that came when the last event was compared already counts too.
    if let stopSignal { throw ExitStatus.signal(stopSignal) }
    switch verdict.outcome {
    case .identical, .consistent:
      // What was asked for is whole when it ends before the reel does.
      if chosen.range.lastEvent == nil { try opened.requireWhole() }
    case .diverged: throw ExitStatus.difference
    case .interrupted: throw ExitStatus.signal(2)
    }
  }

  /// Replays; the guest is gone afterwards, so that an explanation has its memory.
  private func execute(
    _ chosen: ChosenRange, of opened: OpenedReel
  ) throws -> (verdict: ReplayVerdict, stopSignal: Int32?) {
    let landingsFile = try landings.map { try LandingsFile(path: $0, reel: opened.reel) }
    let session = try session(
      opened, chosen.range, landingsFile, printsConsole: !noConsole && format == .text)
    let verdict = try session.run()
    try landingsFile?.save(verdict.landings)
    if dumpVGA { StandardOutput.shared.write(VGAText.render(session.memory)) }
    return (verdict, session.stopSignal)
  }

  private func printEmpty(
    _ segment: ReplaySegment, _ stretchCount: Int, _ opened: OpenedReel
  ) throws {
    if format == .json {
      var report = VerdictReport(ReplayVerdict())
      report.outcome = .empty
      report.segment = VerdictReport.SegmentReport(segment, reel: opened.reel.identity)
      report.reelIsWhole = opened.reel.tail == .whole
      try report.print()
    }
    try StandardOutput.shared.flush()
    if format == .text {
      StandardError.note(VerdictText.empty(segment, stretchCount: stretchCount))
    }
  }

  /// Replays to a moment and prints the guest's state there instead of its console.
  private func dumpState(after event: EventIndex, of opened: OpenedReel) throws {
    var range = try ChosenRange.events(from: event, until: event, in: opened).range
    range.lastEvent = event
    range.endsBetweenInstructions = true
    let session = try session(opened, range, printsConsole: false)
    let verdict = try session.run()
    switch verdict.outcome {
    case .identical, .consistent: break
    case .diverged, .interrupted:
      StandardError.note(
        VerdictText.render(
          verdict, path: reel, tscPolicy: opened.metadata.policies.tsc, scope: .range))
      if case .diverged = verdict.outcome { throw ExitStatus.difference }
      throw ExitStatus.signal(session.stopSignal ?? 2)
    }
    if verdict.sealsJumped > 0 {
      StandardError.note(
        "note: \(verdict.sealsJumped) sealed segments on the way were jumped, not re-executed")
    }
    if verdict.lastEvent > event {
      StandardError.note(
        "note: event \(event) is inside an instruction, which ends at event \(verdict.lastEvent)")
    }
    let report = try StateReport(
      try session.capturedState(), session.memory, options: stateOptions, event: event, verdict)
    switch format {
    case .json:
      StandardOutput.shared.write(bytes: try JSONText.encode(report, pretty: true) + [0x0a])
    case .text: StandardOutput.shared.write(StateText.render(report))
    }
  }
}

extension VerdictReport {
  /// The verdict with what of the reel it speaks of.
  init(_ verdict: ReplayVerdict, of opened: OpenedReel, _ chosen: ChosenRange) {
    self.init(verdict)
    if let chosen = chosen.segment {
      segment = SegmentReport(chosen, reel: opened.reel.identity)
      if outcome == .diverged {
        report = VerdictText.render(
          verdict, path: opened.path, tscPolicy: opened.metadata.policies.tsc)
      }
    } else if chosen.scope == .range {
      range = RangeReport(
        startKeyframe: verdict.startKeyframe, startEvent: verdict.startEvent,
        lastEvent: chosen.lastEvent)
    }
  }

  /// Writes it to standard output.
  func print() throws {
    StandardOutput.shared.write(bytes: try JSONText.encode(self, pretty: true) + [0x0a])
  }
}
