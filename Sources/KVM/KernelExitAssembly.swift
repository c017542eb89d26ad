internal import Machine

/// Puts the tracepoints' records together to exits: one step for each record, in their order.
///
///     entry … exit [fault address] … entry            the kernel handled it
///     entry … exit [fault address] … run return       the runner got it, or a signal came
struct KernelExitAssembly {
  private var pending: KernelExit?
  private var entryTime: UInt64?
  /// Exits seen.
  private(set) var exitCount: UInt64 = 0
  /// Faults of nested paging whose address no record told.
  private(set) var unknownAddresses: UInt64 = 0
  /// Records of any tracepoint the ring had no room for.
  private(set) var lostRecords: UInt64 = 0
  /// KVM_RUN calls that returned an exit.
  private(set) var returnedRuns: UInt64 = 0
  /// KVM_RUN calls that a signal or `immediate_exit` ended.
  private(set) var interruptedRuns: UInt64 = 0

  /// The guest was entered.
  mutating func enter(at time: UInt64) -> KernelExit? {
    defer { entryTime = time }
    return finish(.handled)
  }

  /// The guest was left.
  mutating func leave(_ exit: KernelExit) -> KernelExit? {
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
  mutating func fault(at address: UInt64) {
    guard let exit = pending, exit.isNestedPagingFault, exit.guestPhysicalAddress == nil
    else { return }
    pending?.guestPhysicalAddress = address
  }

  /// KVM_RUN is about to return.
  mutating func runReturned(interrupted: Bool) -> KernelExit? {
    if interrupted { interruptedRuns &+= 1 } else { returnedRuns &+= 1 }
    return finish(interrupted ? .interrupted : .returned)
  }

  /// Records are missing here: nothing may be paired across the hole.
  mutating func noteLoss(of count: UInt64) -> KernelExit? {
    lostRecords &+= count
    entryTime = nil
    return finish(.unknown)
  }

  /// The exit that waits for more, finished.
  mutating func finish(_ outcome: KernelExit.Outcome) -> KernelExit? {
    guard var exit = pending else { return nil }
    pending = nil
    exit.outcome = outcome
    if exit.isNestedPagingFault, exit.guestPhysicalAddress == nil { unknownAddresses &+= 1 }
    return exit
  }
}
