internal import Dispatch
internal import Glibc
internal import Synchronization
internal import Trace

/// The writer's thread: encodes what comes through the ring and puts it out.
@safe
final class BlockWriter: @unchecked Sendable {
  // Safe: `encoder`, `output` and the times belong to the thread while it runs, and to whoever has
  // joined it afterwards; all else is atomic or handed over by the ring and the pools.

  /// Written blocks are brought to the disk this often; a file that is closed always is.
  private static let synchronizationNanoseconds = 5_000_000_000

  let ring = WorkRing(capacity: 128)
  let pool: ChunkPool<EventChunk>
  let pagePool: ChunkPool<PageChunk>
  let failed = Atomic<Bool>(false)
  private let output: any ReelDestination
  private var encoder: BlockEncoder
  private var thread = pthread_t()
  private var isUnsynchronized = false
  private var lastSynchronization = DispatchTime.now()

  init(
    _ output: any ReelDestination, _ encoder: BlockEncoder, pool: ChunkPool<EventChunk>,
    pagePool: ChunkPool<PageChunk>
  ) {
    self.output = output
    self.encoder = encoder
    self.pool = pool
    self.pagePool = pagePool
  }

  /// Starts the thread; it ends with the first ``WriterWork/end(_:)`` or ``WriterWork/stop``.
  func start() throws(FileError) {
    // Safe: the thread releases what is retained for it here.
    let context = unsafe Unmanaged.passRetained(self)
    let result = unsafe pthread_create(
      &thread, nil,
      { context in
        unsafe Unmanaged<BlockWriter>.fromOpaque(context.unsafelyUnwrapped)
          .takeRetainedValue().run()
        return nil
      }, context.toOpaque())
    guard result == 0 else {
      unsafe context.release()
      throw FileError(.create, "a thread for writing", result)
    }
  }

  /// Waits for the thread's end.
  func join() {
    pthread_join(thread, nil)
  }

  private func run() {
    BackgroundThread.enter()
    while true {
      if let work = ring.take(withinNanoseconds: Self.synchronizationNanoseconds) {
        guard carryOut(work) else { return }
      }
      synchronizeIfDue()
    }
  }

  /// - Returns: false when there will be no more.
  private func carryOut(_ work: WriterWork) -> Bool {
    switch work {
    case .events(let chunk):
      write(chunk.encode(with: &encoder))
      chunk.reset()
      pool.give(chunk)
    case .kernelExits(let chunk, let pool):
      write(chunk.encode(with: &encoder))
      chunk.reset()
      pool.give(chunk)
    case .pages(let chunk):
      write(chunk.encode(with: &encoder))
      chunk.reset()
      pagePool.give(chunk)
    case .keyframe(let keyframe):
      var bytes: [UInt8] = []
      encoder.append(keyframe, to: &bytes)
      write(bytes)
    case .totals(let totals): write(encoder.block(.hostTotals, totals.encoded()))
    case .end(let end):
      write(encoder.end(end, isIndexed: output.isSeekable))
      return false
    case .stop: return false
    }
    return true
  }

  private func write(_ bytes: [UInt8]) {
    guard !bytes.isEmpty else { return }
    attempt { () throws(FileError) in try output.write(bytes) }
    isUnsynchronized = true
  }

  private func synchronizeIfDue() {
    let now = DispatchTime.now()
    guard isUnsynchronized,
      now >= lastSynchronization + .nanoseconds(Self.synchronizationNanoseconds)
    else { return }
    attempt { () throws(FileError) in try output.synchronize() }
    isUnsynchronized = false
    lastSynchronization = now
  }

  /// Does what may fail, unless something has: nothing may follow a block that is not whole.
  private func attempt(_ action: () throws(FileError) -> Void) {
    guard !failed.load(ordering: .relaxed) else { return }
    do throws(FileError) {
      try action()
    } catch {
      failed.store(true, ordering: .relaxed)
    }
  }

  /// Closes the output of a thread that has been joined.
  ///
  /// - Returns: the size of the reel in bytes, and before compression.
  func close() throws(FileError) -> (stored: UInt64, raw: UInt64) {
    try output.close()
    return (output.byteCount, encoder.rawByteCount)
  }
}
