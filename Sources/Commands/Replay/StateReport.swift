internal import Analysis
internal import Machine
internal import Replay

/// The guest's state at a moment of a replay, as JSON.
struct StateReport: Encodable {
  /// Ranges listed of the page tables.
  static let rangeLimit = 512
  private static let segmentNames = ["cs", "ds", "es", "fs", "gs", "ss", "tr", "ldt"]

  let schema = "vmreel.state/1"
  /// The event that was asked for.
  var event: UInt64
  /// The event that ended the instruction it is in: the state is the one after it.
  var shownAfterEvent: UInt64
  /// The keyframe the replay started from.
  var startKeyframe: UInt64
  /// Sealed segments on the way that were jumped.
  var sealsJumped: UInt64
  /// General registers, RIP and RFLAGS, in the order of data sheets.
  var registers: [Register]
  var segments: [Segment]
  var descriptorTables: [Segment]
  /// CR0 to CR8, EFER, the APIC base.
  var control: [Register]
  /// DR0 to DR7.
  var debug: [Register]
  var modelSpecific: [Register]
  /// KVM's `mp_state`: 0 runnable, 3 halted.
  var multiprocessingState: UInt32
  /// An exception or interrupt that is injected or pending.
  var eventsInFlight: [String]
  /// What the page tables map, when that was asked for.
  var pageTables: PageTableReport?
  /// The memory that was asked for.
  var memory: [MemoryReport]

  struct Register: Encodable {
    var name: String
    var value: HexWord
  }

  struct Segment: Encodable {
    var name: String
    var selector: HexWord?
    var base: HexWord
    var limit: HexWord
    var type: UInt8?
    var attributes: HexWord?
    var isUnusable: Bool?
  }

  struct PageTableReport: Encodable {
    /// Why there are none, in a clause.
    var absent: String?
    var isTruncated: Bool
    var ranges: [Range]

    struct Range: Encodable {
      var virtualAddress: HexWord
      var physicalAddress: HexWord
      var byteCount: UInt64
      var isWritable: Bool
      var isUser: Bool
      var isExecutable: Bool
    }
  }

  struct MemoryReport: Encodable {
    var address: HexWord
    var isVirtual: Bool
    var bytes: String
    /// The bytes themselves, for the text.
    var content: [UInt8] = []

    private enum CodingKeys: String, CodingKey {
      case address, isVirtual, bytes
    }
  }

  /// Takes from the state what was asked for.
  ///
  /// - Throws: ``CommandFailure`` when memory was asked for that is not RAM.
  init(
    _ state: VCPUState, _ ram: GuestMemory, options: StateOptions, event: UInt64,
    _ verdict: ReplayVerdict
  ) throws {
    self.event = event
    shownAfterEvent = verdict.lastEvent
    startKeyframe = verdict.startKeyframe
    sealsJumped = verdict.sealsJumped
    registers = state.registers.named.map { Register(name: $0.name, value: HexWord($0.value)) }
    let system = state.system
    segments = zip(Self.segmentNames, system.segments).map { name, segment in
      Segment(
        name: name, selector: HexWord(UInt64(segment.selector)), base: HexWord(segment.base),
        limit: HexWord(UInt64(segment.limit)), type: segment.type,
        attributes: HexWord(UInt64(segment.attributes)), isUnusable: segment.isUnusable)
    }
    descriptorTables = [("gdt", system.gdt), ("idt", system.idt)].map { name, table in
      Segment(name: name, base: HexWord(table.base), limit: HexWord(UInt64(table.limit)))
    }
    control = [
      ("cr0", system.cr0), ("cr2", system.cr2), ("cr3", system.cr3), ("cr4", system.cr4),
      ("cr8", system.cr8), ("efer", system.efer), ("apicbase", system.apicBase),
    ].map { Register(name: $0.0, value: HexWord($0.1)) }
    debug =
      state.debug.addresses.enumerated().map {
        Register(name: "dr\($0.offset)", value: HexWord($0.element))
      }
      + [("dr6", state.debug.dr6), ("dr7", state.debug.dr7)].map {
        Register(name: $0.0, value: HexWord($0.1))
      }
    modelSpecific = state.modelSpecific.map {
      Register(
        name: MSRNames.name(of: UInt64($0.index)) ?? "0x\(String($0.index, radix: 16))",
        value: HexWord($0.value))
    }
    multiprocessingState = state.multiprocessingState
    eventsInFlight = Self.eventsInFlight(state.events)
    let tables = AddressSpace(system, ram)
    pageTables = options.pageTables ? tables.report() : nil
    memory = try options.memory.map { choice in
      let content = try tables.read(choice, at: verdict.lastEvent)
      return MemoryReport(
        address: HexWord(choice.address), isVirtual: choice.isVirtual,
        bytes: HexBytes.text(of: content),
        content: content)
    }
  }

