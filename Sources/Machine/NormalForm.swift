/// The architectural normal form: what of a vCPU's state is compared between recording and replay.
///
/// Each rule removes something that hosts report differently although no guest can tell:
/// 1. RFLAGS.RF is masked.
/// 2. An unusable segment keeps its selector, and FS and GS their base (64-bit code still uses
///    it); its cached descriptor is dropped.
/// 3. Floating-point components absent from XSTATE_BV, or disabled in XCR0, take their initial
///    values, whatever bytes the host left there.
/// 4. MXCSR_MASK, the reserved bytes of the FXSAVE image and the XSAVE header beyond XSTATE_BV
///    are zeroed; an FXSAVE image becomes an XSAVE area.
/// 5. What KVM remembers of an exception or interrupt that is not in flight (any more) is zeroed:
///    its vector, error code and payload.
/// 6. An XCR0 with its reset value is dropped: a host without XSAVE has none.
/// 7. In real mode the types of CS to SS are dropped: no access checks them, and a CPU may or may
///    not change CS's when it is loaded.
/// 8. SYSENTER_ESP and SYSENTER_EIP keep their low halves: kvm-amd hands out 64 bits after the guest
///    wrote them, but sets 32 in a state it restores. SYSENTER uses no more on AMD (APM vol. 2, 6.1).
///
/// State after a shutdown has no normal form: kvm-amd resets it. Callers do not compare it.
public func normalized(_ state: VCPUState) -> VCPUState {
  var state = state
  state.registers.rflags &= ~RFlags.resume
  for index in state.system.segments.indices where state.system.segments[index].isUnusable {
    state.system.segments[index].reduce(keepingBase: index == 3 || index == 4)
  }
  if state.system.cr0 & protectionEnable == 0 {
    for index in state.system.segments.indices.prefix(6) { state.system.segments[index].type = 0 }
  }
  let xcr0 = state.extendedControl.first { $0.index == 0 }?.value
  state.floatingPoint = canonicalXSAVE(state.floatingPoint, enabled: xcr0 ?? 3)
  state.extendedControl.removeAll { $0 == IndexedRegister(index: 0, value: XSAVE.x87) }
  state.events.forgetWhatIsNotInFlight()
  for index in state.modelSpecific.indices
  where halfKeptRegisters.contains(state.modelSpecific[index].index) {
    state.modelSpecific[index].value &= 0xffff_ffff
  }
  return state
}

/// CR0.PE.
private let protectionEnable: UInt64 = 1

/// IA32_SYSENTER_ESP and IA32_SYSENTER_EIP.
private let halfKeptRegisters: ClosedRange<UInt32> = 0x175...0x176

extension VCPUEvents {
  fileprivate mutating func forgetWhatIsNotInFlight() {
    if exceptionState & 0b11 == 0 {
      exceptionState = 0
      exceptionVector = 0
    }
    if exceptionState & 0b100 == 0 { exceptionErrorCode = 0 }
    if exceptionState & 0b1000 == 0 { exceptionPayload = 0 }
    if interruptState & 1 == 0 {
      interruptState = 0
      interruptVector = 0
    }
  }
}

/// One field that differs between two states.
public struct StateDifference: Equatable, Sendable {
  /// The field's data-sheet name: `rip`, `cs.base`, `msr 0xc0000080`, `xmm3`.
  public var field: String
  /// The recorded value, in hexadecimal.
  public var recorded: String
  /// The replayed value, in hexadecimal.
  public var replayed: String

  /// Makes a difference.
  public init(field: String, recorded: String, replayed: String) {
    self.field = field
    self.recorded = recorded
    self.replayed = replayed
  }
}

