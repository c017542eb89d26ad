public import Machine
public import Trace

extension Event {
  /// Whether an exit is of this event's kind and place.
  ///
  /// - Parameter comparesValue: whether what the guest wrote must be the same, too.
  public func isLike(_ exit: ExitReason, comparesValue: Bool) -> Bool {
    let live = Event(exit: exit)
    return live.kind == kind && live.address == address && live.width == width
      && live.count == count && (!comparesValue || live.value == value)
  }

  /// The event of an exit, without times, RIP and digest; payloads are the caller's to add.
  init(exit reason: ExitReason) {
    switch reason {
    case .portWrite(let access, let value):
      self.init(.portWrite, access, value: value)
    case .portRead(let access):
      self.init(.portRead, access, value: 0)
    case .memoryWrite(let address, let width, let value):
      self.init(.memoryWrite)
      self.address = address
      self.width = width
      self.value = value
    case .memoryRead(let address, let width):
      self.init(.memoryRead)
      self.address = address
      self.width = width
    case .msrWrite(let index, let value):
      self.init(.msrWrite)
      address = UInt64(index)
      self.value = value
    case .msrRead(let index):
      self.init(.msrRead)
      address = UInt64(index)
    case .halt: self.init(.halt)
    case .interruptWindow: self.init(.interruptWindow)
    case .shutdown: self.init(.shutdown)
    case .kick: self.init(.kick)
    case .systemEvent(let type):
      self.init(.systemEvent)
      address = UInt64(type)
    case .debug(let debugAddress):
      self.init(.failure)
      address = KVMExitCode.debug
      value = debugAddress
    case .internalError(let suberror):
      self.init(.failure)
      address = KVMExitCode.internalError
      value = UInt64(suberror)
    case .entryFailure(let hardwareReason):
      self.init(.failure)
      address = KVMExitCode.failEntry
      value = hardwareReason
    case .unsupported(let code):
      self.init(.failure)
      address = UInt64(code)
    }
  }

  /// Keeps the arithmetic flags; after a shutdown they are the host's.
  mutating func noteFlags(of registers: borrowing GeneralRegisters) {
    guard kind != .shutdown else { return }
    arithmeticFlags = UInt16(truncatingIfNeeded: registers.rflags & RFlags.arithmetic)
  }

  private init(_ kind: EventKind, _ access: PortAccess, value: UInt64) {
    self.init(kind)
    address = UInt64(access.port)
    width = access.width
    count = access.count > 1 ? access.count : 0
    self.value = access.count > 1 ? 0 : value
  }
}

/// The KVM_EXIT_* codes a `failure` event names (linux/kvm.h).
private enum KVMExitCode {
  static let debug: UInt64 = 4
  static let failEntry: UInt64 = 9
  static let internalError: UInt64 = 17
}
