internal import CKVM
internal import Machine

/// The one-shot timer that ends slices which have grown too long.
///
/// It is armed lazily. A slice that finds it armed leaves it alone, and when it fires in a slice
/// younger than the limit the run loop arms it again for the rest. A guest that exits often
/// therefore costs about one `timer_settime` per limit, not per exit.
struct SliceTimer: ~Copyable {
  private let timer: Int32
  private var armedUntil: UInt64 = 0

  /// A deadline nearer than this may have fired already.
  private static let marginNanoseconds: UInt64 = 20_000

  /// Makes a timer that sends the kick signal to a thread (timer_create, SIGEV_THREAD_ID).
  init(thread: Int32) throws(ProcessorError) {
    timer = try check(ckvm_timer_create(thread), "timer_create")
  }

  deinit {
    ckvm_timer_delete(timer)
  }

  /// Sees to it that a signal comes by the deadline; it may come earlier.
  mutating func ensure(by deadline: UInt64, now: UInt64) throws(ProcessorError) {
    if armedUntil > now + Self.marginNanoseconds, armedUntil <= deadline { return }
    try arm(for: deadline)
  }

  /// Arms the timer anew, after a signal.
  mutating func arm(for deadline: UInt64) throws(ProcessorError) {
    try check(ckvm_timer_arm(timer, deadline), "timer_settime")
    armedUntil = deadline
  }
}
