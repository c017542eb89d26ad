internal import Synchronization
public import Trace

/// Writes a reel on a thread of its own; the vCPU's thread only fills preallocated chunks.
///
/// Chunks pass through bounded pools: when the disk is slower than the guest the vCPU's thread
/// waits for a free one, and ``waits`` says how long.
public final class ReelWriter: TraceSink {
  /// Chunks in flight at most, the one being filled included.
  static let chunkCount = 4
  /// Chunks of captured pages in flight at most, 1 MiB each, before a capture waits for the thread.
  static let pageChunkCount = 32
  /// A chunk is handed over when it has been held this long, so that a killed recorder loses
  /// less than a second.
  static let flushIntervalNanoseconds: UInt64 = 500_000_000
  /// A chunk is handed over with a keyframe when it has been held this long.
  static let captureFlushNanoseconds: UInt64 = 100_000_000

  /// What the vCPU's thread has waited for the disk or the compression.
  public private(set) var waits = WaitCount()

  private let writer: BlockWriter
  private var chunk = EventChunk()
  private var kernelExits: KernelExitLane?
  private var eventCount: UInt64 = 0
  private var lastTime: UInt64 = 0
  private var flushTime = flushIntervalNanoseconds
  private var isRunning = false

  /// Creates `path.part`, a ``ReelOutput``, and writes the header and the metadata into it.
  ///
  /// - Throws: ``FileError`` when the final path exists and `overwrite` is false, or the
  ///   partial file cannot be made or locked.
  public convenience init(
    path: String, overwrite: Bool, header: FileHeader, metadataJSON: [UInt8]
  ) throws(FileError) {
    try self.init(
      try ReelOutput(path: path, overwrite: overwrite), header: header, metadataJSON: metadataJSON)
  }

  /// Writes the header and the metadata into a destination.
  ///
  /// - Parameter expectsKernelExits: whether to make the chunks for kernel exits now, and not when
  ///   the first one comes.
  /// - Throws: ``FileError`` when that fails, or the system has no thread left.
  public init(
    _ output: any ReelDestination, header: FileHeader, metadataJSON: [UInt8],
    expectsKernelExits: Bool = false
  ) throws(FileError) {
    var encoder = BlockEncoder(pageKey: header.pageKey)
    let beginning = header.encoded() + encoder.block(.metadata, metadataJSON)
    writer = BlockWriter(
      output, encoder, pool: ChunkPool(count: Self.chunkCount - 1) { EventChunk() },
      pagePool: ChunkPool(count: Self.pageChunkCount) { PageChunk() })
    if expectsKernelExits { kernelExits = KernelExitLane() }
    try writer.start()
    isRunning = true
    try output.write(beginning)
  }

  deinit {
    if isRunning { end(with: .stop) }
  }

  /// Whether a write has failed; the recording should end.
  public var hasFailed: Bool { writer.failed.load(ordering: .relaxed) }

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
    // A kick and the mark of its seal go into one block: a reel cut between the two could not be
    // replayed to its end.
    if chunk.isFull || event.kind == .kick && chunk.isAlmostFull { flush() }
    passTime(event.exitTime)
    eventCount += 1
    lastTime = event.exitTime
  }

  /// Hands over what is held when it has been held long enough.
  public func passTime(_ nanoseconds: UInt64) {
    if nanoseconds >= flushTime { flush(at: nanoseconds) }
  }

  /// When ``passTime(_:)`` will hand something over; `nil` when nothing is held.
  public var flushDeadline: UInt64? {
    chunk.count > 0 || (kernelExits?.chunk.count ?? 0) > 0 ? flushTime : nil
  }

  private func flush(at nanoseconds: UInt64) {
    flush()
    flushKernelExits()
    flushTime = nanoseconds &+ Self.flushIntervalNanoseconds
  }

  /// Hands the chunk over and takes a free one.
  private func flush() {
    if chunk.count > 0 {
      put(.events(chunk))
      chunk = writer.pool.take(&waits)
      chunk.firstEvent = eventCount
    }
    chunk.firstTime = lastTime
  }

  /// Chunks of kernel exits, made only where there are some.
  private struct KernelExitLane {
    let pool = ChunkPool(count: chunkCount - 1) { KernelExitChunk() }
    var chunk = KernelExitChunk()
  }

  /// Appends a kernel exit; allocates nothing, but at the first where none was expected.
  public func append(_ exit: KernelExitRecord) {
    if kernelExits == nil { kernelExits = KernelExitLane() }
    if kernelExits?.chunk.isFull == true {
      // The events they come after go first, so that a cut never parts them from these.
      flush()
      flushKernelExits()
    }
    kernelExits?.chunk.append(exit)
  }

  private func flushKernelExits() {
    guard let lane = kernelExits, lane.chunk.count > 0 else { return }
    let lastTime = lane.chunk.lastTime
    put(.kernelExits(lane.chunk, lane.pool))
    let next = lane.pool.take(&waits)
    next.firstTime = lastTime
    kernelExits?.chunk = next
  }

  /// Appends the host's counters, and the writer's own: how often and how long it was waited for.
  public func append(_ totals: HostTotals) {
    var totals = totals
    totals.counters += [
      HostTotals.Counter(name: "writer.waits", value: waits.count),
      HostTotals.Counter(name: "writer.wait-nanoseconds", value: waits.nanoseconds),
    ]
    put(.totals(totals))
  }

  /// Appends a keyframe; hashing, deduplication and compression happen on the writer's thread.
  public func append(_ capture: KeyframeCapture) {
    var chunk = writer.pagePool.take(&waits)
    unsafe capture.forEachPage { page, content in
      if chunk.isFull {
        put(.pages(chunk))
        chunk = writer.pagePool.take(&waits)
      }
      unsafe chunk.append(page, content)
    }
    put(.pages(chunk))
    put(.keyframe(capture.keyframe))
    // A keyframe is worth little to a reel that is cut before the events that lead to it, and the
    // first one is what makes a reel of the rest.
    if capture.keyframe.kind == .base
      || lastTime &+ Self.flushIntervalNanoseconds >= flushTime &+ Self.captureFlushNanoseconds
    {
      flush(at: lastTime)
    }
  }

  /// Writes what is left and the end record, and closes the destination.
  ///
  /// After a failed write a file is cut back to its last whole block, so that it stays a
  /// readable, partial reel.
  ///
  /// - Returns: the size of the reel in bytes, and before compression.
  /// - Throws: ``FileError`` of the first failed write, or of the rename.
  public func finish(_ end: EndRecord) throws(FileError) -> (stored: UInt64, raw: UInt64) {
    flush()
    flushKernelExits()
    self.end(with: .end(end))
    return try writer.close()
  }

  private func end(with work: WriterWork) {
    put(work)
    writer.join()
    isRunning = false
  }

  private func put(_ work: WriterWork) {
    writer.ring.put(work, &waits)
  }
}
