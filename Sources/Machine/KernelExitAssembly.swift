/// Puts the tracepoints' records of one thread together to exits: one step for each record, in
/// their order.
///
///     entry … exit [fault address] [accesses] … entry             the kernel handled it
///     entry … exit [fault address] … run return [accesses] … entry   the runner got it, or a signal came
///
/// What the guest reads is traced only after the runner has answered, so an exit stays open until
/// the guest is entered again.
public struct KernelExitAssembly: Sendable {
  private var pending: KernelExit?
  private var outcome: KernelExit.Outcome?
  private var entryTime: UInt64?
  /// Exits seen.
  public private(set) var exitCount: UInt64 = 0
  /// Faults of nested paging whose address no record told.
  public private(set) var unknownAddresses: UInt64 = 0
  /// Records of any tracepoint the ring had no room for.
  public private(set) var lostRecords: UInt64 = 0
  /// KVM_RUN calls that returned an exit.
  public private(set) var returnedRuns: UInt64 = 0
  /// KVM_RUN calls that a signal or `immediate_exit` ended.
  public private(set) var interruptedRuns: UInt64 = 0
  /// Accesses seen.
  public private(set) var accessCount: UInt64 = 0
  /// Accesses that another one of the same exit took the place of.
  public private(set) var replacedAccesses: UInt64 = 0
  /// Accesses before the first exit, or behind a loss, which belong to none.
  public private(set) var strayAccesses: UInt64 = 0

  /// Nothing seen.
  public init() {}

  /// The guest was entered.
  public mutating func enter(at time: UInt64) -> KernelExit? {
    defer { entryTime = time }
    return finish(.handled)
  }

  /// The guest was left.
  public mutating func leave(_ exit: KernelExit) -> KernelExit? {
    // Without an entry between them: its record was lost, or KVM entered again on its fast path.
    let before = finish(.handled)
    var exit = exit
    exit.entryNanoseconds = entryTime
    entryTime = nil
    // SVM says where in EXITINFO2; VMX in a tracepoint of its own, which follows.
    if exit.isa == 2, exit.isNestedPagingFault { exit.guestPhysicalAddress = exit.info2 }
    pending = exit
    exitCount &+= 1
    return before
  }

  /// A fault was taken, or an access outside RAM emulated, at an address; the exit before, when it
  /// still lacks one, was for it.
  public mutating func fault(at address: UInt64) {
    guard let exit = pending, exit.isNestedPagingFault, exit.guestPhysicalAddress == nil
    else { return }
    pending?.guestPhysicalAddress = address
  }

  /// The guest accessed a port, memory outside RAM or an MSR; the exit before was for it.
  ///
  /// Of several the last stays, as in `perf kvm stat`.
  public mutating func access(_ access: TracedAccess) {
    accessCount &+= 1
    guard let exit = pending else {
      strayAccesses &+= 1
      return
    }
    if exit.access != nil { replacedAccesses &+= 1 }
    pending?.access = access
  }

  /// KVM_RUN is about to return; the first return after an exit says what became of that.
  public mutating func runReturned(interrupted: Bool) {
    if interrupted { interruptedRuns &+= 1 } else { returnedRuns &+= 1 }
    if pending != nil, outcome == nil { outcome = interrupted ? .interrupted : .returned }
  }

  /// Records are missing here: nothing may be paired across the hole.
  public mutating func noteLoss(of count: UInt64) -> KernelExit? {
    lostRecords &+= count
    entryTime = nil
    return finish(.unknown)
  }

  /// The exit that waits for more, finished.
  ///
  /// - Parameter otherwise: what became of it, where no return of KVM_RUN has told.
  public mutating func finish(_ otherwise: KernelExit.Outcome) -> KernelExit? {
    guard var exit = pending else { return nil }
    pending = nil
    exit.outcome = outcome ?? otherwise
    outcome = nil
    if exit.isNestedPagingFault, exit.guestPhysicalAddress == nil { unknownAddresses &+= 1 }
    return exit
  }
}
