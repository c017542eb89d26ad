internal import Disassembly
public import Machine

/// Executes a replayed guest instruction by instruction and counts those whose result no log holds.
public struct InstructionCensus<CPU: Processor> {
  /// An instruction and how often it was executed.
  public struct Entry: Equatable, Sendable {
    /// The site, as RIP had it; its physical address is not looked up.
    public var address: UInt64
    /// The instruction's bytes.
    public var bytes: [UInt8]
    /// The width it was decoded with: 16, 32 or 64.
    public var bits: Int
    /// How often.
    public var count: UInt64
  }

  /// What was counted, in the order of the first time.
  public private(set) var entries: [Entry] = []
  /// Instructions executed.
  public private(set) var steps: UInt64 = 0
  /// Why it ended before the guest's next exit; `nil` when it did not.
  public private(set) var obstacle: String?

  /// Counts up to the guest's next exit.
  ///
  /// - Parameters:
  ///   - replayer: one whose range has ended between two instructions.
  ///   - limit: the most instructions.
  /// - Throws: ``ReplayError`` when the processor fails.
  public init(_ replayer: Replayer<CPU>, limit: UInt64) throws(ReplayError) {
    guard replayer.canStep else {
      obstacle = "this host's KVM does not execute single instructions"
      return
    }
    while steps < limit {
      let address = replayer.registers.rip
      let code = try replayer.code(at: address)
      switch try replayer.step().reason {
      case .debug: break
      case .kick:
        obstacle = "a single step at 0x\(String(address, radix: 16)) did not end"
        return
      default: return
      }
      steps += 1
      if let code { note(code, at: address) }
    }
    obstacle = "\(steps) instructions were executed, the most that are"
  }

  private mutating func note(_ code: GuestCode, at address: UInt64) {
    guard let width = CodeWidth(rawValue: code.bits),
      let instruction = Instruction(decoding: code.bytes, width: width),
      instruction.operation.isFromTheHost
    else { return }
    let bytes = Array(code.bytes.prefix(instruction.length))
    if let place = entries.firstIndex(where: { $0.address == address && $0.bytes == bytes }) {
      entries[place].count += 1
    } else {
      entries.append(Entry(address: address, bytes: bytes, bits: code.bits, count: 1))
    }
  }
}

extension Instruction.Operation {
  /// Whether the result comes from the processor alone and stands in no log.
  fileprivate var isFromTheHost: Bool {
    switch self {
    case .rdtsc, .rdtscp, .rdrand, .rdseed, .rdpid, .cpuid: true
    default: false
    }
  }
}