/// The fields in which two states differ in normal form, in the order of the state's components.
///
/// - Parameter comparesArithmeticFlags: false for states of hosts of different kinds, which give
///   flags that an instruction leaves undefined different values.
public func differences(
  from recorded: VCPUState, to replayed: VCPUState, comparesArithmeticFlags: Bool = true
) -> [StateDifference] {
  var (recorded, replayed) = (normalized(recorded), normalized(replayed))
  if !comparesArithmeticFlags {
    recorded.registers.rflags &= ~RFlags.arithmetic
    replayed.registers.rflags &= ~RFlags.arithmetic
  }
  let left = fields(of: recorded)
  let right = fields(of: replayed)
  let rightValues = Dictionary(right.map { ($0.name, $0.value) }) { first, _ in first }
  let leftNames = Set(left.map(\.name))
  let changed = left.compactMap { field -> StateDifference? in
    let other = rightValues[field.name] ?? "absent"
    guard other != field.value else { return nil }
    return StateDifference(field: field.name, recorded: field.value, replayed: other)
  }
  return changed
    + right.filter { !leftNames.contains($0.name) }.map {
      StateDifference(field: $0.name, recorded: "absent", replayed: $0.value)
    }
}

extension SegmentRegister {
  fileprivate mutating func reduce(keepingBase: Bool) {
    var reduced = SegmentRegister()
    reduced.selector = selector
    reduced.isUnusable = true
    if keepingBase { reduced.base = base }
    self = reduced
  }
}

// MARK: - XSAVE (Intel SDM vol. 1 §13.4)

/// Offsets inside the standard XSAVE area.
private enum XSAVE {
  static let byteCount = 4096
  static let fxsaveByteCount = 512
  static let x87: UInt64 = 1
  static let sse: UInt64 = 2
  static let avx: UInt64 = 4
  static let registers = 32..<160
  static let xmm = 160..<416
  static let mxcsr = 24..<28
  static let mxcsrMask = 28..<32
  static let reserved = 416..<512
  static let header = 512..<576
  static let avxState = 576..<832
  static let laterState = 832..<4096
}

private func canonicalXSAVE(_ bytes: [UInt8], enabled: UInt64) -> [UInt8] {
  guard bytes.count == XSAVE.byteCount || bytes.count == XSAVE.fxsaveByteCount else {
    return bytes
  }
  let isFXSAVE = bytes.count == XSAVE.fxsaveByteCount
  var area = bytes + [UInt8](repeating: 0, count: XSAVE.byteCount - bytes.count)
  let present =
    isFXSAVE ? XSAVE.x87 | XSAVE.sse : area.word(at: 512) & (enabled | XSAVE.x87 | XSAVE.sse)
  if present & XSAVE.x87 == 0 {
    area.zero(0..<24)
    area.zero(XSAVE.registers)
    area[0] = 0x7f
    area[1] = 0x03
  }
  if present & XSAVE.sse == 0 { area.zero(XSAVE.xmm) }
  if present & (XSAVE.sse | XSAVE.avx) == 0 {
    area.replaceSubrange(XSAVE.mxcsr, with: [0x80, 0x1f, 0, 0])
  }
  if present & XSAVE.avx == 0 { area.zero(XSAVE.avxState) }
  if present & ~(XSAVE.x87 | XSAVE.sse | XSAVE.avx) == 0 { area.zero(XSAVE.laterState) }
  area[5] = 0
  for register in 0..<8 {
    let start = XSAVE.registers.lowerBound + 16 * register
    area.zero(start + 10..<start + 16)
  }
  area.zero(XSAVE.mxcsrMask)
  area.zero(XSAVE.reserved)
  area.zero(XSAVE.header)
  area.store(present | XSAVE.x87 | XSAVE.sse, at: 512)
  return area
}

extension [UInt8] {
  fileprivate mutating func zero(_ range: Range<Int>) {
    for index in range { self[index] = 0 }
  }

  fileprivate func word(at offset: Int) -> UInt64 {
    (0..<8).reduce(0) { $0 | UInt64(self[offset + $1]) << UInt64(8 * $1) }
  }

