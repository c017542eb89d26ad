internal import ArgumentParser
internal import KVM
internal import Machine
internal import Replay
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
      """)

  @Argument(help: "The reel.")
  var reel: String

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
  }

  func run() throws {
    let opened = try OpenedReel(path: reel, notesStripping: false)
    try opened.requireReplayable()
    var bounds = ReplayBounds()
    bounds.noExitNanoseconds = exitTimeout.nanoseconds
    bounds.totalLandingNanoseconds = landingLimit.nanoseconds
    let landingsFile = try landings.map { try LandingsFile(path: $0, reel: opened.reel) }
    let session = try ReplaySession(
      opened, printsConsole: !noConsole && format == .text, printsLandings: showLandings,
      bounds: bounds,
      knownLandings: landingsFile?.landings ?? [:])
    let verdict = try session.run()
    try landingsFile?.save(verdict.landings)
    if dumpVGA { StandardOutput.shared.write(VGAText.render(session.memory)) }
    if format == .json {
      StandardOutput.shared.write(
        bytes: try JSONText.encode(VerdictReport(verdict), pretty: true) + [0x0a])
    }
    try StandardOutput.shared.flush()
    if format == .text {
      if verdict.exitsNormalized > 0 {
        StandardError.note(session.normalizationNote(verdict.exitsNormalized))
      }
      let policy = opened.metadata.policies.tsc
      StandardError.note(VerdictText.render(verdict, path: reel, tscPolicy: policy))
    }
    switch verdict.outcome {
    case .identical, .consistent: try opened.requireWhole()
    case .diverged: throw ExitStatus.difference
    case .interrupted: throw ExitStatus.signal(session.stopSignal ?? 2)
    }
  }
}
