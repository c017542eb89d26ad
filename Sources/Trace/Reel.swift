internal import Bytes

/// Random access to the bytes behind a reel: a file in production, an array in tests.
public protocol ReelSource: AnyObject {
  /// The size in bytes.
  var byteCount: UInt64 { get }
  /// Reads exactly `count` bytes; the caller has checked them against ``byteCount``.
  func read(at offset: UInt64, count: Int) throws(TraceError) -> [UInt8]
}

/// A block's place in the file.
public struct BlockDescriptor: Equatable, Sendable {
  /// Offset of the block's header.
  public var offset: UInt64
  /// The header.
  public var header: BlockHeader
}

/// How a reel's last bytes look.
public enum ReelTail: Equatable, Sendable {
  /// The reel ends with its end record.
  case whole
  /// The recorder was stopped before its end record, or the file was cut, at this offset.
  case partial(offset: UInt64)
  /// The block header at this offset is damaged; what follows was not read.
  case damaged(TraceError)
}

/// A stretch of the file that is not a readable block.
public struct ReelGap: Equatable, Sendable {
  /// Where it begins.
  public var offset: UInt64
  /// Its length in bytes.
  public var byteCount: UInt64
  /// What is wrong at its beginning.
  public var error: TraceError
}

/// An opened reel: its header, metadata and blocks, read on demand and checked as they are read.
///
/// Opening reads the file header, every block header and the metadata; a reel without its end is
/// read up to its last whole block.
public final class Reel {
  /// The file header.
  public let header: FileHeader
  /// The metadata's JSON.
  public private(set) var metadataJSON: [UInt8] = []
  /// All blocks in file order, unknown types included.
  public private(set) var blocks: [BlockDescriptor] = []
  /// The event blocks in order; each begins with the event after the last of the one before.
  public private(set) var eventBlocks: [BlockDescriptor] = []
  /// The blocks of kernel exits; the anchors of their first exits ascend.
  public private(set) var kernelExitBlocks: [BlockDescriptor] = []
  /// How the reel ends.
  public private(set) var tail: ReelTail = .partial(offset: 0)
  /// What could not be read on opening: only filled by ``init(salvaging:)``.
  public private(set) var openingErrors: [TraceError] = []
  /// Stretches between blocks that were skipped: only filled by ``init(salvaging:)``.
  public private(set) var gaps: [ReelGap] = []
  /// The end facts of a whole reel; `nil` too when the end block itself is damaged.
  public private(set) var end: EndRecord?
  /// Keyframes by number; filled on first use.
  private var keyframeBlocks: [UInt64: Int]?
  private var pagePlaces: [PageIdentity: PagePlace]?
  private lazy var pageHash = Poly1305(key: header.pageKey)
  private var cachedPages: [Int: PageBlock] = [:]
  private var cachedByteCount = 0
  private let source: any ReelSource

  /// Decoded page blocks kept at most, in bytes: what restoring a small guest touches.
  private static let pageCacheBudget = 128 << 20

  private struct PagePlace {
    var block: Int
    var index: Int
  }

  /// Opens a reel.
  ///
  /// - Throws: a ``TraceError`` when the header or the metadata cannot be read; damage further
  ///   on, the end record's included, is noted in ``tail`` or thrown when the block is read.
  public init(_ source: any ReelSource) throws(TraceError) {
    self.source = source
    let head = Int(min(source.byteCount, UInt64(FileHeader.byteCount)))
    header = try FileHeader(decoding: try source.read(at: 0, count: head))
    scan()
    guard let first = blocks.first, first.header.type == .metadata else {
      if case .damaged(let error) = tail { throw error }
      throw .missing(what: "metadata block, so it cannot be read")
    }
    metadataJSON = try rawBytes(of: first)
    readEnd()
  }