  private static func eventsInFlight(_ events: VCPUEvents) -> [String] {
    var texts: [String] = []
    if events.exceptionState & 3 != 0 {
      texts.append(
        "exception \(events.exceptionVector) "
          + (events.exceptionState & 1 != 0 ? "injected" : "pending"))
    }
    if events.interruptState & 1 != 0 {
      texts.append("interrupt 0x\(String(events.interruptVector, radix: 16)) injected")
    }
    if events.interruptShadow != 0 {
      texts.append("interrupts shadowed by \(events.interruptShadow & 2 != 0 ? "STI" : "MOV SS")")
    }
    if events.nmiState & 3 != 0 { texts.append("NMI") }
    if events.tripleFaultPending & 1 != 0 { texts.append("triple fault pending") }
    return texts
  }
}

/// The guest's virtual addresses at a moment.
private struct AddressSpace {
  private static let paging: UInt64 = 1 << 31

  private let tables: PageTables?
  private let isPaging: Bool
  private let memory: GuestMemory

  init(_ system: SystemRegisters, _ memory: GuestMemory) {
    tables = PageTables(system, memory)
    isPaging = system.cr0 & Self.paging != 0
    self.memory = memory
  }

  /// The page tables' ranges, or why there are none.
  func report() -> StateReport.PageTableReport {
    guard let tables else {
      return StateReport.PageTableReport(
        absent: isPaging
          ? "the guest's paging is not of the 4-level kind, the only one this vmreel walks"
          : "paging is off: virtual addresses are physical ones",
        isTruncated: false, ranges: [])
    }
    let list = tables.ranges(limit: StateReport.rangeLimit)
    return StateReport.PageTableReport(
      isTruncated: list.isTruncated,
      ranges: list.ranges.map {
        StateReport.PageTableReport.Range(
          virtualAddress: HexWord($0.virtualAddress), physicalAddress: HexWord($0.physicalAddress),
          byteCount: $0.byteCount, isWritable: $0.isWritable, isUser: $0.isUser,
          isExecutable: $0.isExecutable)
      })
  }

  /// Reads a range page by page.
  ///
  /// - Throws: ``CommandFailure`` naming the first address that is not RAM.
  func read(_ choice: MemoryChoice, at event: UInt64) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var left = choice.byteCount
    var address = choice.address
    while left > 0 {
      let pageSize = UInt64(GuestMemory.pageSize)
      let count = min(left, pageSize - address % pageSize)
      let physical = choice.isVirtual ? try translate(address, choice, event) : address
      guard let part = memory.read(physical, count: Int(count)) else {
        throw CommandFailure(
          "--memory \(choice.text): \(hex(physical)) lies outside the guest's RAM of "
            + "\(memory.byteCount >> 20) MiB; ask for less or for another address")
      }
      bytes += part
      left -= count
      address = address &+ count
    }
    return bytes
  }

  private func translate(
    _ address: UInt64, _ choice: MemoryChoice, _ event: UInt64
  ) throws -> UInt64 {
    guard isPaging else { return address }
    guard let tables else {
      throw CommandFailure(
        "--memory \(choice.text): the guest's paging is not of the 4-level kind, the only one this "
          + "vmreel walks; give a physical address")
    }
    guard let physical = tables.translate(address) else {
      throw CommandFailure(
        "--memory \(choice.text): nothing is mapped at the virtual address \(hex(address)) after "
          + "event \(event); --page-tables lists what is")
    }
    return physical
  }

  private func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
}
