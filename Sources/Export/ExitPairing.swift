public import Trace

/// An exit with the times around it.
public struct TimedExit {
  /// The exit's index.
  public var index: EventIndex
  /// The exit.
  public var event: Event
  /// From entering the guest to leaving it by this exit; `nil` when the reel does not tell.
  public var guestNanoseconds: UInt64?
  /// From leaving the guest by this exit to entering it again on the same vCPU; `nil` for the last.
  public var handlingNanoseconds: UInt64?
}

/// Joins each exit with the next entry of its vCPU, which ends its handling.
public struct ExitPairing {
  private let hasTimes: Bool
  /// The exit of each vCPU that waits for the next entry.
  private var pending: [TimedExit?] = []

  /// - Parameter hasTimes: whether the reel's times mean anything.
  public init(hasTimes: Bool) {
    self.hasTimes = hasTimes
  }

  /// Takes an exit.
  ///
  /// - Returns: the vCPU's exit before it, which is complete now.
  public mutating func add(_ event: Event, at index: EventIndex) -> TimedExit? {
    var exit = TimedExit(index: index, event: event)
    if hasTimes, event.exitTime >= event.entryTime {
      exit.guestNanoseconds = event.exitTime - event.entryTime
    }
    let vcpu = Int(event.vcpu)
    while pending.count <= vcpu { pending.append(nil) }
    var before = pending[vcpu]
    if hasTimes, let exitTime = before?.event.exitTime, event.entryTime >= exitTime {
      before?.handlingNanoseconds = event.entryTime - exitTime
    }
    pending[vcpu] = exit
    return before
  }

  /// Takes an exit that is not to be handed out itself.
  ///
  /// - Returns: the vCPU's exit before it, and whether others still wait.
  public mutating func complete(with event: Event) -> (exit: TimedExit?, isWaiting: Bool) {
    let before = add(event, at: 0)
    pending[Int(event.vcpu)] = nil
    return (before, pending.contains { $0 != nil })
  }

  /// The exits that still wait, in order; their next entries are unknown.
  public mutating func removeAll() -> [TimedExit] {
    defer { pending = [] }
    return pending.compactMap { $0 }.sorted { $0.index < $1.index }
  }
}

/// A kernel exit with its number and the times around it.
public struct TimedKernelExit {
  /// Its number in the export, counted from 0 in the reel's order.
  public var number: UInt64
  /// The exit.
  public var exit: KernelExitRecord
  /// From entering the guest to this exit; `nil` when the reel does not tell.
  public var guestNanoseconds: UInt64?
  /// From this exit to the next entry, when the kernel went on by itself.
  public var kernelNanoseconds: UInt64?
}

/// Joins each kernel exit with the next entry of its vCPU.
public struct KernelExitPairing {
  private let hasTimes: Bool
  private var pending: [TimedKernelExit?] = []
  private var count: UInt64 = 0

  /// - Parameter hasTimes: whether the reel's times mean anything.
  public init(hasTimes: Bool) {
    self.hasTimes = hasTimes
  }

  /// Takes a kernel exit.
  ///
  /// - Returns: the vCPU's kernel exit before it, which is complete now.
  public mutating func add(_ record: KernelExitRecord) -> TimedKernelExit? {
    var exit = TimedKernelExit(number: count, exit: record)
    count += 1
    let knowsEntry = hasTimes && record.flags.contains(.entryTime)
    if knowsEntry, record.exitTime >= record.entryTime {
      exit.guestNanoseconds = record.exitTime - record.entryTime
    }
    let vcpu = Int(record.vcpu)
    while pending.count <= vcpu { pending.append(nil) }
    var before = pending[vcpu]
    if knowsEntry, let last = before?.exit, last.flags.isHandled,
      record.entryTime >= last.exitTime
    {
      before?.kernelNanoseconds = record.entryTime - last.exitTime
    }
    pending[vcpu] = exit
    return before
  }

  /// Takes a kernel exit that is not to be handed out itself.
  ///
  /// - Returns: the vCPU's kernel exit before it, and whether others still wait.
  public mutating func complete(
    with record: KernelExitRecord
  ) -> (exit: TimedKernelExit?, isWaiting: Bool) {
    let before = add(record)
    pending[Int(record.vcpu)] = nil
    return (before, pending.contains { $0 != nil })
  }

  /// The kernel exits that still wait, in order.
  public mutating func removeAll() -> [TimedKernelExit] {
    defer { pending = [] }
    return pending.compactMap { $0 }.sorted { $0.number < $1.number }
  }
}
