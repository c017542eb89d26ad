internal import ArgumentParser
internal import Machine

/// The moment whose state `replay` prints, and what of it.
struct StateOptions: ParsableArguments {
  /// The most bytes printed of one range of memory.
  static let memoryLimit: UInt64 = 1 << 20

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Replay to the moment after this event, from the keyframe before it; needs --dump-state.",
      valueName: "event"))
  var at: UInt64?

  @Flag(name: .customLong("dump-state"), help: "Print the guest's registers at --at.")
  var dumpState = false

  @Flag(name: .customLong("page-tables"), help: "Print what the guest's page tables map at --at.")
  var pageTables = false

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Print so many bytes of RAM at --at; v: before the address makes it a virtual one. "
        + "May be repeated.", valueName: "[v:]address:length"))
  var memory: [MemoryChoice] = []

  mutating func validate() throws {
    guard (at != nil) == dumpState else {
      throw ValidationError("--at and --dump-state need each other")
    }
    guard at != nil || !pageTables && memory.isEmpty else {
      throw ValidationError("--page-tables and --memory need --at and --dump-state")
    }
  }
}

/// A range of guest memory as the command line names it: `0x1000:64` or `v:0xffff800000000000:4096`.
struct MemoryChoice: ExpressibleByArgument {
  var isVirtual: Bool
  var address: UInt64
  var byteCount: UInt64

  init?(argument: String) {
    isVirtual = argument.hasPrefix("v:")
    let parts = argument.dropFirst(isVirtual ? 2 : 0)
      .split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let address = Address(argument: String(parts[0])),
      let count = Address(argument: String(parts[1])),
      (1...StateOptions.memoryLimit).contains(count.value),
      address.value <= UInt64.max - (count.value - 1)
    else { return nil }
    self.address = address.value
    byteCount = count.value
  }

  var text: String {
    (isVirtual ? "v:" : "") + "0x\(String(address, radix: 16)):\(byteCount)"
  }
}