  /// Opens whatever can still be found in a damaged reel, for `verify`.
  ///
  /// A damaged block header is skipped by looking for the next whole one. A damaged file header
  /// is replaced by one whose page key is all zeros, so that pages cannot be verified.
  public init(salvaging source: any ReelSource) {
    self.source = source
    do throws(TraceError) {
      let head = Int(min(source.byteCount, UInt64(FileHeader.byteCount)))
      header = try FileHeader(decoding: try source.read(at: 0, count: head))
    } catch {
      header = FileHeader(pageKey: [UInt8](repeating: 0, count: 16))
      openingErrors.append(error)
    }
    scan(skippingDamage: true)
    do throws(TraceError) {
      guard let first = blocks.first, first.header.type == .metadata else {
        throw .missing(what: "metadata block")
      }
      metadataJSON = try rawBytes(of: first)
    } catch {
      openingErrors.append(error)
    }
    readEnd()
  }

  /// Reads the end block; a damaged one becomes a damaged tail, so that the rest stays readable.
  private func readEnd() {
    guard let last = blocks.last, last.header.type == .end else { return }
    do throws(TraceError) {
      end = try EndRecord(decoding: try rawBytes(of: last), at: last.offset)
    } catch {
      tail = .damaged(error)
    }
  }

  /// The number of events in the blocks that are there.
  public var eventCount: UInt64 {
    eventBlocks.last.map { $0.header.endEvent } ?? 0
  }

  /// The file's size in bytes.
  public var byteCount: UInt64 { source.byteCount }

  private func scan(skippingDamage: Bool = false) {
    var offset = UInt64(FileHeader.byteCount)
    while offset < source.byteCount {
      let left = source.byteCount - offset
      guard left >= UInt64(BlockHeader.byteCount) else {
        tail = .partial(offset: offset)
        return
      }
      do throws(TraceError) {
        let bytes = try source.read(at: offset, count: BlockHeader.byteCount)
        let header = try BlockHeader(decoding: bytes, at: offset)
        guard left - UInt64(BlockHeader.byteCount) >= UInt64(header.storedSize) else {
          tail = .partial(offset: offset)
          return
        }
        let block = BlockDescriptor(offset: offset, header: header)
        if header.type == .events {
          try checkOrder(of: block, mayFollowGap: skippingDamage)
          eventBlocks.append(block)
        }
        if header.type == .kernelExits {
          try checkKernelExits(block)
          kernelExitBlocks.append(block)
        }
        blocks.append(block)
        offset += UInt64(BlockHeader.byteCount) + UInt64(header.storedSize)
      } catch {
        guard skippingDamage else {
          tail = .damaged(error)
          return
        }
        let next = nextBlock(after: offset)
        gaps.append(ReelGap(offset: offset, byteCount: next - offset, error: error))
        offset = next
      }
    }
    tail = blocks.last?.header.type == .end ? .whole : .partial(offset: offset)
  }

  /// Holds an event block's header to its bounds and to the events before it, so that indices
  /// never overflow or overlap, nor leave a gap unless blocks were lost.
  private func checkOrder(
    of block: BlockDescriptor, mayFollowGap: Bool
  ) throws(TraceError) {
    let header = block.header
    let expected = eventBlocks.last?.header.endEvent ?? header.firstEvent
    guard header.eventCount <= EventBlock.maximumEventCount else {
      throw .blockTooLarge(offset: block.offset, rawSize: UInt64(header.eventCount))
    }
    guard header.firstEvent <= UInt64.max - UInt64(header.eventCount),
      header.firstEvent == expected || (mayFollowGap && header.firstEvent > expected)
    else { throw .malformed(offset: block.offset, what: "first event", nil) }
  }

  /// Holds a block of kernel exits to its bounds and its place after the one before.
  private func checkKernelExits(_ block: BlockDescriptor) throws(TraceError) {
    guard block.header.eventCount <= KernelExitBlock.maximumCount else {
      throw .blockTooLarge(offset: block.offset, rawSize: UInt64(block.header.eventCount))
    }
    guard block.header.firstEvent >= kernelExitBlocks.last?.header.firstEvent ?? 0 else {
      throw .malformed(offset: block.offset, what: "first event", nil)
    }
  }

  /// The offset of the next whole block header behind a damaged one, or the end of the file.
  private func nextBlock(after damaged: UInt64) -> UInt64 {
    let size = BlockHeader.byteCount
    let window = 1 << 20
    var start = damaged &+ 1
    while start < source.byteCount, source.byteCount - start >= UInt64(size) {
      let count = Int(min(UInt64(window), source.byteCount - start))
      guard let bytes = try? source.read(at: start, count: count) else { break }
      for position in 0...(count - size) where bytes[position] == BlockHeader.firstByte {
        let offset = start + UInt64(position)
        let candidate = Array(bytes[position..<position + size])
        if (try? BlockHeader(decoding: candidate, at: offset)) != nil { return offset }
      }
      start += UInt64(count - size + 1)
    }
    return source.byteCount
  }

