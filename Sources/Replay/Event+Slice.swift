internal import Trace

extension Event {
  /// Host nanoseconds of the guest's slice before an exit; 0 where the stored times run backwards.
  var sliceNanoseconds: UInt64 { exitTime >= entryTime ? exitTime - entryTime : 0 }
}

extension UInt64 {
  /// Adds nanoseconds; stays at the largest value on overflow, so that hostile times cannot trap.
  mutating func add(_ nanoseconds: UInt64) {
    let (sum, overflow) = addingReportingOverflow(nanoseconds)
    self = overflow ? .max : sum
  }
}
