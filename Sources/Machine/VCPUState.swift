/// The whole architectural state of one vCPU, as values that outlive the host that made them.
public struct VCPUState: Equatable, Sendable {
  /// General registers, RIP, RFLAGS.
  public var registers = GeneralRegisters()
  /// Segments, tables and control registers.
  public var system = SystemRegisters()
  /// The XSAVE area in standard format (4096 bytes), or an FXSAVE image (512 bytes) where the
  /// host has no XSAVE.
  public var floatingPoint: [UInt8] = []
  /// Extended control registers, ascending index; empty where the host has none.
  public var extendedControl: [IndexedRegister] = []
  /// Model-specific registers, ascending index.
  public var modelSpecific: [IndexedRegister] = []
  /// Pending and injected exceptions, interrupts, NMIs and SMIs.
  public var events = VCPUEvents()
  /// Debug registers.
  public var debug = DebugRegisters()
  /// KVM's `mp_state`: 0 runnable, 3 halted.
  public var multiprocessingState: UInt32 = 0

  /// The state of all fields zero.
  public init() {}
}

/// A register known by number: an MSR or an XCR.
public struct IndexedRegister: Equatable, Sendable {
  /// The MSR index or XCR number.
  public var index: UInt32
  /// Its value.
  public var value: UInt64
  /// Makes a register.
  public init(index: UInt32, value: UInt64) {
    self.index = index
    self.value = value
  }
}

/// One segment register with its hidden part (KVM's `struct kvm_segment`).
public struct SegmentRegister: Equatable, Sendable {
  /// Base address.
  public var base: UInt64 = 0
  /// Limit in bytes.
  public var limit: UInt32 = 0
  /// The visible selector.
  public var selector: UInt16 = 0
  /// Descriptor type, 0–15.
  public var type: UInt8 = 0
  /// Attribute bits: 0 present, 1–2 DPL, 3 D/B, 4 S, 5 L, 6 G, 7 AVL.
  public var attributes: UInt8 = 0
  /// Whether the segment is unusable (a null selector was loaded).
  public var isUnusable = false
  /// A segment of zeros.
  public init() {}
}

/// A descriptor-table register (GDTR or IDTR).
public struct DescriptorTable: Equatable, Sendable {
  /// Base address.
  public var base: UInt64 = 0
  /// Limit in bytes.
  public var limit: UInt16 = 0
  /// An empty table.
  public init() {}
}

/// Segments, descriptor tables and control registers (KVM's `struct kvm_sregs`).
public struct SystemRegisters: Equatable, Sendable {
  /// CS, DS, ES, FS, GS, SS, TR, LDTR, in this order; always eight.
  public var segments = [SegmentRegister](repeating: SegmentRegister(), count: 8)
  /// GDTR.
  public var gdt = DescriptorTable()
  /// IDTR.
  public var idt = DescriptorTable()
  /// CR0.
  public var cr0: UInt64 = 0
  /// CR2.
  public var cr2: UInt64 = 0
  /// CR3.
  public var cr3: UInt64 = 0
  /// CR4.
  public var cr4: UInt64 = 0
  /// CR8: the task priority.
  public var cr8: UInt64 = 0
  /// EFER.
  public var efer: UInt64 = 0
  /// The APIC base MSR.
  public var apicBase: UInt64 = 0
  /// System registers of zeros.
  public init() {}
}

/// Events in flight (KVM's `struct kvm_vcpu_events`).
public struct VCPUEvents: Equatable, Sendable {
  /// bit 0 injected, bit 1 pending, bit 2 has an error code, bit 3 has a payload.
  public var exceptionState: UInt8 = 0
  /// The exception's vector.
  public var exceptionVector: UInt8 = 0
  /// The exception's error code.
  public var exceptionErrorCode: UInt32 = 0
  /// The exception's payload (CR2 or DR6) not yet delivered.
  public var exceptionPayload: UInt64 = 0
  /// bit 0 injected, bit 1 soft.
  public var interruptState: UInt8 = 0
  /// The interrupt's vector.
  public var interruptVector: UInt8 = 0
  /// KVM_X86_SHADOW_INT_*: bit 0 MOV SS, bit 1 STI.
  public var interruptShadow: UInt8 = 0
  /// bit 0 injected, bit 1 pending, bit 2 masked.
  public var nmiState: UInt8 = 0
  /// bit 0 in SMM, bit 1 pending, bit 2 inside NMI, bit 3 latched INIT.
  public var smiState: UInt8 = 0
  /// The start-up IPI vector.
  public var startupVector: UInt32 = 0
  /// bit 0: a triple fault is pending.
  public var tripleFaultPending: UInt8 = 0
  /// No event in flight.
  public init() {}
}

/// DR0–DR3, DR6 and DR7.
public struct DebugRegisters: Equatable, Sendable {
  /// Breakpoint linear addresses; always four.
  public var addresses: [UInt64] = [0, 0, 0, 0]
  /// DR6.
  public var dr6: UInt64 = 0xffff_0ff0
  /// DR7.
  public var dr7: UInt64 = 0x400
  /// The state at reset (Intel SDM volume 3, §10.1.1).
  public init() {}
}
