/// What executes guest code: KVM in production, a script in tests.
///
/// One vCPU. The run loops drive it in one fixed order at every exit: `reply` → `complete` (when
/// they will capture or inject) → read readiness → capture → inject → `run`.
public protocol Processor: AnyObject {
  /// Runs the guest until it makes an exit or the host stops it.
  ///
  /// - Parameter limit: host nanoseconds after which the slice ends with
  ///   `kick(.sliceLimit)`; `nil` for no limit. A kick never comes before the limit, and a
  ///   request (``KickCause/request``) is delivered whether or not there is a limit.
  func run(sliceLimitNanoseconds limit: UInt64?) throws(ProcessorError) -> Exit

  /// Finishes the instruction of the last exit and runs nothing after it.
  ///
  /// - Returns: `nil` at an instruction boundary; otherwise the next exit of the same
  ///   instruction (the write half of a read-modify-write, the next part of a split or string
  ///   access), which must be answered like any other.
  func complete() throws(ProcessorError) -> Exit?

  /// Answers the last exit when it was a read of one element (port, memory or MSR).
  func reply(_ value: UInt64)

  /// Answers the last exit, a read of ``TimestampPort``: the low half of `value` to EAX, the high
  /// half to EDX, both zero-extended, as RDTSC does (Intel SDM vol. 2B).
  func replyTimestamp(_ value: UInt64)

  /// What RDTSC reads in the next runs and steps, whenever it is executed; `nil` leaves the counter
  /// alone.
  ///
  /// Needs TSC scaling. A slice in which the guest may have read another value is marked
  /// (``Exit/isTainted``).
  var frozenTimestamp: UInt64? { get set }

  /// The bytes of the last port access: `count × width`, to be read (OUT) or filled in (IN).
  func withExitData<Result>(_ body: (UnsafeMutableRawBufferPointer) -> Result) -> Result

  /// The general registers as of the last exit or completion; cheap.
  var registers: GeneralRegisters { get }

  /// The code at an instruction pointer, in the guest's current mode and address space.
  ///
  /// Legal inside an instruction too; may cost system calls.
  /// - Returns: `nil` where no RAM is mapped.
  func code(at instructionPointer: UInt64) throws(ProcessorError) -> GuestCode?

  /// Whether an interrupt injected now would be taken before the next instruction.
  var isReadyForInterrupt: Bool { get }

  /// Whether RFLAGS.IF was set at the last exit or completion.
  var areInterruptsEnabled: Bool { get }

  /// Whether the next run should end with ``ExitReason/interruptWindow`` as soon as an interrupt
  /// could be taken.
  var requestsInterruptWindow: Bool { get set }

  /// Injects an external interrupt; legal only when ``isReadyForInterrupt``.
  func injectInterrupt(vector: UInt8) throws(ProcessorError)

  /// The whole architectural state, at an instruction boundary.
  func captureState() throws(ProcessorError) -> VCPUState

  /// Replaces the whole architectural state.
  func restoreState(_ state: VCPUState) throws(ProcessorError)

  /// Replaces the general registers alone.
  func setRegisters(_ registers: GeneralRegisters) throws(ProcessorError)

  /// The RAM pages the guest wrote since the last call, ascending page numbers (address / 4096).
  func takeDirtyPages() throws(ProcessorError) -> [UInt32]

  /// What the processor can do to stop the guest at a chosen instruction.
  var debugFeatures: DebugFeatures { get }

  /// Executes one guest instruction.
  ///
  /// - Returns: `debug` after the instruction, or the exit it made instead, or
  ///   `kick` when the host interrupted first.
  func step() throws(ProcessorError) -> Exit

  /// Sets or, with `nil`, removes the one instruction breakpoint; hits end a run with `debug`.
  ///
  /// While one is set RAM may hold a HLT in its place.
  /// - Returns: false when this host's breakpoints need the address to be mapped, which it is not.
  @discardableResult
  func setBreakpoint(_ address: UInt64?) throws(ProcessorError) -> Bool
}

/// What a processor offers for stopping inside a segment.
public struct DebugFeatures: OptionSet, Equatable, Sendable {
  /// The bits.
  public let rawValue: UInt8
  /// Makes a set from bits.
  public init(rawValue: UInt8) { self.rawValue = rawValue }
  /// ``Processor/step()`` executes exactly one instruction.
  public static let singleStep = DebugFeatures(rawValue: 1)
  /// Hardware breakpoints work: the debug registers stop a run.
  public static let breakpoint = DebugFeatures(rawValue: 2)
  /// Software breakpoints work: a HLT written over the instruction stops a run, at CPL 0 only.
  public static let softwareBreakpoint = DebugFeatures(rawValue: 4)
  /// RFLAGS.RF passes a hardware breakpoint at the instruction where a run starts.
  public static let resumeFlag = DebugFeatures(rawValue: 8)

  /// Whether ``Processor/setBreakpoint(_:)`` works.
  public var canBreak: Bool { contains(.breakpoint) || contains(.softwareBreakpoint) }
}

/// A processor operation the host refused.
public struct ProcessorError: Error, Equatable, Sendable {
  /// What was attempted, by its ioctl or system call name: `KVM_SET_SREGS`.
  public var operation: String
  /// `errno` afterwards; 0 when the fault is not a system call's.
  public var errorNumber: Int32
  /// The KVM capability the operation needs, when one was missing.
  public var missingCapability: String?
  /// What the user can do about it, or what it means.
  public var advice: String?

  /// Makes an error.
  public init(
    operation: String, errorNumber: Int32 = 0, missingCapability: String? = nil,
    advice: String? = nil
  ) {
    self.operation = operation
    self.errorNumber = errorNumber
    self.missingCapability = missingCapability
    self.advice = advice
  }
}
