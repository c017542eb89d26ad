internal import Dispatch

/// How often the vCPU's thread has waited for the writer's, and how long in all.
public struct WaitCount: Equatable, Sendable {
  /// Waits that were not over at once.
  public private(set) var count: UInt64 = 0
  /// Host nanoseconds they took together.
  public private(set) var nanoseconds: UInt64 = 0

  /// Waits for a semaphore; the clock is read only where that takes time.
  mutating func wait(for semaphore: DispatchSemaphore) {
    if semaphore.wait(timeout: .now()) == .success { return }
    let start = DispatchTime.now().uptimeNanoseconds
    semaphore.wait()
    count += 1
    nanoseconds &+= DispatchTime.now().uptimeNanoseconds &- start
  }
}
