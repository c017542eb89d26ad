internal import Analysis
internal import Replay
internal import Trace

/// `vmreel replay --jobs`: the segments of a reel replayed in several processes, and one verdict.
struct ParallelReplay {
  private let command: ReplayCommand
  private let opened: OpenedReel
  private let jobs: Int

  init(_ command: ReplayCommand, _ opened: OpenedReel, jobs: Int) {
    self.command = command
    self.opened = opened
    self.jobs = jobs
  }

  func run() throws {
    let plan = try opened.reading { try SegmentPlan($0, jobs: jobs) }
    if plan.stretchCount < jobs {
      StandardError.note(
        "note: \(opened.path) can be split in \(plan.stretchCount) at most: it has no "
          + "more keyframes to begin at (record --keyframe-every)")
    }
    let workers = SegmentWorkers(
      of: command.reel, arguments: arguments, count: plan.segments.count, jobs: jobs)
    let signals = SignalWatch { _ in workers.stop() }
    var join = SegmentJoin(opened, plan: plan)
    do {
      try workers.run(into: &join)
    } catch {
      if signals.received == nil { throw error }
    }
    if let signal = signals.received {
      StandardError.note("interrupted: the workers were stopped; nothing is said of the reel")
      throw ExitStatus.signal(signal)
    }
    let report = try join.verdict()
    if command.format == .text, !command.noConsole { try printConsole(report) }
    try JoinedVerdict(report, opened).print(command.format)
  }

  /// What a worker is called with, but for its segment and the reel.
  private var arguments: [String] {
    ["replay", "--format", "json", "--dies-with-input"]
      + ["--exit-timeout", command.exitTimeout.description]
      + ["--landing-limit", command.landingLimit.description]
      + (command.showLandings ? ["--show-landings"] : [])
  }

  /// What the guest printed before the first divergence; the replay compared each byte of it.
  private func printConsole(_ report: VerdictReport) throws {
    let end = report.divergence?.index ?? .max
    try opened.reading { reel in
      var cursor = EventCursor(reel)
      while let event = try cursor.next(), cursor.index < end {
        StandardOutput.shared.write(
          bytes: ConsoleTranscript.consoleBytes(of: event, payload: cursor.payload(of: event)))
      }
    }
  }
}

/// The verdict that the results of segments make together.
struct JoinedVerdict {
  private let report: VerdictReport
  private let opened: OpenedReel

  init(_ report: VerdictReport, _ opened: OpenedReel) {
    self.report = report
    self.opened = opened
  }

  /// Prints it where `replay` prints its verdict, and ends with the status it would end with.
  ///
  /// - Throws: the ``ExitStatus``, when it is not 0.
  func print(_ format: TextOrJSON) throws {
    if format == .json { try report.print() }
    try StandardOutput.shared.flush()
    if format == .text {
      if report.exitsNormalized > 0 {
        StandardError.note(
          ReplaySession.normalizationNote(report.exitsNormalized, of: opened.metadata.host))
      }
      StandardError.note(SegmentJoin.text(report, path: opened.path))
    }
    if report.outcome == .diverged { throw ExitStatus.difference }
    try opened.requireWhole()
  }
}
