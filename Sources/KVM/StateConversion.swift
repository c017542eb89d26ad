internal import CKVM
internal import Machine

// Between linux/kvm.h's structures and Machine's values, field by field.

extension SegmentRegister {
  init(_ segment: kvm_segment) {
    self.init()
    base = segment.base
    limit = segment.limit
    selector = segment.selector
    type = segment.type
    let bits = [
      segment.present, segment.dpl & 1, segment.dpl >> 1 & 1, segment.db, segment.s, segment.l,
      segment.g, segment.avl,
    ]
    attributes = bits.enumerated().reduce(0) { $0 | ($1.element & 1) << UInt8($1.offset) }
    isUnusable = segment.unusable != 0
  }
}

extension kvm_segment {
  init(_ segment: SegmentRegister) {
    let bits = segment.attributes
    self.init(
      base: segment.base, limit: segment.limit, selector: segment.selector, type: segment.type,
      present: bits & 1, dpl: bits >> 1 & 3, db: bits >> 3 & 1, s: bits >> 4 & 1,
      l: bits >> 5 & 1, g: bits >> 6 & 1, avl: bits >> 7 & 1,
      unusable: segment.isUnusable ? 1 : 0, padding: 0)
  }
}

extension DescriptorTable {
  init(_ table: kvm_dtable) {
    self.init()
    base = table.base
    limit = table.limit
  }
}

extension kvm_dtable {
  init(_ table: DescriptorTable) {
    self.init(base: table.base, limit: table.limit, padding: (0, 0, 0))
  }
}

extension SystemRegisters {
  init(_ sregs: kvm_sregs) {
    self.init()
    segments = [
      sregs.cs, sregs.ds, sregs.es, sregs.fs, sregs.gs, sregs.ss, sregs.tr, sregs.ldt,
    ].map(SegmentRegister.init)
    (gdt, idt) = (DescriptorTable(sregs.gdt), DescriptorTable(sregs.idt))
    (cr0, cr2, cr3, cr4) = (sregs.cr0, sregs.cr2, sregs.cr3, sregs.cr4)
    (cr8, efer, apicBase) = (sregs.cr8, sregs.efer, sregs.apic_base)
  }
}

extension kvm_sregs {
  /// The interrupt bitmap stays zero: the events carry the injected vector.
  init(_ system: SystemRegisters) throws(ProcessorError) {
    guard system.segments.count == 8 else {
      throw .misuse("KVM_SET_SREGS", "\(system.segments.count) segments; 8 are needed")
    }
    let segments = system.segments.map(kvm_segment.init)
    self.init()
    (cs, ds, es, fs) = (segments[0], segments[1], segments[2], segments[3])
    (gs, ss, tr, ldt) = (segments[4], segments[5], segments[6], segments[7])
    (gdt, idt) = (kvm_dtable(system.gdt), kvm_dtable(system.idt))
    (cr0, cr2, cr3, cr4) = (system.cr0, system.cr2, system.cr3, system.cr4)
    (cr8, efer, apic_base) = (system.cr8, system.efer, system.apicBase)
  }
}

extension VCPUEvents {
  init(_ events: kvm_vcpu_events) {
    self.init()
    let exception = events.exception
    exceptionState = Self.bits(
      exception.injected, exception.pending, exception.has_error_code,
      events.exception_has_payload)
    exceptionVector = exception.nr
    exceptionErrorCode = exception.error_code
    exceptionPayload = events.exception_payload
    interruptState = Self.bits(events.interrupt.injected, events.interrupt.soft, 0, 0)
    interruptVector = events.interrupt.nr
    interruptShadow = events.interrupt.shadow
    nmiState = Self.bits(events.nmi.injected, events.nmi.pending, events.nmi.masked, 0)
    smiState = Self.bits(
      events.smi.smm, events.smi.pending, events.smi.smm_inside_nmi, events.smi.latched_init)
    startupVector = events.sipi_vector
    tripleFaultPending = events.triple_fault.pending
  }

  private static func bits(_ b0: UInt8, _ b1: UInt8, _ b2: UInt8, _ b3: UInt8) -> UInt8 {
    func flag(_ byte: UInt8, _ bit: UInt8) -> UInt8 { byte == 0 ? 0 : 1 << bit }
    return flag(b0, 0) | flag(b1, 1) | flag(b2, 2) | flag(b3, 3)
  }
}

