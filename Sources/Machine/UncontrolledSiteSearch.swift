internal import Disassembly

/// Where an instruction stands whose result no policy controls: RDTSC, RDTSCP, RDRAND, RDSEED or RDPID.
public struct UncontrolledSite: Hashable, Sendable {
  /// An address it is mapped at.
  public var virtualAddress: UInt64
  /// Where its bytes are in RAM.
  public var physicalAddress: UInt64
  /// The instruction's bytes.
  public var bytes: [UInt8]
  /// The width it was decoded with: 16, 32 or 64.
  public var bits: Int

  /// Makes a site.
  public init(virtualAddress: UInt64, physicalAddress: UInt64, bytes: [UInt8], bits: Int) {
    self.virtualAddress = virtualAddress
    self.physicalAddress = physicalAddress
    self.bytes = bytes
    self.bits = bits
  }
}

/// Finds such instructions in the code that a guest's kernel mode can execute.
///
/// Their opcodes occur inside other instructions and in data too. An occurrence counts when decoding
/// that begins at a known instruction (where RIP is, where a function begins) arrives at it, or else
/// decoding from at least half of the places before it: x86 code falls into step after a few
/// instructions wherever decoding begins. That is likely and no proof; whoever traps a site must take
/// for real only those at which the guest is caught.
public struct UncontrolledSiteSearch {
  /// Bytes of pages that hold anything, of which no more are searched.
  public static let maximumByteCount = 16 << 20
  /// The most sites.
  public static let maximumSites = 4096

  /// What was found, in the order of finding: first around RIP.
  public private(set) var sites: [UncontrolledSite] = []
  /// Bytes searched, in pages that are not all zero.
  public private(set) var byteCount = 0
  /// Why not all code was searched; one clause for each reason.
  public private(set) var omissions: [String] = []

  private static let neighbourhood: UInt64 = 8 << 20
  private static let rangeLimit = 65_536
  /// Pages looked at: hostile tables can map the same ones often.
  private static let visitLimit = 4 << 20
  /// Where decoding begins before an occurrence: 64 to 16 bytes.
  private static let farthestStart = 64
  private static let nearestStart = 16
  /// How far from a known instruction it is still worth decoding.
  private static let reach: UInt64 = 4096

  private let memory: GuestMemory
  private let instructionPointer: UInt64
  private let width: CodeWidth
  private let functionStart: (UInt64) -> UInt64?
  private var seen: Set<UInt64> = []
  private var visits = 0

  /// Searches.
  ///
  /// - Parameters:
  ///   - state: the vCPU, between two instructions.
  ///   - functionStart: where the function that an address lies in begins, if that is known.
  public init(
    _ state: VCPUState, _ memory: GuestMemory, functionStart: @escaping (UInt64) -> UInt64?
  ) {
    let code = state.system.segments[0]
    let base = state.system.cr0 & Self.paging == 0 ? code.base : 0
    self.memory = memory
    instructionPointer = base &+ state.registers.rip
    // Of the attributes bit 5 is L, bit 3 D.
    width =
      code.attributes >> 5 & 1 != 0 && state.system.efer & Self.longModeActive != 0
      ? .bits64 : code.attributes >> 3 & 1 != 0 ? .bits32 : .bits16
    self.functionStart = functionStart
    guard let ranges = ranges(state.system) else {
      omissions.append("only 4-level page tables can be walked, and this guest uses others")
      return
    }
    // Where the guest is comes first, since the rest may be too much.
    let near = ranges.compactMap { $0.part(around: instructionPointer, Self.neighbourhood) }
    for range in near + ranges where omissions.last != limit { search(range) }
    if visits == Self.visitLimit { omissions.append("the page tables map too many pages") }
  }

  private static let paging: UInt64 = 1 << 31
  private static let longModeActive: UInt64 = 1 << 10
  private static let supervisorPrevention: UInt64 = 1 << 20

  /// What is said when a limit ends the search.
  private var limit: String {
    sites.count < Self.maximumSites
      ? "only \(Self.maximumByteCount >> 20) MiB of code were searched"
      : "only the first \(Self.maximumSites) sites were taken"
  }

  private var isLeft: Bool { byteCount < Self.maximumByteCount && sites.count < Self.maximumSites }

  /// The code that kernel mode can execute; `nil` where page tables cannot be walked.
  private mutating func ranges(_ system: SystemRegisters) -> [PageTables.Range]? {
    guard system.cr0 & Self.paging != 0 else {
      return [
        PageTables.Range(
          virtualAddress: 0, physicalAddress: 0, byteCount: UInt64(memory.byteCount),
          isWritable: true, isUser: false, isExecutable: true)
      ]
    }
    guard let tables = PageTables(system, memory) else { return nil }
    let list = tables.ranges(limit: Self.rangeLimit)
    if list.isTruncated { omissions.append("the page tables map more ranges than are walked") }
    let executable = list.ranges.filter(\.isExecutable)
    // With CR4.SMEP kernel mode cannot execute user pages.
    let isPrevented = system.cr4 & Self.supervisorPrevention != 0
    if isPrevented, executable.contains(where: \.isUser) {
      omissions.append("user-mode code cannot be trapped")
    }
    return executable.filter { !(isPrevented && $0.isUser) }
  }

