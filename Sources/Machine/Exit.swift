/// Why the processor stopped, with what it wants from the runner.
///
/// A payload is at most three words so that an exit is copied, never allocated. Accesses of more
/// than one element (`count` > 1: REP INS, REP OUTS) carry their bytes in
/// ``Processor/withExitData(_:)``.
public enum ExitReason: Equatable, Sendable {
  /// OUT or REP OUTS. `value` holds the data of a single element, zero-extended.
  case portWrite(PortAccess, value: UInt64)
  /// IN or REP INS: the runner must answer.
  case portRead(PortAccess)
  /// A store to a guest physical address that is not RAM; 1–8 bytes, zero-extended.
  case memoryWrite(address: UInt64, width: UInt8, value: UInt64)
  /// A load from a guest physical address that is not RAM: the runner must answer.
  case memoryRead(address: UInt64, width: UInt8)
  /// WRMSR of a register the filter sends to the runner: the runner must accept it.
  case msrWrite(index: UInt32, value: UInt64)
  /// RDMSR of a register the filter sends to the runner: the runner must answer.
  case msrRead(index: UInt32)
  /// HLT.
  case halt
  /// The interrupt window the runner asked for is open.
  case interruptWindow
  /// Triple fault or an equivalent shutdown.
  case shutdown
  /// The host stopped the guest; it made no exit of its own.
  case kick(KickCause)
  /// A single step or a breakpoint asked for by the runner.
  case debug(address: UInt64)
  /// The guest reported a system event (KVM_EXIT_SYSTEM_EVENT).
  case systemEvent(type: UInt32)
  /// The processor cannot go on: KVM_EXIT_INTERNAL_ERROR, with KVM's suberror.
  case internalError(suberror: UInt32)
  /// The guest state was refused at entry: KVM_EXIT_FAIL_ENTRY.
  case entryFailure(hardwareReason: UInt64)
  /// An exit this version has no use for, by KVM_EXIT_* code.
  case unsupported(code: UInt32)
}

/// A port access: IN, OUT and their string forms.
public struct PortAccess: Equatable, Sendable {
  /// The I/O port.
  public var port: UInt16
  /// Bytes per element: 1, 2 or 4.
  public var width: UInt8
  /// Elements; 1 unless the instruction is a string form.
  public var count: UInt32

  /// Makes a port access.
  public init(port: UInt16, width: UInt8, count: UInt32 = 1) {
    self.port = port
    self.width = width
    self.count = count
  }
}

/// Why the host stopped a guest that had made no exit.
public enum KickCause: Equatable, Sendable {
  /// The slice reached the limit given to ``Processor/run(sliceLimitNanoseconds:)``.
  case sliceLimit
  /// Somebody else asked for the guest to stop.
  case request
}

/// One exit with the host times around the guest's slice before it.
public struct Exit: Equatable, Sendable {
  /// Why the guest stopped.
  public var reason: ExitReason
  /// Host monotonic time just before the guest was entered, in nanoseconds.
  public var entryNanoseconds: UInt64
  /// Host monotonic time just after the guest was left, in nanoseconds.
  public var exitNanoseconds: UInt64
  /// Whether the guest may have read a timestamp other than the frozen one in the slice.
  public var isTainted = false

  /// Makes an exit.
  public init(_ reason: ExitReason, entryNanoseconds: UInt64 = 0, exitNanoseconds: UInt64 = 0) {
    self.reason = reason
    self.entryNanoseconds = entryNanoseconds
    self.exitNanoseconds = exitNanoseconds
  }
}
