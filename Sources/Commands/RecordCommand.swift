internal import ArgumentParser
internal import Glibc
internal import Machine
internal import Replay
internal import Trace

/// `vmreel record`: runs a guest and writes its reel.
struct RecordCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "record",
    abstract: "Run a guest on KVM and write down everything that crosses its boundary.",
    discussion: """
      The guest's console goes to standard output, notes to standard error; the last line names \
      why the recording ended. Standard input that is not a terminal is read to its end before \
      the guest starts, when the guest reads input.

      Example:
        echo hello | vmreel record --guest echo -o echo.reel
      """)

  @OptionGroup var guestOptions: GuestOptions
  @OptionGroup var policyOptions: PolicyOptions

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The reel to write; NAME.reel by default.", valueName: "file"))
  var output: String?

  @Flag(name: .long, help: "Overwrite an existing reel.")
  var force = false

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Bytes for the serial port: a file, - for standard input, or none.", valueName: "file"))
  var input: String?

  @Flag(name: .customLong("dump-vga"), help: "Print the VGA text screen at the end.")
  var dumpVGA = false

  @Flag(name: .long, help: "End with the status the guest wrote to the debug-exit port.")
  var guestStatus = false

  mutating func validate() throws {
    guard output != "", output != "-" else {
      throw ValidationError("-o needs the name of a file; a reel cannot be written to a pipe")
    }
  }

  func run() throws {
    let image = try GuestImage.read(guestOptions)
    let session = try RecordSession(
      image: image, policy: policyOptions, output: output ?? "\(image.identity.name).reel",
      overwrite: force, input: input)
    let result = try session.run()
    if dumpVGA { StandardOutput.shared.write(VGAText.render(session.memory)) }
    try StandardOutput.shared.flush()
    if result.reason == .signal {
      throw ExitStatus.signal(Int32(truncatingIfNeeded: result.detail))
    }
    if guestStatus, result.reason == .debugExit {
      throw ExitStatus(code: Int32(truncatingIfNeeded: result.detail & 0xff))
    }
  }
}

/// The determinism policies a user may choose.
struct PolicyOptions: ParsableArguments {
  @Option(
    name: .long,
    help: "Where interrupts may come: exit (guest-made exits only) or seal (also at kicks).")
  var placement = PlacementChoice.seal

  @Option(
    name: .long,
    help: "The guest's clock: warp (virtual) or real; real when standard input is a terminal.")
  var clock: ClockChoice?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Kick a guest that has not exited for this long, such as 5ms.", valueName: "time"))
  var quantum = Duration.milliseconds(5)

  @Option(
    name: .long,
    help: ArgumentHelp("Take a keyframe every N guest-made exits; 0 for none.", valueName: "n"))
  var keyframeEvery: UInt64 = 65_536

  @Option(
    name: .customLong("for"),
    help: ArgumentHelp("Stop after so many seconds, or a time such as 200ms.", valueName: "time"))
  var timeLimit: Duration?

  @Option(name: .long, help: ArgumentHelp("Stop after this many guest-made exits.", valueName: "n"))
  var maxExits: UInt64?

  @Option(
    name: .long,
    help: ArgumentHelp("Stop when the console has printed this text.", valueName: "text"))
  var untilConsole: String?

  @Option(name: .long, help: "What each exit stores of the digest: bits16 or full.")
  var check: CheckDepth = .bits16

  mutating func validate() throws {
    guard quantum.nanoseconds >= 100_000 else {
      throw ValidationError("--quantum must be at least 100us, or the guest makes no progress")
    }
    guard maxExits != 0 else { throw ValidationError("--max-exits must be at least 1") }
    guard untilConsole != "" else {
      throw ValidationError("--until-console needs a text to wait for")
    }
  }

  /// The policy, on a host with the given window rule.
  func policy(interruptWindowIsExact: Bool) -> RecordingPolicy {
    var policy = RecordingPolicy()
    policy.placement = placement == .seal ? .seal : .exit
    policy.clock = (clock ?? (isatty(STDIN_FILENO) != 0 ? .real : .warp)) == .real ? .real : .warp
    policy.interruptWindowIsExact = interruptWindowIsExact
    policy.quantumNanoseconds = quantum.nanoseconds
    policy.keyframeExitInterval = keyframeEvery
    policy.timeLimitNanoseconds = timeLimit?.nanoseconds
    policy.exitLimit = maxExits
    policy.untilConsole = Array((untilConsole ?? "").utf8)
    policy.storesFullDigest = check == .full
    return policy
  }
}

/// The values of --placement.
enum PlacementChoice: String, ExpressibleByArgument, CaseIterable {
  case exit
  case seal
}

/// The values of --clock.
enum ClockChoice: String, ExpressibleByArgument, CaseIterable {
  case warp
  case real
}

/// How much of the running digest each exit stores.
enum CheckDepth: String, ExpressibleByArgument, CaseIterable {
  case bits16
  case full
}

/// The VGA text screen at 0xb8000: 25 rows of 80 cells, character then attribute.
enum VGAText {
  static let address: UInt64 = 0xb8000
  static let columns = 80
  static let rows = 25

  /// The screen as text, trailing blanks dropped; control and high characters print as dots.
  static func render(_ memory: GuestMemory) -> String {
    guard let cells = memory.read(address, count: columns * rows * 2) else {
      return "(the guest's RAM ends below the VGA text screen at 0xb8000)\n"
    }
    let lines = (0..<rows).map { row in
      let line = (0..<columns).map { column -> Character in
        let byte = cells[(row * columns + column) * 2]
        if byte == 0 { return " " }
        return (0x20..<0x7f).contains(byte) ? Character(UnicodeScalar(byte)) : "."
      }
      let end = line.lastIndex { $0 != " " }.map { $0 + 1 } ?? 0
      return String(line[..<end])
    }
    let last = lines.lastIndex { !$0.isEmpty }.map { $0 + 1 } ?? 0
    return lines[..<last].map { $0 + "\n" }.joined()
  }
}
