internal import Bytes

/// Decoded page blocks that were used last.
struct PageCache {
  /// Decoded page blocks kept at most, in bytes: what restoring a small guest touches.
  private static let budget = 128 << 20

  private var blocks: [UInt64: PageBlock] = [:]
  private var byteCount = 0

  subscript(offset: UInt64) -> PageBlock? { blocks[offset] }

  mutating func insert(_ block: PageBlock, at offset: UInt64) {
    let size = block.identities.count * PageBlock.pageSize
    if byteCount + size > Self.budget { self = PageCache() }
    blocks[offset] = block
    byteCount += size
  }
}

// MARK: - Keyframes

extension Reel {
  /// The numbers of the keyframes in the reel, ascending.
  public var keyframeNumbers: [UInt64] { keyframeBlocks.map { UInt64($0.header.number) } }

  /// A keyframe by its number.
  public func keyframe(_ number: UInt64) throws(TraceError) -> Keyframe {
    let place = keyframeBlocks.partition { UInt64($0.header.number) >= number }
    guard place < keyframeBlocks.count, UInt64(keyframeBlocks[place].header.number) == number
    else { throw .missing(what: "keyframe \(number)") }
    return try keyframe(of: keyframeBlocks[place])
  }

  /// The number of the last keyframe taken at an event or before it.
  public func lastKeyframe(notAfter event: EventIndex) -> UInt64? {
    let place = keyframeBlocks.partition { $0.header.firstEvent > event }
    return place > 0 ? UInt64(keyframeBlocks[place - 1].header.number) : nil
  }

  /// Decodes a keyframe block.
  public func keyframe(of block: BlockDescriptor) throws(TraceError) -> Keyframe {
    let keyframe = try Keyframe(decoding: try rawBytes(of: block), at: block.offset)
    guard keyframe.number == UInt64(block.header.number),
      keyframe.eventIndex == block.header.firstEvent
    else { throw .malformed(offset: block.offset, what: "keyframe number or event", nil) }
    return keyframe
  }

  /// Every page that is not zero at a keyframe, resolved through its parents.
  public func pageMap(at number: UInt64) throws(TraceError) -> [UInt32: StoredPage] {
    guard header.hasPages else { throw .pagesStripped }
    var map: [UInt32: StoredPage] = [:]
    var keyframe = try keyframe(number)
    // From the youngest to the oldest, so that one keyframe at a time is in memory.
    for _ in 0..<Keyframe.fullMapInterval {
      for entry in keyframe.pages where map[entry.page] == nil {
        map[entry.page] = entry.content
      }
      guard map.count <= Keyframe.maximumPageCount else {
        throw .missing(what: "page map of a sensible size behind keyframe \(number)")
      }
      if keyframe.isFullMap { return map.filter { $0.value != .zero } }
      guard let parent = keyframe.parent, parent < keyframe.number else { break }
      keyframe = try self.keyframe(parent)
    }
    throw .missing(what: "full page map behind keyframe \(number)")
  }
}

// MARK: - Pages

extension Reel {
  /// Hands out the contents of a page map, each block of pages decoded once and in file order.
  ///
  /// Use it to restore a keyframe: ``page(_:)`` in any other order decodes a block again for
  /// almost every page once the pages no longer fit its cache of 128 MiB.
  ///
  /// - Throws: as ``page(_:)``; the pages handed out before are good.
  public func forEachPage(
    of map: [UInt32: StoredPage], _ body: (_ page: UInt32, _ content: ArraySlice<UInt8>) -> Void
  ) throws(TraceError) {
    guard header.hasPages else { throw .pagesStripped }
    let wanted = map.filter { $0.value != .zero }
      .sorted { ($0.value.ordinal, $0.key) < ($1.value.ordinal, $1.key) }
    for (page, content) in wanted { body(page, try bytes(of: content)) }
  }

  /// A page's 4096 bytes, verified against its identity.
  public func page(_ page: StoredPage) throws(TraceError) -> [UInt8] {
    guard header.hasPages else { throw .pagesStripped }
    if page == .zero { return [UInt8](repeating: 0, count: PageBlock.pageSize) }
    return Array(try bytes(of: page))
  }

  private func bytes(of page: StoredPage) throws(TraceError) -> ArraySlice<UInt8> {
    let place = pageBlocks.partition { $0.header.endEvent > page.ordinal }
    guard place < pageBlocks.count, pageBlocks[place].header.firstEvent <= page.ordinal else {
      throw .missing(what: "page \(page.identity.name)")
    }
    let block = pageBlocks[place]
    let pages = try verifiedPages(of: block)
    let index = Int(page.ordinal - block.header.firstEvent)
    guard index < pages.identities.count, pages.identities[index] == page.identity else {
      throw .missing(what: "page \(page.identity.name)")
    }
    return pages.page(at: index)
  }

  /// A block of pages, each held to its identity; kept until the cache is full.
  private func verifiedPages(of block: BlockDescriptor) throws(TraceError) -> PageBlock {
    if let known = pageCache[block.offset] { return known }
    let decoded = try pages(of: block)
    if let bad = firstMismatch(in: decoded) {
      throw .pageDamaged(offset: block.offset, page: bad)
    }
    pageCache.insert(decoded, at: block.offset)
    return decoded
  }

  /// Decodes a page block.
  public func pages(of block: BlockDescriptor) throws(TraceError) -> PageBlock {
    let pages = try PageBlock(decoding: try rawBytes(of: block), at: block.offset)
    guard pages.identities.count == Int(block.header.eventCount) else {
      throw .malformed(offset: block.offset, what: "page count", nil)
    }
    return pages
  }

  /// The identity a page of these 4096 bytes has in this reel.
  public func identity(of page: UnsafeRawBufferPointer) -> PageIdentity {
    unsafe PageIdentity(of: page, under: pageHash)
  }

  /// The index of the first page of a block whose bytes do not match its identity.
  public func firstMismatch(in block: PageBlock) -> Int? {
    block.firstMismatch(under: pageHash)
  }
}

extension Array<BlockDescriptor> {
  /// The place of the first block for which a condition holds that, once true, stays so.
  func partition(_ condition: (BlockDescriptor) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if condition(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
