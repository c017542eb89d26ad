internal import Glibc

/// The scheduling of a thread that should stay out of the vCPU thread's way.
enum BackgroundThread {
  /// Linux's SCHED_BATCH (sched(7)), which Glibc's module leaves out.
  private static let batchPolicy: Int32 = 3

  /// Makes the calling thread one that takes no signals and never preempts another by waking up (SCHED_BATCH).
  ///
  /// Where there is one CPU for both, a writer that preempts the vCPU's thread at each keyframe lets
  /// the frozen timestamp run out in the slice that follows; that slice then needs a keyframe, too.
  /// Where the policy cannot be had, things are only slower.
  static func enter() {
    // Signals are for the other threads.
    var all = sigset_t()
    unsafe sigfillset(&all)
    _ = unsafe pthread_sigmask(SIG_BLOCK, &all, nil)
    var parameters = sched_param()
    _ = unsafe sched_setscheduler(0, batchPolicy, &parameters)
  }
}
