internal import Bytes
public struct VCPUStateEntry: Sendable { public var kind: UInt16; public var version: UInt16; public var bytes: [UInt8]
 public init(kind: UInt16, version: UInt16, bytes: [UInt8]) { self.kind = kind; self.version = version; self.bytes = bytes } }
extension VCPUState {
  public var entries: [VCPUStateEntry] {
    var w = ByteWriter()
    for r in registers.named { w.append(r.value) }
    for s in system.segments { w.append(s.base); w.append(s.limit); w.append(s.selector); w.append(s.type); w.append(s.attributes); w.append(UInt8(s.isUnusable ? 1:0)) }
    for t in [system.gdt, system.idt] { w.append(t.base); w.append(t.limit) }
    for v in [system.cr0, system.cr2, system.cr3, system.cr4, system.cr8, system.efer, system.apicBase] { w.append(v) }
    w.append(lengthPrefixed: floatingPoint)
    for l in [extendedControl, modelSpecific] { w.append(varint: UInt64(l.count)); for r in l { w.append(r.index); w.append(r.value) } }
    w.append(events.exceptionState); w.append(events.exceptionVector); w.append(events.exceptionErrorCode); w.append(events.exceptionPayload)
    w.append(events.interruptState); w.append(events.interruptVector); w.append(events.interruptShadow); w.append(events.nmiState); w.append(events.smiState); w.append(events.startupVector); w.append(events.tripleFaultPending)
    for d in debug.addresses { w.append(d) }; w.append(debug.dr6); w.append(debug.dr7); w.append(multiprocessingState)
    return [VCPUStateEntry(kind: 1, version: 1, bytes: w.bytes)]
  }
  public init(entries: [VCPUStateEntry]) throws {
    self.init()
    var r = ByteReader(entries[0].bytes)
    var v: [UInt64] = []
    for _ in 0..<18 { v.append(try r.read()) }
    registers.rax=v[0];registers.rbx=v[1];registers.rcx=v[2];registers.rdx=v[3];registers.rsi=v[4];registers.rdi=v[5];registers.rsp=v[6];registers.rbp=v[7]
    registers.r8=v[8];registers.r9=v[9];registers.r10=v[10];registers.r11=v[11];registers.r12=v[12];registers.r13=v[13];registers.r14=v[14];registers.r15=v[15];registers.rip=v[16];registers.rflags=v[17]
    for i in 0..<8 { system.segments[i].base = try r.read(); system.segments[i].limit = try r.read(); system.segments[i].selector = try r.read(); system.segments[i].type = try r.read(); system.segments[i].attributes = try r.read(); system.segments[i].isUnusable = try r.read(UInt8.self) != 0 }
    system.gdt.base = try r.read(); system.gdt.limit = try r.read(); system.idt.base = try r.read(); system.idt.limit = try r.read()
    system.cr0 = try r.read(); system.cr2 = try r.read(); system.cr3 = try r.read(); system.cr4 = try r.read(); system.cr8 = try r.read(); system.efer = try r.read(); system.apicBase = try r.read()
    floatingPoint = try r.readLengthPrefixed(limit: 65536)
    for _ in 0..<(try r.readVarint()) { extendedControl.append(IndexedRegister(index: try r.read(), value: try r.read())) }
    for _ in 0..<(try r.readVarint()) { modelSpecific.append(IndexedRegister(index: try r.read(), value: try r.read())) }
    events.exceptionState = try r.read(); events.exceptionVector = try r.read(); events.exceptionErrorCode = try r.read(); events.exceptionPayload = try r.read()
    events.interruptState = try r.read(); events.interruptVector = try r.read(); events.interruptShadow = try r.read(); events.nmiState = try r.read(); events.smiState = try r.read(); events.startupVector = try r.read(); events.tripleFaultPending = try r.read()
    for i in 0..<4 { debug.addresses[i] = try r.read() }; debug.dr6 = try r.read(); debug.dr7 = try r.read(); multiprocessingState = try r.read()
  }
}
public struct StateDifference: Sendable { public var field: String; public var recorded: String; public var replayed: String }
public enum NormalForm {
  public static func normalized(_ s: VCPUState) -> VCPUState { var s = s; s.registers.rflags &= ~RFlags.resume; for i in 512..<520 where s.floatingPoint.count > 520 { s.floatingPoint[i] = 0 }; return s }
  public static func differences(from: VCPUState, to: VCPUState) -> [StateDifference] {
    let a = normalized(from), b = normalized(to)
    if a == b { return [] }
    var out: [StateDifference] = []
    func d<T: Equatable>(_ n: String, _ x: T, _ y: T) { if x != y { out.append(StateDifference(field: n, recorded: "\(x)", replayed: "\(y)")) } }
    d("regs", a.registers, b.registers); d("sys", a.system, b.system); d("fpu", zip(a.floatingPoint, b.floatingPoint).enumerated().filter { $0.element.0 != $0.element.1 }.prefix(20).map { "\($0.offset):\($0.element)" }, []); d("xcr", a.extendedControl, b.extendedControl); d("msr", a.modelSpecific, b.modelSpecific); d("ev", a.events, b.events); d("dbg", a.debug, b.debug); d("mp", a.multiprocessingState, b.multiprocessingState)
    return out
  }
}
