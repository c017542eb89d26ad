internal import Dispatch
internal import Synchronization

/// A bounded number of chunks that go from the vCPU's thread to the writer's and back.
final class ChunkPool<Chunk: Sendable>: Sendable {
  private let free: DispatchSemaphore
  private let chunks: Mutex<[Chunk]>

  init(count: Int, _ make: () -> Chunk) {
    // Released with its full value, as Dispatch asks for: it grows from zero.
    free = DispatchSemaphore(value: 0)
    chunks = Mutex((0..<count).map { _ in make() })
    for _ in 0..<count { free.signal() }
  }

  /// A free chunk; waits for one, and counts that it did.
  func take(_ waits: inout WaitCount) -> Chunk {
    waits.wait(for: free)
    return chunks.withLock { $0.removeLast() }
  }

  /// Gives a chunk back.
  func give(_ chunk: Chunk) {
    chunks.withLock { $0.append(chunk) }
    free.signal()
  }
}
