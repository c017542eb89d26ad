internal import Trace

/// What of a guest and of its run a reel tells.
public struct ReelContents: Codable, Equatable, Sendable {
  /// Contents of memory pages.
  public var memory = false
  /// What the guest wrote to its consoles.
  public var consoleOutput = false
  /// What the guest was given: answers to its reads, interrupts.
  public var input = false
  /// Host times.
  public var times = false
  /// The vCPUs' registers at keyframes.
  public var registers = false
  /// Digests, to hold a replay or a guess to.
  public var digests = false
  /// Exits as the kernel saw them.
  public var kernelExits = false

  /// Takes what the file says; `note` adds what the events say.
  init(_ reel: Reel, metadata: Metadata?, registers: Bool) {
    memory = reel.header.hasPages && reel.blocks.contains { $0.header.type == .pages }
    times = !(metadata?.strippedParts.contains(.times) ?? false)
    digests = reel.header.hasConsole
    self.registers = registers
    kernelExits = !reel.kernelExitBlocks.isEmpty
  }

  mutating func note(_ event: Event) {
    if event.stream != 0 { consoleOutput = true }
    if event.kind.isInput { input = true }
  }

  /// The parts with their names, in the order they are named in.
  private var parts: [(name: String, isThere: Bool)] {
    [
      ("memory", memory), ("console output", consoleOutput), ("input", input),
      ("registers at keyframes", registers), ("digests", digests), ("host times", times),
      ("kernel exits", kernelExits),
    ]
  }

  /// What is there: `memory, input, host times`.
  public var present: [String] { parts.filter(\.isThere).map(\.name) }

  /// What is not.
  public var absent: [String] { parts.filter { !$0.isThere }.map(\.name) }
}
