internal import Disassembly

/// An instruction in the guest's user space whose result no policy controls.
public struct UncontrolledInstruction: Equatable, Sendable {
  /// Its virtual address in the process that holds it.
  public var address: UInt64
  /// It in Intel syntax: `rdtsc`, `rdrand eax`.
  public var text: String
  /// Whether it reads the timestamp counter, not a random number or the processor's number.
  public var readsTimestamp: Bool
}

/// Looks through the processes of a guest for instructions that read what is not in the reel.
///
/// What is found was decoded from pages that user mode may execute, from the beginning of each page:
/// it may be there without having been executed.
public struct UncontrolledInstructionSearch {
  /// What was found, in the order of finding; at most ``limit``.
  public private(set) var found: [UncontrolledInstruction] = []
  /// The most that is listed.
  public static let limit = 12
  /// Of one page; the vDSO alone would fill the list.
  private static let pageLimit = 2

  private let includesTimestamp: Bool
  /// Guest physical addresses of pages looked through; processes share most of them.
  private var seen: Set<UInt64> = []
  /// 64 MiB of code for each process.
  private static let maximumPages = 16_384
  /// Over all processes.
  private static let maximumSeenPages = 65_536

  /// Starts a search.
  ///
  /// - Parameter includesTimestamp: whether RDTSC and RDTSCP count; they do not where the counter is
  ///   frozen.
  public init(includesTimestamp: Bool) {
    self.includesTimestamp = includesTimestamp
  }

  /// Looks through the process whose page tables are in force.
  public mutating func look(at system: SystemRegisters, in memory: GuestMemory) {
    guard let tables = PageTables(system, memory) else { return }
    let pages = tables.userExecutablePages(limit: Self.maximumPages)
    for (index, page) in pages.enumerated() {
      guard found.count < Self.limit, seen.count < Self.maximumSeenPages else { return }
      guard seen.insert(page.physicalAddress).inserted,
        var code = memory.read(page.physicalAddress, count: GuestMemory.pageSize)
      else { continue }
      let next = index + 1 < pages.count ? pages[index + 1] : nil
      if let next, next.virtualAddress == page.virtualAddress + UInt64(GuestMemory.pageSize) {
        code += memory.read(next.physicalAddress, count: Instruction.maximumLength - 1) ?? []
      }
      search(code, at: page.virtualAddress)
    }
  }

  /// The instruction at RIP as text; `nil` when no code is there.
  public static func text(
    at address: UInt64, _ system: SystemRegisters, in memory: GuestMemory
  ) -> String? {
    guard let tables = PageTables(system, memory) else { return nil }
    var code: [UInt8] = []
    let page = UInt64(GuestMemory.pageSize)
    while code.count < Instruction.maximumLength {
      let place = address &+ UInt64(code.count)
      let count = min(Instruction.maximumLength - code.count, Int(page - place % page))
      guard let physical = tables.translate(place),
        let bytes = memory.read(physical, count: count)
      else { break }
      code += bytes
    }
    // L and D of CS tell the width; only 64-bit code and compatibility mode come here.
    let isLong = system.segments[0].attributes >> 5 & 1 != 0
    return Instruction.text(of: code, at: address, width: isLong ? .bits64 : .bits32)
  }

  private mutating func search(_ code: [UInt8], at base: UInt64) {
    guard Self.mayHold(code) else { return }
    let most = min(Self.limit, found.count + Self.pageLimit)
    var offset = 0
    while offset < min(code.count, GuestMemory.pageSize), found.count < most {
      guard let instruction = Instruction(decoding: code, at: offset, width: .bits64) else {
        offset += 1
        continue
      }
      let readsTimestamp = instruction.operation == .rdtsc || instruction.operation == .rdtscp
      if readsTimestamp ? includesTimestamp : Self.isOther(instruction.operation) {
        let bytes = Array(code[offset..<offset + instruction.length])
        let address = base + UInt64(offset)
        found.append(
          UncontrolledInstruction(
            address: address,
            text: Instruction.text(of: bytes, at: address, width: .bits64)
              ?? "\(instruction.operation)",
            readsTimestamp: readsTimestamp))
      }
      offset += instruction.length
    }
  }

  /// Whether the opcode bytes of any of them occur: decoding every page would take long.
  private static func mayHold(_ code: [UInt8]) -> Bool {
    for offset in code.indices.dropLast() where code[offset] == 0x0f {
      let second = code[offset + 1]
      if second == 0x31 || second == 0x01 || second == 0xc7 { return true }
    }
    return false
  }

  private static func isOther(_ operation: Instruction.Operation) -> Bool {
    operation == .rdrand || operation == .rdseed || operation == .rdpid
  }
}
