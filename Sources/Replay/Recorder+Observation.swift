internal import Machine
internal import Trace

extension Recorder {
  /// The counters are read at a keyframe when they are older than this.
  private static var totalsIntervalNanoseconds: UInt64 { 100_000_000 }

  /// Puts what the kernel traced during the last run into the reel, after the events there are.
  ///
  /// Called before the run's own exit is logged: what happened in the segment comes after the
  /// event the segment began with. Completing an instruction never enters the guest, so runs are
  /// all there is to ask after.
  func noteKernelExits(startingAt entry: UInt64) {
    guard let observer else { return }
    let start = startNanoseconds ?? entry
    startNanoseconds = start
    // The base keyframe's mark comes before the first run, so there is always an event.
    let anchor = nextEvent &- 1
    unsafe observer.takeKernelExits { exits in
      for index in exits.indices {
        sink.append(
          KernelExitRecord(unsafe exits[index], anchor: anchor, startNanoseconds: start))
      }
    }
  }

  /// Puts the host's counters into the reel; nothing where the host has none.
  func noteTotals(_ moment: HostTotals.Moment) {
    guard let counters = observer?.counters(), !counters.isEmpty else { return }
    lastTotalsTime = lastExitTime
    sink.append(
      HostTotals(
        moment: moment, anchor: nextEvent == 0 ? nil : nextEvent - 1, time: lastExitTime,
        counters: counters.map { HostTotals.Counter(name: $0.name, value: $0.value) }))
  }

  /// At a keyframe, so that the reel of a killed recorder has late counters too.
  func noteTotalsIfDue() {
    if lastExitTime &- lastTotalsTime >= Self.totalsIntervalNanoseconds { noteTotals(.keyframe) }
  }
}

extension KernelExitRecord {
  /// The record of an exit whose times count from the recording's start.
  init(_ exit: KernelExit, anchor: EventIndex, startNanoseconds start: UInt64) {
    self.init()
    self.anchor = anchor
    vcpu = exit.vcpu
    isa = exit.isa
    reason = exit.reason
    rip = exit.rip
    info1 = exit.info1
    info2 = exit.info2
    interruptInformation = UInt64(exit.interruptInformation)
    errorCode = UInt64(exit.errorCode)
    flags =
      switch exit.outcome {
      case .handled: []
      case .returned: .returned
      case .interrupted: .interrupted
      case .unknown: .outcomeUnknown
      }
    setAddress(exit.guestPhysicalAddress)
    setTimes(entry: exit.entryNanoseconds, exit: exit.exitNanoseconds, since: start)
  }
}
