internal import Analysis
internal import ArgumentParser

/// Whether `diff` looks into the guests' registers and memory.
struct DiffStateOptions: ParsableArguments {
  @Flag(
    name: .long,
    help: "Compare the guests' registers and RAM at --at, from keyframes or by replaying both.")
  var memory = false

  @Option(
    name: .long,
    help: ArgumentHelp(
      "For --memory: after this event of A, and this one of B; by default the last common event "
        + "before the first difference.", valueName: "event[,event]"))
  var at: MomentChoice?

  @Flag(
    name: .long,
    help: "Say why the runs part, replaying both where that is needed; only what was checked.")
  var explain = false

  mutating func validate() throws {
    guard at == nil || memory else { throw ValidationError("--at needs --memory") }
  }

  var isAsked: Bool { memory || explain }
}

/// A moment as the command line names it: an event of A, or one of each reel.
struct MomentChoice: ExpressibleByArgument {
  var a: UInt64
  var b: UInt64?

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    guard parts.count <= 2, let first = parts.first, let a = UInt64(first) else { return nil }
    self.a = a
    if parts.count == 2 {
      guard let b = UInt64(parts[1]) else { return nil }
      self.b = b
    }
  }
}
