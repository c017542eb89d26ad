internal import Bytes
internal import Dispatch
internal import Synchronization
public import Trace

/// Writes a reel on a thread of its own; the vCPU's thread only fills preallocated chunks.
///
/// Chunks pass through a bounded pool: when the disk is slower than the guest the vCPU's thread
/// waits for a free one. The file is `path.part`, locked, until ``finish(_:)`` renames it.
@safe
public final class ReelWriter: TraceSink, @unchecked Sendable {
  // Safe: `chunk`, its counters and times belong to the recording thread; `output` and `encoder`
  // to the serial queue; what both touch is atomic or handed over by the semaphore.

  /// Chunks in flight at most, the one being filled included.
  static let chunkCount = 4
  /// Chunks of captured pages in flight at most, 1 MiB each, before a capture waits for the queue.
  static let pageChunkCount = 32
  /// A chunk is handed over by the first event after this long, so that a killed recorder loses
  /// little.
  static let flushIntervalNanoseconds: UInt64 = 1_000_000_000

  /// A chunk is handed over with a keyframe when it has been held this long.
  static let captureFlushNanoseconds: UInt64 = 100_000_000

  private let output: ReelOutput
  private let queue = DispatchQueue(label: "vmreel.writer")
  private let pool = ChunkPool(count: chunkCount - 1) { EventChunk() }
  private let pagePool = ChunkPool(count: pageChunkCount) { PageChunk() }
  private let failed = Atomic<Bool>(false)
  private var encoder: BlockEncoder
  private var chunk = EventChunk()
  private var kernelExits: KernelExitLane?
  private var eventCount: UInt64 = 0
  private var lastTime: UInt64 = 0
  private var flushTime = flushIntervalNanoseconds

  /// Creates `path.part` and writes the header and the metadata into it.
  ///
  /// - Throws: ``FileError`` when the final path exists and `overwrite` is false, or the
  ///   partial file cannot be made or locked.
  public init(
    path: String, overwrite: Bool, header: FileHeader, metadataJSON: [UInt8]
  ) throws(FileError) {
    output = try ReelOutput(path: path, overwrite: overwrite)
    encoder = BlockEncoder(pageKey: header.pageKey)
    try output.write(header.encoded() + encoder.block(.metadata, metadataJSON))
  }

  /// Whether a write has failed; the recording should end.
  public var hasFailed: Bool { failed.load(ordering: .relaxed) }

  /// Appends an event; allocates nothing.
  public func append(_ event: Event) {
    prepare(for: event)
    chunk.append(event)
  }

  /// Appends an event with a payload of at most 256 KiB, which is copied.
  public func append(_ event: Event, payload: UnsafeRawBufferPointer) {
    if !chunk.hasRoom(forPayload: payload.count) { flush() }
    prepare(for: event)
    unsafe chunk.append(event, payload: payload)
  }

  private func prepare(for event: Event) {
    if chunk.isFull { flush() }
    passTime(event.exitTime)
    eventCount += 1
    lastTime = event.exitTime
  }

  /// Hands over what is held when it has been held long enough.
  public func passTime(_ nanoseconds: UInt64) {
    if nanoseconds >= flushTime { flush(at: nanoseconds) }
  }

  private func flush(at nanoseconds: UInt64) {
    flush()
    flushKernelExits()
    flushTime = nanoseconds &+ Self.flushIntervalNanoseconds
  }

  /// Hands the chunk over and takes a free one.
  private func flush() {
    guard chunk.count > 0 else {
      chunk.firstTime = lastTime
      return
    }
    let full = chunk
    enqueue { [self] in
      write(full.encode(with: &encoder))
      full.reset()
      pool.give(full)
    }
    chunk = pool.take()
    chunk.firstEvent = eventCount
    chunk.firstTime = lastTime
  }

  /// Chunks of kernel exits: made when the first one comes, since most recordings have none.
  private struct KernelExitLane {
    let pool = ChunkPool(count: chunkCount - 1) { KernelExitChunk() }
    var chunk = KernelExitChunk()
  }

  /// Appends a kernel exit; allocates nothing but at the first.
  public func append(_ exit: KernelExitRecord) {
    if kernelExits == nil { kernelExits = KernelExitLane() }
    if kernelExits?.chunk.isFull == true { flushKernelExits() }
    kernelExits?.chunk.append(exit)
  }

  private func flushKernelExits() {
    guard let lane = kernelExits, lane.chunk.count > 0 else { return }
    let full = lane.chunk
    let lastTime = full.lastTime
    let pool = lane.pool
    enqueue { [self] in
      write(full.encode(with: &encoder))
      full.reset()
      pool.give(full)
    }
    let next = pool.take()
    next.firstTime = lastTime
    kernelExits?.chunk = next
  }

  /// Appends the host's counters.
  public func append(_ totals: HostTotals) {
    enqueue { [self] in write(encoder.block(.hostTotals, totals.encoded())) }
  }

  /// Appends a keyframe; hashing, deduplication and compression happen on the writer's thread.
  public func append(_ capture: KeyframeCapture) {
    var chunk = pagePool.take()
    unsafe capture.forEachPage { page, content in
      if chunk.isFull {
        enqueue(chunk)
        chunk = pagePool.take()
      }
      unsafe chunk.append(page, content)
    }
    enqueue(chunk)
    let keyframe = capture.keyframe
    enqueue { [self] in
      var output: [UInt8] = []
      encoder.append(keyframe, to: &output)
      write(output)
    }
    // A keyframe is worth little to a reel that is cut before the events that lead to it.
    if lastTime &+ Self.flushIntervalNanoseconds >= flushTime &+ Self.captureFlushNanoseconds {
      flush(at: lastTime)
    }
  }

  private func enqueue(_ chunk: PageChunk) {
    enqueue { [self] in
      write(chunk.encode(with: &encoder))
      chunk.reset()
      pagePool.give(chunk)
    }
  }

  /// Writes what is left and the end record, and gives the file its final name.
  ///
  /// After a failed write the file is cut back to its last whole block, so that it stays a
  /// readable, partial reel.
  ///
  /// - Returns: the size of the file in bytes, and before compression.
  /// - Throws: ``FileError`` of the first failed write, or of the rename.
  public func finish(_ end: EndRecord) throws(FileError) -> (stored: UInt64, raw: UInt64) {
    flush()
    flushKernelExits()
    queue.sync { [self] in write(encoder.end(end)) }
    try output.close()
    return (output.byteCount, encoder.rawByteCount)
  }

  /// Has the writer's thread do something later.
  private func enqueue(_ work: @escaping @Sendable () -> Void) {
    queue.async {
      BackgroundThread.enter()
      work()
    }
  }

  private func write(_ bytes: [UInt8]) {
    guard !failed.load(ordering: .relaxed) else { return }
    do throws(FileError) {
      try output.write(bytes)
    } catch {
      failed.store(true, ordering: .relaxed)
    }
  }
}
