internal import Bytes

/// Turns raw block contents into the bytes of a reel; keeps what later blocks build on.
///
/// Bytes in, bytes out: whoever owns the file appends what each call returns.
public struct BlockEncoder {
  private let pageKey: [UInt8]
  private let compressor = FrameCompressor()
  private var storedPages: Set<PageIdentity> = []
  private var map: [UInt32: PageIdentity] = [:]
  private var lastKeyframe: UInt64?
  private var keyframesSinceFullMap: UInt64 = 0

  /// Bytes the blocks held before compression.
  public private(set) var rawByteCount: UInt64 = 0

  /// Makes an encoder for a new reel.
  public init(pageKey: [UInt8]) {
    self.pageKey = pageKey
  }

  /// One block: header and zstd frame.
  public mutating func block(_ type: BlockType, _ raw: [UInt8]) -> [UInt8] {
    block(BlockHeader(type: type), raw)
  }

  /// The block of the events of a chunk.
  public mutating func block(
    _ events: UnsafeBufferPointer<Event>, payload: UnsafeRawBufferPointer,
    firstEvent: EventIndex, firstTime: UInt64
  ) -> [UInt8] {
    var header = BlockHeader(type: .events)
    header.firstEvent = firstEvent
    header.eventCount = UInt32(events.count)
    header.firstTime = firstTime
    header.lastTime = unsafe events.last?.exitTime ?? firstTime
    return unsafe block(
      header, EventBlock.encode(events, payload: payload, firstTime: firstTime))
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
      KernelExitBlock.encode(exits, firstEvent: header.firstEvent, firstTime: firstTime))
  }

  /// The page blocks and the keyframe block of a capture, pages first.
  public mutating func blocks(of capture: KeyframeCapture) -> [UInt8] {
    var keyframe = capture.keyframe
    var changed: [MappedPage] = []
    var fresh: (identities: [PageIdentity], content: [UInt8]) = ([], [])
    var output: [UInt8] = []
    unsafe capture.content.withUnsafeBytes { content in
      for (position, page) in capture.pages.enumerated() {
        let bytes = unsafe UnsafeRawBufferPointer(
          rebasing: content[position * PageBlock.pageSize..<(position + 1) * PageBlock.pageSize])
        let identity = unsafe PageIdentity(of: bytes, key: pageKey)
        guard map[page, default: .zeroPage] != identity else { continue }
        map[page] = identity == .zeroPage ? nil : identity
        changed.append(MappedPage(page: page, identity: identity))
        guard identity != .zeroPage, storedPages.insert(identity).inserted else { continue }
        fresh.identities.append(identity)
        unsafe fresh.content.append(contentsOf: bytes)
        if fresh.identities.count == PageBlock.pagesPerBlock { output += pageBlock(&fresh) }
      }
    }
    if !fresh.identities.isEmpty { output += pageBlock(&fresh) }
    place(&keyframe, changed)
    return output + block(.keyframe, keyframe.encoded())
  }

  private mutating func pageBlock(
    _ fresh: inout (identities: [PageIdentity], content: [UInt8])
  ) -> [UInt8] {
    defer { fresh = ([], []) }
    return block(
      .pages, PageBlock(identities: fresh.identities, content: fresh.content).encoded())
  }

  /// Chooses between a full map and one relative to the keyframe before.
  private mutating func place(_ keyframe: inout Keyframe, _ changed: [MappedPage]) {
    keyframesSinceFullMap += 1
    keyframe.isFullMap =
      lastKeyframe == nil || keyframesSinceFullMap >= Keyframe.fullMapInterval
    keyframe.parent = lastKeyframe
    keyframe.pages = changed
    if keyframe.isFullMap {
      keyframe.pages = map.map { MappedPage(page: $0.key, identity: $0.value) }
        .sorted { $0.page < $1.page }
      keyframe.parent = nil
      keyframesSinceFullMap = 0
    }
    lastKeyframe = keyframe.number
  }

  /// The block of a header whose sizes and checksum are still to be filled in.
  mutating func block(_ header: BlockHeader, _ raw: [UInt8]) -> [UInt8] {
    var header = header
    let stored = compressor.compress(raw)
    rawByteCount += UInt64(raw.count)
    header.rawSize = UInt32(raw.count)
    header.storedSize = UInt32(stored.count)
    header.checksum = SHA256.checksum(stored)
    return header.encoded() + stored
  }
}
