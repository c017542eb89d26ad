public import Trace

/// An exit that can be joined with the next entry of its vCPU: one of the runner, or of the kernel.
public protocol PairedExit {
  /// The vCPU.
  var vcpu: UInt16 { get }
  /// Host nanoseconds since the recording began when the guest was entered before.
  var entryTime: UInt64 { get }
  /// Host nanoseconds since the recording began at the exit.
  var exitTime: UInt64 { get }
  /// Whether ``entryTime`` is known.
  var hasEntryTime: Bool { get }
  /// Whether the time up to the next entry is that of handling it.
  var isHandledUntilEntry: Bool { get }
}

extension Event: PairedExit {
  /// Always.
  @inlinable public var hasEntryTime: Bool { true }
  /// Always.
  @inlinable public var isHandledUntilEntry: Bool { true }
}

extension KernelExitRecord: PairedExit {
  /// Unless tracepoint records were lost.
  @inlinable public var hasEntryTime: Bool { flags.contains(.entryTime) }
  /// When the kernel went on by itself: else the runner's time is in it.
  @inlinable public var isHandledUntilEntry: Bool { flags.isHandled }
}

/// An exit with the times around it.
public struct TimedExit<Exit: PairedExit> {
  /// The event's index, or the kernel exit's number in the export, counted from 0.
  public var number: UInt64
  /// The exit.
  public var exit: Exit
  /// From entering the guest to leaving it by this exit; `nil` when the reel does not tell.
  public var guestNanoseconds: UInt64?
  /// From leaving the guest by this exit to entering it again on the same vCPU; `nil` for the last,
  /// and for kernel exits that the kernel did not handle alone.
  public var handlingNanoseconds: UInt64?

  @inlinable
  init(number: UInt64, exit: Exit) {
    self.number = number
    self.exit = exit
  }
}

/// Joins each exit with the next entry of its vCPU, which ends its handling.
public struct ExitPairing<Exit: PairedExit> {
  @usableFromInline let hasTimes: Bool
  /// The exit of each vCPU that waits for the next entry.
  @usableFromInline var pending: [TimedExit<Exit>?] = []

  /// - Parameter hasTimes: whether the reel's times mean anything.
  public init(hasTimes: Bool) {
    self.hasTimes = hasTimes
  }

  /// Takes an exit.
  ///
  /// - Returns: the vCPU's exit before it, which is complete now.
  @inlinable
  public mutating func add(_ next: Exit, number: UInt64) -> TimedExit<Exit>? {
    var timed = TimedExit(number: number, exit: next)
    let knowsEntry = hasTimes && next.hasEntryTime
    if knowsEntry, next.exitTime >= next.entryTime {
      timed.guestNanoseconds = next.exitTime - next.entryTime
    }
    let vcpu = Int(next.vcpu)
    while pending.count <= vcpu { pending.append(nil) }
    var before = pending[vcpu]
    if knowsEntry, let last = before?.exit, last.isHandledUntilEntry,
      next.entryTime >= last.exitTime
    {
      before?.handlingNanoseconds = next.entryTime - last.exitTime
    }
    pending[vcpu] = timed
    return before
  }

  /// Takes an exit that is not to be handed out itself.
  ///
  /// - Returns: the vCPU's exit before it, and whether others still wait.
  public mutating func complete(with next: Exit) -> (exit: TimedExit<Exit>?, isWaiting: Bool) {
    let before = add(next, number: 0)
    pending[Int(next.vcpu)] = nil
    return (before, pending.contains { $0 != nil })
  }

  /// The exits that still wait, in order; their next entries are unknown.
  public mutating func removeAll() -> [TimedExit<Exit>] {
    defer { pending = [] }
    return pending.compactMap { $0 }.sorted { $0.number < $1.number }
  }
}
