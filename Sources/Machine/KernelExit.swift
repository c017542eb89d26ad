/// An exit of the guest as the host's kernel traced it, whether the kernel handled it alone or not.
///
/// The numbers are the CPU's: see the SDM volume 3C, "VM exits", for VMX and the APM volume 2,
/// chapter 15, for SVM. Fixed size, so that a run of them is recorded without allocating.
public struct KernelExit: Equatable, Sendable {
  /// What became of an exit.
  public enum Outcome: UInt8, Sendable, CaseIterable {
    /// The kernel entered the guest again by itself.
    case handled = 0
    /// KVM_RUN returned to the runner with an exit.
    case returned = 1
    /// KVM_RUN returned to the runner because a signal was pending.
    case interrupted = 2
    /// The record that would say so was lost.
    case unknown = 3
  }

  /// 1 VMX, 2 SVM, as the tracepoint has it.
  public var isa: UInt8 = 0
  /// The vCPU.
  public var vcpu: UInt16 = 0
  /// What became of it.
  public var outcome = Outcome.unknown
  /// The exit reason (VMX, all 32 bits) or the exit code (SVM).
  public var reason: UInt64 = 0
  /// RIP at the exit.
  public var rip: UInt64 = 0
  /// Exit qualification (VMX) or EXITINFO1 (SVM).
  public var info1: UInt64 = 0
  /// IDT-vectoring information (VMX) or EXITINFO2 (SVM).
  public var info2: UInt64 = 0
  /// VM-exit interruption information (VMX) or EXITINTINFO (SVM).
  public var interruptInformation: UInt32 = 0
  /// The error code of ``interruptInformation``.
  public var errorCode: UInt32 = 0
  /// The access it was for; the last one where there were several, `nil` when none was traced.
  public var access: TracedAccess?
  /// Where the guest accessed memory, for a fault of nested paging; `nil` when that is not known.
  public var guestPhysicalAddress: UInt64?
  /// Host monotonic nanoseconds when the guest was entered before; `nil` when that is not known.
  public var entryNanoseconds: UInt64?
  /// Host monotonic nanoseconds at the exit.
  public var exitNanoseconds: UInt64 = 0

  /// An exit with all fields zero.
  public init() {}

  /// Whether this is a fault of nested paging, which happened at a guest physical address.
  public var isNestedPagingFault: Bool {
    switch isa {
    // EPT_VIOLATION and EPT_MISCONFIG; the upper bits are flags.
    case 1: [48, 49].contains(reason & 0xffff)
    // NPF
    case 2: reason == 0x400
    default: false
    }
  }
}

/// An access to a port, to memory outside RAM or to an MSR, as kvm_pio, kvm_mmio and kvm_msr trace it.
public struct TracedAccess: Equatable, Sendable {
  /// What was accessed.
  public enum Kind: UInt8, Sendable, CaseIterable {
    /// An I/O port.
    case port = 1
    /// Memory that is not RAM.
    case memory = 2
    /// A model-specific register.
    case msr = 3
  }

  /// What was accessed.
  public var kind: Kind
  /// Whether the guest wrote.
  public var isWrite: Bool
  /// Bytes of one element; 8 for an MSR.
  public var width: UInt8
  /// Elements of a string access, else 1.
  public var count: UInt32
  /// The port, the guest physical address or the MSR's index.
  public var address: UInt64
  /// What was read or written, of a string access the first element.
  public var value: UInt64

  /// Makes an access.
  public init(
    _ kind: Kind, isWrite: Bool, width: UInt8, count: UInt32 = 1, address: UInt64, value: UInt64
  ) {
    self.kind = kind
    self.isWrite = isWrite
    self.width = width
    self.count = count
    self.address = address
    self.value = value
  }
}

/// A counter of the host's kernel or of the tracer.
public struct HostCounter: Equatable, Sendable {
  /// `kvm.exits`, `tracer.lost`.
  public var name: String
  /// The value, counted from the vCPU's creation.
  public var value: UInt64

  /// Makes a counter.
  public init(name: String, value: UInt64) {
    self.name = name
    self.value = value
  }
}

/// What the host knows of a recording besides the exits it hands to the runner.
public protocol HostObserver: AnyObject {
  /// Hands out the kernel exits since the last call, oldest first, in portions; called on the
  /// vCPU's thread after each run, allocates nothing.
  func takeKernelExits(_ body: (UnsafeBufferPointer<KernelExit>) -> Void)
  /// The counters there are; empty where the host has none.
  func counters() -> [HostCounter]
}
