internal import ArgumentParser
internal import Glibc
internal import KVM
internal import Machine
internal import Replay
internal import Trace

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
      "What RDTSC reads: freeze (a value the recording chose), patch (the kernel is rewritten), "
        + "none (the host's counter) or auto (the best this host can do; none for built-in guests)."
    ))
  var tsc: TSCChoice = .auto

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Kick a guest that has not exited for this long, such as 5ms.", valueName: "time"))
  var quantum = Duration.milliseconds(5)

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Take a keyframe every so many guest-made exits (10000), so much time (250ms) or so much "
        + "memory changed (32MiB); 0 for none.", valueName: "spacing"))
  var keyframeEvery = KeyframeSpacing.exits(65_536)

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

  @Option(name: .long, help: "What each exit stores of the digest: bits8 or full.")
  var check: CheckDepth = .bits8

  mutating func validate() throws {
    guard quantum.nanoseconds >= 100_000 else {
      throw ValidationError("--quantum must be at least 100us, or the guest makes no progress")
    }
    guard maxExits != 0 else { throw ValidationError("--max-exits must be at least 1") }
    guard untilConsole != "" else {
      throw ValidationError("--until-console needs a text to wait for")
    }
  }

  /// The policy for a guest on a host.
  ///
  /// - Throws: ``CommandFailure`` when the host cannot keep what the user asked for.
  func policy(for guest: Metadata.Guest, on facts: HostFacts) throws -> RecordingPolicy {
    var policy = RecordingPolicy()
    policy.placement = placement == .seal ? .seal : .exit
    policy.clock = (clock ?? (isatty(STDIN_FILENO) != 0 ? .real : .warp)) == .real ? .real : .warp
    policy.tsc = try tsc.policy(for: guest, on: facts)
    // An exact window is exact on this host only: `exit` goes without, so that its reels replay on
    // every KVM.
    policy.interruptWindowIsExact = facts.irqWindowIsExact && policy.placement == .seal
    policy.quantumNanoseconds = quantum.nanoseconds
    keyframeEvery.apply(to: &policy)
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
  case bits8
  case full
}
