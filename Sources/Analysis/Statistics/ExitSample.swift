public import Trace

/// Why the guest was left: the kind of an event of the runner, or the hardware's reason of an exit
/// the kernel saw.
public struct ExitReason: Hashable, Sendable {
  /// 0 the runner's event kinds, 1 VMX, 2 SVM; others are of no instruction set known.
  public var isa: UInt8
  /// ``EventKind/rawValue``, VMX exit reason or SVM exit code.
  public var code: UInt64

  /// Makes a reason.
  public init(isa: UInt8, code: UInt64) {
    self.isa = isa
    self.code = code
  }

  /// Whether the guest waited, in a HLT: how long that took says nothing of the host.
  public var isHalt: Bool {
    switch isa {
    case 0: code == UInt64(EventKind.halt.rawValue)
    case 1: code & 0xffff == 12
    case 2: code == 0x78
    default: false
    }
  }

  /// The event kind of a runner's exit.
  public var kind: EventKind? { isa == 0 ? EventKind(rawValue: UInt8(clamping: code)) : nil }
}

/// What an exit's address is an address of.
public enum AddressSpace: UInt8, Sendable {
  /// It has none.
  case none
  /// An I/O port.
  case port
  /// Guest physical memory.
  case memory
  /// A model-specific register.
  case msr
  /// A vector.
  case vector
  /// A kick's cause.
  case cause
}

/// One exit with its times, or one injected interrupt: what statistics count.
///
/// It is complete only when the vCPU was entered again, so a scan hands it out then.
public struct ExitSample: Sendable {
  /// The event, or of a kernel exit the event it is anchored after.
  public var index: EventIndex = 0
  /// Why.
  public var reason = ExitReason(isa: 0, code: 0)
  /// The vCPU.
  public var vcpu: UInt16 = 0
  /// The number of the phase it fell into; 0 without phases.
  public var phase: UInt16 = 0
  /// What ``address`` is an address of.
  public var space = AddressSpace.none
  /// Whether the access was a write.
  public var isWrite = false
  /// What is known of the times, and what became of a kernel exit.
  public var traits: Traits = []
  /// What woke the vCPU after a HLT.
  public var wake = Wake.none
  /// The vector, when an interrupt woke it.
  public var wakeVector: UInt8 = 0
  /// Port, guest physical address, MSR index, vector or cause.
  public var address: UInt64 = 0
  /// The data of a single element.
  public var value: UInt64 = 0
  /// Bytes moved.
  public var byteCount: UInt64 = 0
  /// RIP.
  public var rip: UInt64 = 0
  /// Host nanoseconds at the entry before.
  public var entryTime: UInt64 = 0
  /// Host nanoseconds at the exit.
  public var exitTime: UInt64 = 0
  /// From the exit to the next entry of the vCPU; of an interrupt, from pending to injected.
  public var handlingNanoseconds: UInt64 = 0

  /// A sample with all fields zero.
  public init() {}

  /// From the entry to the exit; meaningless without ``Traits/guestTime``.
  public var guestNanoseconds: UInt64 { exitTime &- entryTime }

  /// What is known of a sample.
  public struct Traits: OptionSet, Sendable {
    /// The bits.
    public let rawValue: UInt8
    /// Makes traits from bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// ``ExitSample/guestNanoseconds`` is known.
    public static let guestTime = Traits(rawValue: 1)
    /// ``ExitSample/handlingNanoseconds`` is known.
    public static let handlingTime = Traits(rawValue: 2)
    /// The kernel entered the guest again by itself.
    public static let handledByKernel = Traits(rawValue: 4)
    /// KVM_RUN returned an exit to the runner.
    public static let returned = Traits(rawValue: 8)
    /// A signal ended KVM_RUN.
    public static let interrupted = Traits(rawValue: 16)
    /// The exit fetched an instruction (nested paging).
    public static let fetch = Traits(rawValue: 32)
  }

  /// What ended a HLT.
  public enum Wake: UInt8, Sendable {
    /// Nothing known, or no HLT.
    case none
    /// An injected interrupt.
    case interrupt
    /// The vCPU was entered without one.
    case entry
    /// The recording ended.
    case end
  }
}

/// Takes what a scan finds, in order.
public protocol ExitObserver {
  /// The columns it needs besides kinds, vCPUs and times.
  var columns: Set<EventColumn> { get }
  /// Whether it takes batches of exits, and needs neither marks nor console output.
  var takesBatches: Bool { get }
  /// Whether interrupts matter to an observer that takes batches.
  var takesInterrupts: Bool { get }
  /// A batch of exits of the runner, instead of one call for each.
  mutating func observe(_ batch: borrowing ExitBatch, of run: borrowing EventRun)
  /// A batch of kernel exits.
  mutating func observe(_ batch: borrowing ExitBatch, of run: borrowing KernelExitRun)
  /// An exit, when the vCPU was entered again or the reel ended; exits of one vCPU in order.
  mutating func observe(_ exit: borrowing ExitSample)
  /// An injected interrupt.
  mutating func observe(interrupt: borrowing ExitSample)
  /// A byte that the guest wrote to a console by an event.
  mutating func observe(consoleByte: UInt8, stream: UInt8, at event: EventIndex, time: UInt64)
  /// A mark of the recorder: keyframe or resync.
  mutating func observe(mark: EventKind, number: UInt64, at event: EventIndex, time: UInt64)
}

extension ExitObserver {
  /// Takes none.
  public var takesBatches: Bool { false }
  /// Takes them.
  public var takesInterrupts: Bool { true }
  /// Never called.
  public mutating func observe(_ batch: borrowing ExitBatch, of run: borrowing EventRun) {}
  /// Never called.
  public mutating func observe(_ batch: borrowing ExitBatch, of run: borrowing KernelExitRun) {}
  /// Lets interrupts pass.
  public mutating func observe(interrupt: borrowing ExitSample) {}
  /// Lets console output pass.
  public mutating func observe(
    consoleByte: UInt8, stream: UInt8, at event: EventIndex, time: UInt64
  ) {}
  /// Lets marks pass.
  public mutating func observe(
    mark: EventKind, number: UInt64, at event: EventIndex, time: UInt64
  ) {}
}