  /// The raw bytes of a block, its checksum verified.
  public func rawBytes(of block: BlockDescriptor) throws(TraceError) -> [UInt8] {
    let stored = try source.read(
      at: block.offset + UInt64(BlockHeader.byteCount), count: Int(block.header.storedSize))
    guard UInt64(CRC32.checksum(stored)) == block.header.checksum else {
      throw .blockDamaged(offset: block.offset)
    }
    guard let raw = decompressFrame(stored, rawSize: Int(block.header.rawSize)) else {
      throw .decompressionFailed(offset: block.offset)
    }
    return raw
  }

  /// Decodes an event block.
  public func events(of block: BlockDescriptor) throws(TraceError) -> EventBlock {
    try EventBlock(decoding: try rawBytes(of: block), header: block.header, at: block.offset)
  }

  /// Decodes a block of kernel exits.
  public func kernelExits(of block: BlockDescriptor) throws(TraceError) -> KernelExitBlock {
    try KernelExitBlock(decoding: try rawBytes(of: block), header: block.header, at: block.offset)
  }

  /// The host's counters at a moment of the recording.
  public func hostTotals(of block: BlockDescriptor) throws(TraceError) -> HostTotals {
    try HostTotals(decoding: try rawBytes(of: block), at: block.offset)
  }

  /// The host's counters, in the order they were read; empty when none were recorded.
  public func hostTotals() throws(TraceError) -> [HostTotals] {
    var totals: [HostTotals] = []
    for block in blocks where block.header.type == .hostTotals {
      totals.append(try hostTotals(of: block))
    }
    return totals
  }

  /// Decodes a page block.
  public func pages(of block: BlockDescriptor) throws(TraceError) -> PageBlock {
    try PageBlock(decoding: try rawBytes(of: block), at: block.offset)
  }

  /// Decodes a keyframe block.
  public func keyframe(of block: BlockDescriptor) throws(TraceError) -> Keyframe {
    try Keyframe(decoding: try rawBytes(of: block), at: block.offset)
  }

  /// The numbers of the keyframes in the reel, ascending.
  public func keyframeNumbers() throws(TraceError) -> [UInt64] {
    try indexedKeyframes().keys.sorted()
  }

  /// A keyframe by its number.
  public func keyframe(_ number: UInt64) throws(TraceError) -> Keyframe {
    guard let index = try indexedKeyframes()[number] else {
      throw .missing(what: "keyframe \(number)")
    }
    return try keyframe(of: blocks[index])
  }

  private func indexedKeyframes() throws(TraceError) -> [UInt64: Int] {
    if let keyframeBlocks { return keyframeBlocks }
    var found: [UInt64: Int] = [:]
    for (index, block) in blocks.enumerated() where block.header.type == .keyframe {
      found[try keyframe(of: block).number] = index
    }
    keyframeBlocks = found
    return found
  }

  /// Every page that is not zero at a keyframe, resolved through its parents.
  public func pageMap(at number: UInt64) throws(TraceError) -> [UInt32: PageIdentity] {
    guard header.hasPages else { throw .pagesStripped }
    var map: [UInt32: PageIdentity] = [:]
    var keyframe = try keyframe(number)
    // From the youngest to the oldest, so that one keyframe at a time is in memory.
    for _ in 0...Keyframe.fullMapInterval {
      for entry in keyframe.pages where map[entry.page] == nil {
        map[entry.page] = entry.identity
      }
      guard map.count <= Keyframe.maximumPageCount else {
        throw .missing(what: "page map of a sensible size behind keyframe \(number)")
      }
      if keyframe.isFullMap { return map.filter { $0.value != .zeroPage } }
      guard let parent = keyframe.parent, parent < keyframe.number else { break }
      keyframe = try self.keyframe(parent)
    }
    throw .missing(what: "full page map behind keyframe \(number)")
  }