extension kvm_vcpu_events {
  init(_ events: VCPUEvents, smm: Bool, payload: Bool, tripleFault: Bool) {
    self.init()
    exception.injected = events.exceptionState & 1
    exception.pending = events.exceptionState >> 1 & 1
    exception.has_error_code = events.exceptionState >> 2 & 1
    exception_has_payload = events.exceptionState >> 3 & 1
    exception.nr = events.exceptionVector
    exception.error_code = events.exceptionErrorCode
    exception_payload = events.exceptionPayload
    interrupt.injected = events.interruptState & 1
    interrupt.soft = events.interruptState >> 1 & 1
    interrupt.nr = events.interruptVector
    interrupt.shadow = events.interruptShadow
    nmi.injected = events.nmiState & 1
    nmi.pending = events.nmiState >> 1 & 1
    nmi.masked = events.nmiState >> 2 & 1
    smi.smm = events.smiState & 1
    smi.pending = events.smiState >> 1 & 1
    smi.smm_inside_nmi = events.smiState >> 2 & 1
    smi.latched_init = events.smiState >> 3 & 1
    sipi_vector = events.startupVector
    triple_fault.pending = events.tripleFaultPending
    var valid = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW
    if smm { valid |= KVM_VCPUEVENT_VALID_SMM }
    if payload { valid |= KVM_VCPUEVENT_VALID_PAYLOAD }
    if tripleFault { valid |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT }
    flags = UInt32(valid)
  }
}

extension DebugRegisters {
  init(_ debug: kvm_debugregs) {
    self.init()
    addresses = [debug.db.0, debug.db.1, debug.db.2, debug.db.3]
    (dr6, dr7) = (debug.dr6, debug.dr7)
  }
}

extension kvm_debugregs {
  init(_ debug: DebugRegisters) throws(ProcessorError) {
    guard debug.addresses.count == 4 else {
      throw .misuse("KVM_SET_DEBUGREGS", "\(debug.addresses.count) addresses; 4 are needed")
    }
    self.init()
    db = (debug.addresses[0], debug.addresses[1], debug.addresses[2], debug.addresses[3])
    (dr6, dr7) = (debug.dr6, debug.dr7)
  }
}

extension kvm_fpu {
  /// The FXSAVE image of the registers (Intel SDM §10.5.1).
  var fxsaveImage: [UInt8] {
    var image = [UInt8](repeating: 0, count: VirtualCPU.fxsaveByteCount)
    func put(_ value: some FixedWidthInteger, at offset: Int) {
      for index in 0..<MemoryLayout.size(ofValue: value) {
        image[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index))
      }
    }
    put(fcw, at: 0)
    put(fsw, at: 2)
    put(ftwx, at: 4)
    put(last_opcode, at: 6)
    put(last_ip, at: 8)
    put(last_dp, at: 16)
    put(mxcsr, at: 24)
    // Safe: both register files are plain bytes of these sizes.
    unsafe withUnsafeBytes(of: fpr) { unsafe image.replaceSubrange(32..<160, with: $0) }
    unsafe withUnsafeBytes(of: xmm) { unsafe image.replaceSubrange(160..<416, with: $0) }
    return image
  }

  /// The registers of an FXSAVE image of at least 512 bytes.
  init(fxsaveImage image: [UInt8]) {
    self.init()
    func get<Value: FixedWidthInteger>(_ offset: Int) -> Value {
      (0..<MemoryLayout<Value>.size).reduce(0) {
        $0 | Value(truncatingIfNeeded: image[offset + $1]) << Value(8 * $1)
      }
    }
    (fcw, fsw, ftwx, last_opcode) = (get(0), get(2), get(4), get(6))
    (last_ip, last_dp, mxcsr) = (get(8), get(16), get(24))
    // Safe: the sizes are equal, and the image was checked to hold 512 bytes.
    unsafe withUnsafeMutableBytes(of: &fpr) { unsafe $0.copyBytes(from: image[32..<160]) }
    unsafe withUnsafeMutableBytes(of: &xmm) { unsafe $0.copyBytes(from: image[160..<416]) }
  }
}
