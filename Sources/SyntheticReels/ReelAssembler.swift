public import Trace

/// Puts a reel together in memory: for reels small enough to be held there.
public final class ReelAssembler: TraceSink {
  private var encoder: BlockEncoder
  private var output: [UInt8]
  private let blockSize: Int
  private var events: [Event] = []
  private var payload: [UInt8] = []
  private var kernelExits: [KernelExitRecord] = []
  private var nextEvent: EventIndex
  private var lastTime: UInt64 = 0
  private var lastKernelTime: UInt64 = 0
  /// Never: memory does not fail.
  public let hasFailed = false

  /// Begins a reel with its header and metadata.
  ///
  /// - Parameters:
  ///   - pageKey: 16 bytes, the key of the page identities.
  ///   - blockSize: events, or kernel exits, in a block at most.
  public init(
    pageKey: [UInt8], metadataJSON: [UInt8], firstEvent: EventIndex = 0, blockSize: Int = 32_768
  ) {
    encoder = BlockEncoder(pageKey: pageKey)
    self.blockSize = blockSize
    nextEvent = firstEvent
    output = FileHeader(pageKey: pageKey).encoded()
    output += encoder.block(.metadata, metadataJSON)
  }

  /// Appends an event without payload.
  public func append(_ event: Event) {
    if events.count == blockSize { flushEvents() }
    var event = event
    event.payloadLength = 0
    events.append(event)
  }

  /// Appends an event with its payload.
  public func append(_ event: Event, payload bytes: UnsafeRawBufferPointer) {
    append(event)
    events[events.count - 1].payloadLength = UInt32(bytes.count)
    unsafe payload.append(contentsOf: bytes)
  }

  /// Appends a keyframe, after the events before it.
  public func append(_ capture: KeyframeCapture) {
    flushEvents()
    output += encoder.blocks(of: capture)
  }

  /// Appends a kernel exit.
  public func append(_ exit: KernelExitRecord) {
    if kernelExits.count == blockSize { flushKernelExits() }
    kernelExits.append(exit)
  }

  /// Appends counters.
  public func append(_ totals: HostTotals) {
    output += encoder.block(.hostTotals, totals.encoded())
  }

  private func flushEvents() {
    guard !events.isEmpty else { return }
    output += unsafe events.withUnsafeBufferPointer { events in
      unsafe payload.withUnsafeBytes {
        unsafe encoder.block(events, payload: $0, firstEvent: nextEvent, firstTime: lastTime)
      }
    }
    nextEvent += UInt64(events.count)
    lastTime = events.last?.exitTime ?? lastTime
    events.removeAll(keepingCapacity: true)
    payload.removeAll(keepingCapacity: true)
  }

  private func flushKernelExits() {
    guard !kernelExits.isEmpty else { return }
    output += unsafe kernelExits.withUnsafeBufferPointer {
      unsafe encoder.block($0, firstTime: lastKernelTime)
    }
    lastKernelTime = kernelExits.last?.exitTime ?? lastKernelTime
    kernelExits.removeAll(keepingCapacity: true)
  }

  /// The whole reel.
  ///
  /// - Parameter end: the end facts; `nil` leaves a partial reel.
  public func finish(_ end: EndRecord?) -> [UInt8] {
    flushEvents()
    flushKernelExits()
    if let end { output += encoder.end(end) }
    return output
  }
}

extension SyntheticReel {
  /// Makes all of the reel and records it.
  ///
  /// - Returns: the facts it ends with.
  public mutating func record(to sink: some TraceSink) -> EndRecord {
    var batch = SyntheticBatch()
    while !sink.hasFailed, nextBatch(&batch) { batch.append(to: sink) }
    return end
  }

  /// The bytes of the reel of a configuration.
  ///
  /// - Parameter pageKey: 16 bytes, the key of the page identities.
  public static func bytes(
    _ configuration: Configuration, pageKey: [UInt8], metadataJSON: [UInt8],
    blockSize: Int = 32_768
  ) -> [UInt8] {
    let assembler = ReelAssembler(
      pageKey: pageKey, metadataJSON: metadataJSON, firstEvent: configuration.firstEvent,
      blockSize: blockSize)
    var reel = SyntheticReel(configuration)
    let end = reel.record(to: assembler)
    return assembler.finish(end)
  }
}
