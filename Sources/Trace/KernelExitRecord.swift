/// An exit that the host's kernel traced: observed, never compared, not part of the deterministic
/// stream.
public struct KernelExitRecord: Equatable, Sendable {
  /// The event after which it happened.
  public var anchor: EventIndex = 0
  /// The vCPU.
  public var vcpu: UInt16 = 0
  /// 1 VMX, 2 SVM.
  public var isa: UInt8 = 0
  /// What is known of it and what became of it.
  public var flags: KernelExitFlags = []
  /// The exit reason (VMX, all 32 bits) or the exit code (SVM).
  public var reason: UInt64 = 0
  /// RIP at the exit.
  public var rip: UInt64 = 0
  /// Exit qualification (VMX) or EXITINFO1 (SVM).
  public var info1: UInt64 = 0
  /// IDT-vectoring information (VMX) or EXITINFO2 (SVM).
  public var info2: UInt64 = 0
  /// VM-exit interruption information (VMX) or EXITINTINFO (SVM).
  public var interruptInformation: UInt64 = 0
  /// Its error code.
  public var errorCode: UInt64 = 0
  /// The port, guest physical address or MSR index that ``access`` was to.
  ///
  /// Without an access the guest physical address of a nested-paging fault. Known when
  /// ``KernelExitFlags/address`` is set.
  public var address: UInt64 = 0
  /// Host nanoseconds since the recording began when the guest was entered before; the exit's own
  /// time when ``KernelExitFlags/entryTime`` is not set.
  public var entryTime: UInt64 = 0
  /// Host nanoseconds since the recording began at the exit.
  public var exitTime: UInt64 = 0
  /// The access the exit was for, where that was traced; the last one of several.
  public var access = KernelExitAccess.none
  /// Bytes of one element of the access.
  public var width: UInt8 = 0
  /// Elements of the access: more than 1 for string instructions.
  public var count: UInt32 = 0
  /// What the access read or wrote, of a string access the first element.
  public var value: UInt64 = 0

  /// A record with all fields zero.
  public init() {}

  /// Sets where it happened, when that is known.
  public mutating func setAddress(_ known: UInt64?) {
    guard let known else { return }
    flags.insert(.address)
    address = known
  }

  /// Sets the times from nanoseconds of a clock on which the recording began at `start`; what was
  /// before that is at 0.
  ///
  /// - Parameter entry: when the guest was entered before; `nil` when that is not known.
  public mutating func setTimes(entry: UInt64?, exit: UInt64, since start: UInt64) {
    exitTime = exit &- min(start, exit)
    entryTime = exitTime
    if let entry {
      flags.insert(.entryTime)
      entryTime = entry &- min(start, entry)
    }
  }

  /// Where in guest physical memory the exit happened; `nil` when that is not known, or when the
  /// exit was for a port or an MSR.
  public var guestPhysicalAddress: UInt64? {
    guard flags.contains(.address), [.none, .memory].contains(access.kind) else { return nil }
    return address
  }
}

/// The access that an exit was for, as kvm_pio, kvm_mmio and kvm_msr trace it; an open set.
public struct KernelExitAccess: RawRepresentable, Hashable, Sendable {
  /// Bits 0–6 what was accessed, bit 7 whether it was written.
  public let rawValue: UInt8
  /// Makes an access from its number.
  public init(rawValue: UInt8) { self.rawValue = rawValue }
  /// None, or none that was traced.
  public static let none = KernelExitAccess(rawValue: 0)
  /// A read of an I/O port.
  public static let port = KernelExitAccess(rawValue: 1)
  /// A read of memory outside RAM.
  public static let memory = KernelExitAccess(rawValue: 2)
  /// A read of a model-specific register.
  public static let msr = KernelExitAccess(rawValue: 3)

  /// The same access as a write.
  public var asWrite: KernelExitAccess { KernelExitAccess(rawValue: rawValue | 0x80) }
  /// What was accessed, without the direction.
  public var kind: KernelExitAccess { KernelExitAccess(rawValue: rawValue & 0x7f) }
  /// Whether the guest wrote.
  public var isWrite: Bool { rawValue & 0x80 != 0 }

  /// `port`, `memory`, `msr`, or `access-N`.
  public var name: String {
    switch kind {
    case .none: "none"
    case .port: "port"
    case .memory: "memory"
    case .msr: "msr"
    default: "access-\(rawValue & 0x7f)"
    }
  }
}

/// What is known of a kernel exit and what became of it.
public struct KernelExitFlags: OptionSet, Equatable, Sendable {
  /// The bits as stored.
  public let rawValue: UInt8
  /// Makes flags from stored bits.
  public init(rawValue: UInt8) { self.rawValue = rawValue }
  // Computed, since what a scan asks of every exit should be a constant in its loop.

  /// KVM_RUN returned an exit to the runner after it.
  public static var returned: KernelExitFlags { KernelExitFlags(rawValue: 1) }
  /// KVM_RUN was ended by a signal after it.
  public static var interrupted: KernelExitFlags { KernelExitFlags(rawValue: 2) }
  /// What followed is not known: tracepoint records were lost.
  public static var outcomeUnknown: KernelExitFlags { KernelExitFlags(rawValue: 4) }
  /// The guest physical address is known.
  public static var address: KernelExitFlags { KernelExitFlags(rawValue: 8) }
  /// The time of the entry before is known.
  public static var entryTime: KernelExitFlags { KernelExitFlags(rawValue: 16) }

  /// Whether the kernel entered the guest again by itself.
  public var isHandled: Bool { isDisjoint(with: [.returned, .interrupted, .outcomeUnknown]) }
}