  // MARK: Pages

  private mutating func search(_ range: PageTables.Range) {
    let page = UInt64(GuestMemory.pageSize)
    var offset: UInt64 = 0
    while offset < range.byteCount, range.physicalAddress &+ offset < UInt64(memory.byteCount),
      visits < Self.visitLimit
    {
      defer { offset += page }
      visits += 1
      let physical = range.physicalAddress &+ offset
      guard seen.insert(physical).inserted,
        !memory.isZeroPage(UInt32(truncatingIfNeeded: physical >> 12))
      else { continue }
      guard isLeft else { return omissions.append(limit) }
      byteCount += GuestMemory.pageSize
      search(range, offset)
    }
  }

  private mutating func search(_ range: PageTables.Range, _ offset: UInt64) {
    let lead = min(offset, UInt64(Self.farthestStart))
    let tail = min(range.byteCount - offset - UInt64(GuestMemory.pageSize), 14)
    let first = range.physicalAddress &+ offset &- lead
    let count = Int(lead) + GuestMemory.pageSize
    guard
      let code = memory.read(first, count: count + Int(tail)) ?? memory.read(first, count: count)
    else { return }
    for place in Int(lead)..<count where Self.mayBe(code, place) && isLeft {
      let address = range.virtualAddress &+ offset &- lead
      guard let start = start(code, place, address, range),
        let instruction = Instruction(decoding: code, at: start, width: width)
      else { continue }
      let site = UncontrolledSite(
        virtualAddress: address &+ UInt64(start), physicalAddress: first &+ UInt64(start),
        bytes: Array(code[start..<start + instruction.length]), bits: width.rawValue)
      if sites.last != site { sites.append(site) }
    }
  }

  /// Whether one of the opcodes is there: 0F 31, 0F 01 F9, 0F C7 /6 and /7 with a register (Intel SDM
  /// volume 2).
  private static func mayBe(_ code: [UInt8], _ place: Int) -> Bool {
    guard code[place] == 0x0f, place + 1 < code.count else { return false }
    switch code[place + 1] {
    case 0x31: return true
    case 0x01: return place + 2 < code.count && code[place + 2] == 0xf9
    case 0xc7: return place + 2 < code.count && code[place + 2] >= 0xf0
    default: return false
    }
  }

  // MARK: Decoding

  /// Where the instruction that has its opcode at a place begins, if it is one.
  private func start(
    _ code: [UInt8], _ place: Int, _ address: UInt64, _ range: PageTables.Range
  ) -> Int? {
    let target = address &+ UInt64(place)
    for known in [instructionPointer, functionStart(target)].compactMap(\.self)
    where known <= target && target - known <= Self.reach && known >= range.virtualAddress {
      let physical = range.physicalAddress &+ (known - range.virtualAddress)
      let count = Int(target - known)
      guard let way = memory.read(physical, count: count + 4),
        let found = sweep(way, from: 0, to: count)
      else { continue }
      let start = place - (count - found)
      if start >= 0 { return start }
    }
    let last = max(0, place - Self.nearestStart)
    let starts = max(0, place - Self.farthestStart)...last
    var votes: [Int: Int] = [:]
    for start in starts {
      if let found = sweep(code, from: start, to: place) { votes[found, default: 0] += 1 }
    }
    // Prefixes may be taken for part of the instruction before: the most votes decide.
    guard let most = votes.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }),
      most.value * 2 >= starts.count
    else { return nil }
    return most.key
  }

  /// Decodes from `start` on.
  ///
  /// - Returns: where the instruction begins whose opcode is at `place`, when decoding comes to it.
  private func sweep(_ code: [UInt8], from start: Int, to place: Int) -> Int? {
    var offset = start
    while offset <= place {
      guard let instruction = Instruction(decoding: code, at: offset, width: width) else {
        offset += 1
        continue
      }
      if offset + instruction.length > place {
        return instruction.operation.isUncontrolled ? offset : nil
      }
      offset += instruction.length
    }
    return nil
  }
}

extension Instruction.Operation {
  fileprivate var isUncontrolled: Bool {
    switch self {
    case .rdtsc, .rdtscp, .rdrand, .rdseed, .rdpid: true
    default: false
    }
  }
}

extension PageTables.Range {
  /// What of it lies at most `distance` bytes from an address in it.
  fileprivate func part(around address: UInt64, _ distance: UInt64) -> Self? {
    guard address >= virtualAddress, address - virtualAddress < byteCount else { return nil }
    let offset = (address - virtualAddress) & ~0xfff
    let first = offset > distance ? offset - distance : 0
    var part = self
    part.virtualAddress += first
    part.physicalAddress += first
    part.byteCount = min(byteCount - first, 2 * distance)
    return part
  }
}