  /// Hands out the contents of a page map, each block of pages decoded once and in file order.
  ///
  /// Use it to restore a keyframe: ``page(_:)`` in any other order decodes a block again for
  /// almost every page once the pages no longer fit its cache of 128 MiB.
  ///
  /// - Throws: as ``page(_:)``; the pages handed out before are good.
  public func forEachPage(
    of map: [UInt32: PageIdentity], _ body: (_ page: UInt32, _ content: ArraySlice<UInt8>) -> Void
  ) throws(TraceError) {
    let places = try indexedPages()
    var wanted: [(place: PagePlace, page: UInt32)] = []
    wanted.reserveCapacity(map.count)
    for (page, identity) in map where identity != .zeroPage {
      guard let place = places[identity] else { throw missingPage(identity) }
      wanted.append((place, page))
    }
    wanted.sort { ($0.place.block, $0.page) < ($1.place.block, $1.page) }
    for (place, page) in wanted {
      body(page, try verifiedPages(inBlock: place.block).page(at: place.index))
    }
  }

  /// A page's 4096 bytes, verified against its identity.
  public func page(_ identity: PageIdentity) throws(TraceError) -> [UInt8] {
    if identity == .zeroPage { return [UInt8](repeating: 0, count: PageBlock.pageSize) }
    guard let place = try indexedPages()[identity] else { throw missingPage(identity) }
    return Array(try verifiedPages(inBlock: place.block).page(at: place.index))
  }

  /// A block of pages, each held to its identity; kept until the cache is full.
  private func verifiedPages(inBlock index: Int) throws(TraceError) -> PageBlock {
    if let known = cachedPages[index] { return known }
    let block = blocks[index]
    let decoded = try pages(of: block)
    if let bad = firstMismatch(in: decoded) {
      throw .pageDamaged(offset: block.offset, page: bad)
    }
    let byteCount = decoded.identities.count * PageBlock.pageSize
    if cachedByteCount + byteCount > Self.pageCacheBudget {
      cachedPages = [:]
      cachedByteCount = 0
    }
    cachedPages[index] = decoded
    cachedByteCount += byteCount
    return decoded
  }

  /// The identity a page of these 4096 bytes has in this reel.
  public func identity(of page: UnsafeRawBufferPointer) -> PageIdentity {
    unsafe PageIdentity(of: page, under: pageHash)
  }

  /// The index of the first page of a block whose bytes do not match its identity.
  public func firstMismatch(in block: PageBlock) -> Int? {
    block.firstMismatch(under: pageHash)
  }

  private func indexedPages() throws(TraceError) -> [PageIdentity: PagePlace] {
    if let pagePlaces { return pagePlaces }
    guard header.hasPages else { throw .pagesStripped }
    var places: [PageIdentity: PagePlace] = [:]
    for (index, block) in blocks.enumerated() where block.header.type == .pages {
      for (position, identity) in try identities(of: block).enumerated() {
        places[identity] = PagePlace(block: index, index: position)
      }
    }
    pagePlaces = places
    return places
  }

  /// The identities a block of pages begins with, unverified: its checksum is held to the block
  /// when its pages are used.
  private func identities(of block: BlockDescriptor) throws(TraceError) -> [PageIdentity] {
    let rawSize = Int(block.header.rawSize)
    let listSize = PageBlock.listByteCount(ofBlock: rawSize)
    // zstd decodes 128 KiB of content at a time, and stores it in no more than that and a header.
    let count = min(Int(block.header.storedSize), listSize + 256 << 10)
    let stored = try source.read(at: block.offset + UInt64(BlockHeader.byteCount), count: count)
    guard let list = decompressPrefix(stored, byteCount: listSize) else {
      return try pages(of: block).identities
    }
    return try PageBlock.identities(inList: list, ofBlock: rawSize, at: block.offset)
  }

  /// Why a page cannot be had: damage, where its block may have been, or that it is not there.
  private func missingPage(_ identity: PageIdentity) -> TraceError {
    do throws(TraceError) {
      for block in blocks where block.header.type == .pages { _ = try rawBytes(of: block) }
      return .missing(what: "page \(identity.name)")
    } catch {
      return error
    }
  }
}
