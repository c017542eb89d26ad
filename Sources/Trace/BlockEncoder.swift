internal import Bytes

/// Turns raw block contents into the bytes of a reel; keeps what later blocks build on.
///
/// Bytes in, bytes out: whoever owns the file appends what each call returns.
public struct BlockEncoder {
  private let pageHash: Poly1305
  private let compressor: FrameCompressor
  private var eventBlocks: EventBlockEncoder
  /// Where the pages stored so far are.
  private var ordinals: [PageIdentity: UInt64] = [:]
  private var map: [UInt32: PageIdentity] = [:]
  /// What of the next keyframe has come so far: its changes, and the pages among them that are not
  /// stored yet.
  private var changedPages: [MappedPage] = []
  private var freshPages: [PageIdentity] = []
  private var freshContent: [UInt8] = []
  private var lastKeyframe: UInt64?
  private var keyframesSinceFullMap: UInt64 = 0

  /// The headers of all blocks so far, for the index.
  private var headers: [BlockHeader] = []
  private var byteCount = UInt64(FileHeader.byteCount)

  /// Bytes the blocks held before compression.
  public private(set) var rawByteCount: UInt64 = 0

  /// Makes an encoder for a new reel.
  public init(pageKey: [UInt8]) {
    pageHash = Poly1305(key: pageKey)
    compressor = FrameCompressor()
    eventBlocks = EventBlockEncoder(compressor)
  }

  /// One block: header and zstd frame.
  public mutating func block(_ type: BlockType, _ raw: [UInt8]) -> [UInt8] {
    block(BlockHeader(type: type), raw)
  }

  /// A block of another reel, as it is stored there.
  public mutating func block(copying header: BlockHeader, stored: [UInt8]) -> [UInt8] {
    rawByteCount += UInt64(header.rawSize)
    return finish(header, stored)
  }

  /// A whole block as another encoder made it, to stand in this reel.
  ///
  /// - Throws: `blockTruncated` or `blockHeaderDamaged` when the bytes are no such block.
  public mutating func block(moving bytes: [UInt8]) throws(TraceError) -> [UInt8] {
    let header = try BlockHeader(
      decoding: Array(bytes.prefix(BlockHeader.byteCount)), at: byteCount)
    guard bytes.count == BlockHeader.byteCount + Int(header.storedSize) else {
      throw .blockTruncated(offset: byteCount)
    }
    return block(copying: header, stored: Array(bytes.dropFirst(BlockHeader.byteCount)))
  }

  /// The block of the events of a chunk.
  public mutating func block(
    _ events: UnsafeBufferPointer<Event>, payload: UnsafeRawBufferPointer,
    firstEvent: EventIndex, firstTime: UInt64
  ) -> [UInt8] {
    var header = BlockHeader(type: .events)
    header.firstEvent = firstEvent
    header.eventCount = UInt32(events.count)
    header.firstTime = Event.rounded(firstTime)
    header.lastTime = unsafe Event.rounded(events.last?.exitTime ?? firstTime)
    return unsafe block(
      header, eventBlocks.encode(events, payload: payload, firstTime: firstTime))
  }

  /// The block of a chunk of kernel exits; `firstTime` is the exit time before the first.
  public mutating func block(
    _ exits: UnsafeBufferPointer<KernelExitRecord>, firstTime: UInt64
  ) -> [UInt8] {
    var header = BlockHeader(type: .kernelExits)
    header.firstEvent = unsafe exits.first?.anchor ?? 0
    header.eventCount = UInt32(exits.count)
    header.firstTime = firstTime
    header.lastTime = unsafe exits.last?.exitTime ?? firstTime
    return unsafe block(
      header,
      KernelExitBlock.encode(
        exits, firstEvent: header.firstEvent, firstTime: firstTime, with: compressor))
  }

  /// The page blocks and the keyframe block of a capture, pages first.
  public mutating func blocks(of capture: KeyframeCapture) -> [UInt8] {
    var output: [UInt8] = []
    unsafe capture.forEachPage { page, content in
      unsafe append(page: page, content, to: &output)
    }
    append(capture.keyframe, to: &output)
    return output
  }

