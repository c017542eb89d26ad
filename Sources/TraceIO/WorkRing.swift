internal import Dispatch
internal import Synchronization
internal import Trace

/// What the vCPU's thread hands to the writer's.
enum WriterWork: Sendable {
  case events(EventChunk)
  case kernelExits(KernelExitChunk, ChunkPool<KernelExitChunk>)
  case pages(PageChunk)
  case keyframe(Keyframe)
  case totals(HostTotals)
  case end(EndRecord)
  /// Ends the thread without an end record: the recording was given up.
  case stop
}

/// Work in order from one thread to another, through places made beforehand: handing over
/// allocates nothing.
final class WorkRing: Sendable {
  private struct Places {
    var work: [WriterWork?]
    var first = 0
    var count = 0
  }

  private let free = DispatchSemaphore(value: 0)
  private let filled = DispatchSemaphore(value: 0)
  private let places: Mutex<Places>

  init(capacity: Int) {
    places = Mutex(Places(work: Array(repeating: nil, count: capacity)))
    for _ in 0..<capacity { free.signal() }
  }

  /// Hands work over; waits for a free place, and counts that it did.
  func put(_ work: WriterWork, _ waits: inout WaitCount) {
    waits.wait(for: free)
    places.withLock { places in
      let index = (places.first + places.count) % places.work.count
      places.work[index] = work
      places.count += 1
    }
    filled.signal()
  }

  /// The next work; `nil` when none has come within a time.
  func take(withinNanoseconds limit: Int) -> WriterWork? {
    guard filled.wait(timeout: .now() + .nanoseconds(limit)) == .success else { return nil }
    let work = places.withLock { places in
      let work = places.work[places.first]
      places.work[places.first] = nil
      places.first = (places.first + 1) % places.work.count
      places.count -= 1
      return work
    }
    free.signal()
    return work
  }
}