  fileprivate mutating func store(_ value: UInt64, at offset: Int) {
    for index in 0..<8 {
      self[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
    }
  }
}

// MARK: - Fields

private typealias Field = (name: String, value: String)

private func fields(of state: VCPUState) -> [Field] {
  state.registers.named.map { ($0.name, hex($0.value)) }
    + fields(of: state.system)
    + fields(ofFloatingPoint: state.floatingPoint)
    + state.extendedControl.map { ("xcr\($0.index)", hex($0.value)) }
    + state.modelSpecific.map { ("msr \(hex(UInt64($0.index)))", hex($0.value)) }
    + fields(of: state.events)
    + state.debug.addresses.enumerated().map { ("dr\($0.offset)", hex($0.element)) }
    + [
      ("dr6", hex(state.debug.dr6)), ("dr7", hex(state.debug.dr7)),
      ("mp_state", hex(UInt64(state.multiprocessingState))),
    ]
}

private func fields(of system: SystemRegisters) -> [Field] {
  let names = ["cs", "ds", "es", "fs", "gs", "ss", "tr", "ldtr"]
  let segments = zip(names, system.segments).flatMap { name, segment -> [Field] in
    [
      ("\(name).selector", hex(UInt64(segment.selector))), ("\(name).base", hex(segment.base)),
      ("\(name).limit", hex(UInt64(segment.limit))), ("\(name).type", hex(UInt64(segment.type))),
      ("\(name).attributes", hex(UInt64(segment.attributes))),
      ("\(name).unusable", segment.isUnusable ? "yes" : "no"),
    ]
  }
  return segments + [
    ("gdtr.base", hex(system.gdt.base)), ("gdtr.limit", hex(UInt64(system.gdt.limit))),
    ("idtr.base", hex(system.idt.base)), ("idtr.limit", hex(UInt64(system.idt.limit))),
    ("cr0", hex(system.cr0)), ("cr2", hex(system.cr2)), ("cr3", hex(system.cr3)),
    ("cr4", hex(system.cr4)), ("cr8", hex(system.cr8)), ("efer", hex(system.efer)),
    ("apic_base", hex(system.apicBase)),
  ]
}

private func fields(ofFloatingPoint area: [UInt8]) -> [Field] {
  guard area.count == XSAVE.byteCount else { return [("floating point", hex(bytes: area[...]))] }
  let registers = (0..<8).map { register -> Field in
    let start = XSAVE.registers.lowerBound + 16 * register
    return ("st\(register)", hex(bytes: area[start..<start + 10]))
  }
  let vectors = (0..<16).map { register -> Field in
    let start = XSAVE.xmm.lowerBound + 16 * register
    return ("xmm\(register)", hex(bytes: area[start..<start + 16]))
  }
  let rest = area[XSAVE.avxState.lowerBound...]
  return [
    ("fcw", hex(bytes: area[0..<2])), ("fsw", hex(bytes: area[2..<4])),
    ("ftw", hex(bytes: area[4..<5])), ("fop", hex(bytes: area[6..<8])),
    ("fip", hex(bytes: area[8..<16])), ("fdp", hex(bytes: area[16..<24])),
    ("mxcsr", hex(bytes: area[XSAVE.mxcsr])), ("xstate_bv", hex(area.word(at: 512))),
  ] + registers + vectors
    + (rest.allSatisfy { $0 == 0 } ? [] : [("extended state", hex(bytes: rest))])
}

private func fields(of events: VCPUEvents) -> [Field] {
  [
    ("exception.state", hex(UInt64(events.exceptionState))),
    ("exception.vector", hex(UInt64(events.exceptionVector))),
    ("exception.error_code", hex(UInt64(events.exceptionErrorCode))),
    ("exception.payload", hex(events.exceptionPayload)),
    ("interrupt.state", hex(UInt64(events.interruptState))),
    ("interrupt.vector", hex(UInt64(events.interruptVector))),
    ("interrupt.shadow", hex(UInt64(events.interruptShadow))),
    ("nmi.state", hex(UInt64(events.nmiState))), ("smi.state", hex(UInt64(events.smiState))),
    ("sipi.vector", hex(UInt64(events.startupVector))),
    ("triple_fault", hex(UInt64(events.tripleFaultPending))),
  ]
}

private func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }

/// Little-endian bytes as one number.
private func hex(bytes: ArraySlice<UInt8>) -> String {
  "0x"
    + bytes.reversed().map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
}