  /// Takes a changed page of the next keyframe, and appends a block to `output` when one is full.
  public mutating func append(
    page: UInt32, _ content: UnsafeRawBufferPointer, to output: inout [UInt8]
  ) {
    let identity = unsafe PageIdentity(of: content, under: pageHash)
    guard map[page, default: .zeroPage] != identity else { return }
    map[page] = identity == .zeroPage ? nil : identity
    changedPages.append(MappedPage(page: page, content: reference(identity)))
    guard identity != .zeroPage, ordinals[identity] == nil else { return }
    changedPages[changedPages.count - 1].content.ordinal = UInt64(ordinals.count)
    ordinals[identity] = UInt64(ordinals.count)
    freshPages.append(identity)
    unsafe freshContent.append(contentsOf: content)
    if freshPages.count == PageBlock.pagesPerBlock { appendFreshPages(to: &output) }
  }

  /// Appends what is left of the pages, and the keyframe they belong to.
  public mutating func append(_ keyframe: Keyframe, to output: inout [UInt8]) {
    if !freshPages.isEmpty { appendFreshPages(to: &output) }
    var keyframe = keyframe
    place(&keyframe, changedPages)
    changedPages.removeAll(keepingCapacity: true)
    output += block(keyframe)
  }

  /// The block of a keyframe whose page map is made already.
  public mutating func block(_ keyframe: Keyframe) -> [UInt8] {
    var header = BlockHeader(type: .keyframe)
    header.firstEvent = keyframe.eventIndex
    header.number = UInt32(truncatingIfNeeded: keyframe.number)
    return block(header, keyframe.encoded())
  }

  /// The last blocks of a reel that began with a file header and all blocks made so far: the end
  /// record, and unless the reel is a stream the index and the footer that says where it is.
  public mutating func end(_ record: EndRecord, isIndexed: Bool = true) -> [UInt8] {
    var end = BlockHeader(type: .end)
    end.number = isIndexed && headers.count < ReelIndex.maximumBlockCount ? 1 : 0
    let bytes = block(end, record.encoded())
    guard end.number > 0 else { return bytes }
    var footer = BlockHeader(type: .footer)
    footer.firstEvent = byteCount
    return bytes + block(.index, ReelIndex.encoded(headers)) + finish(footer, [])
  }

  private func reference(_ identity: PageIdentity) -> StoredPage {
    StoredPage(identity, ordinal: ordinals[identity] ?? 0)
  }

  private mutating func appendFreshPages(to output: inout [UInt8]) {
    var header = BlockHeader(type: .pages)
    header.firstEvent = UInt64(ordinals.count - freshPages.count)
    header.eventCount = UInt32(freshPages.count)
    output += block(header, PageBlock(identities: freshPages, content: freshContent).encoded())
    freshPages.removeAll(keepingCapacity: true)
    freshContent.removeAll(keepingCapacity: true)
  }

  /// Chooses between a full map and one relative to the keyframe before.
  private mutating func place(_ keyframe: inout Keyframe, _ changed: [MappedPage]) {
    keyframesSinceFullMap += 1
    keyframe.isFullMap =
      lastKeyframe == nil || keyframesSinceFullMap >= Keyframe.fullMapInterval
    keyframe.parent = lastKeyframe
    keyframe.pages = changed
    if keyframe.isFullMap {
      keyframe.pages = map.map { MappedPage(page: $0.key, content: reference($0.value)) }
        .sorted { $0.page < $1.page }
      keyframe.parent = nil
      keyframesSinceFullMap = 0
    }
    lastKeyframe = keyframe.number
  }

  /// The block of a header whose sizes and checksum are still to be filled in.
  public mutating func block(_ header: BlockHeader, _ raw: [UInt8]) -> [UInt8] {
    let level = header.type == .pages ? FrameCompressor.pageLevel : FrameCompressor.level
    return block(header, (compressor.compress(raw, level: level), raw.count))
  }

  private mutating func block(
    _ header: BlockHeader, _ content: (stored: [UInt8], rawSize: Int)
  ) -> [UInt8] {
    var header = header
    rawByteCount += UInt64(content.rawSize)
    header.rawSize = UInt32(content.rawSize)
    header.storedSize = UInt32(content.stored.count)
    header.checksum = UInt64(CRC32.checksum(content.stored))
    return finish(header, content.stored)
  }

  private mutating func finish(_ header: BlockHeader, _ stored: [UInt8]) -> [UInt8] {
    headers.append(header)
    byteCount += UInt64(BlockHeader.byteCount + stored.count)
    return header.encoded() + stored
  }
}
