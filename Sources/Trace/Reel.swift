internal import Bytes

/// Random access to the bytes behind a reel: a file in production, an array in tests.
public protocol ReelSource: AnyObject {
  /// The size in bytes.
  var byteCount: UInt64 { get }
  /// Reads exactly `count` bytes; the caller has checked them against ``byteCount``.
  func read(at offset: UInt64, count: Int) throws(TraceError) -> [UInt8]
}

extension ReelSource {
  /// The block header at an offset.
  func readBlockHeader(at offset: UInt64) throws(TraceError) -> BlockHeader {
    guard offset <= byteCount, byteCount - offset >= UInt64(BlockHeader.byteCount) else {
      throw .blockTruncated(offset: offset)
    }
    return try BlockHeader(
      decoding: try read(at: offset, count: BlockHeader.byteCount), at: offset)
  }

  /// The stored bytes of a block, held to its checksum.
  func readStoredBytes(of block: BlockDescriptor) throws(TraceError) -> [UInt8] {
    guard block.endOffset <= byteCount else { throw .blockTruncated(offset: block.offset) }
    let stored = try read(
      at: block.offset + UInt64(BlockHeader.byteCount), count: Int(block.header.storedSize))
    guard UInt64(CRC32.checksum(stored)) == block.header.checksum else {
      throw .blockDamaged(offset: block.offset)
    }
    return stored
  }

  /// The raw bytes of a block that is one frame.
  func readRawBytes(
    of block: BlockDescriptor, with decompressor: FrameDecompressor
  ) throws(TraceError) -> [UInt8] {
    let stored = try readStoredBytes(of: block)
    let raw = unsafe stored.withUnsafeBytes {
      unsafe decompressor.decompress($0, rawSize: Int(block.header.rawSize))
    }
    guard let raw else { throw .decompressionFailed(offset: block.offset) }
    return raw
  }
}

/// A block's place in the file.
public struct BlockDescriptor: Equatable, Sendable {
  /// Offset of the block's header.
  public var offset: UInt64
  /// The header.
  public var header: BlockHeader

  /// The offset behind the block's stored bytes.
  public var endOffset: UInt64 {
    offset &+ UInt64(BlockHeader.byteCount) &+ UInt64(header.storedSize)
  }
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
/// Opening reads the file header, the index or every block header, and the metadata; a reel without
/// its end is read up to its last whole block.
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
  /// The keyframes' blocks; their numbers and events ascend.
  public private(set) var keyframeBlocks: [BlockDescriptor] = []
  /// The blocks of pages; their ordinals ascend.
  private(set) var pageBlocks: [BlockDescriptor] = []
  /// How the reel ends.
  public private(set) var tail: ReelTail = .partial(offset: 0)
  /// Why the reel's index was not used although it has one; its blocks were walked instead.
  public private(set) var indexError: TraceError?
  /// What could not be read on opening: only filled by ``init(salvaging:)``.
  public private(set) var openingErrors: [TraceError] = []
  /// Stretches between blocks that were skipped: only filled by ``init(salvaging:)``.
  public private(set) var gaps: [ReelGap] = []
  /// The end facts of a whole reel; `nil` too when the end block itself is damaged.
  public private(set) var end: EndRecord?
  lazy var pageHash = Poly1305(key: header.pageKey)
  var pageCache = PageCache()
  private let source: any ReelSource
  let decompressor = FrameDecompressor()

  /// Opens a reel.
  ///
  /// - Throws: a ``TraceError`` when the header or the metadata cannot be read; damage further
  ///   on, the end record's included, is noted in ``tail`` or thrown when the block is read.
  public init(_ source: any ReelSource) throws(TraceError) {
    self.source = source
    let head = Int(min(source.byteCount, UInt64(FileHeader.byteCount)))
    header = try FileHeader(decoding: try source.read(at: 0, count: head))
    if !takeIndex() {
      scan()
      try readMetadata()
    }
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

  private func readMetadata() throws(TraceError) {
    guard let first = blocks.first, first.header.type == .metadata else {
      if case .damaged(let error) = tail { throw error }
      throw .missing(what: "metadata block, so it cannot be read")
    }
    metadataJSON = try rawBytes(of: first)
  }

  /// Reads the end block; a damaged one becomes a damaged tail, so that the rest stays readable.
  private func readEnd() {
    guard let last = blocks.last(where: { $0.header.type == .end }) else { return }
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

  /// Takes the blocks from the reel's index.
  ///
  /// - Returns: whether there is one that can be trusted; otherwise nothing has been taken.
  private func takeIndex() -> Bool {
    do throws(TraceError) {
      guard let index = try ReelIndex(findingIn: source) else { return false }
      for block in index.blocks { try add(block, mayFollowGap: false) }
      try readMetadata()
      guard blocks.contains(where: { $0.header.type == .end }) else {
        throw .missing(what: "end block in its index")
      }
      tail = .whole
      return true
    } catch {
      indexError = error
      (blocks, eventBlocks, kernelExitBlocks) = ([], [], [])
      (keyframeBlocks, pageBlocks) = ([], [])
      return false
    }
  }

  private func add(_ block: BlockDescriptor, mayFollowGap: Bool) throws(TraceError) {
    switch block.header.type {
    case .events:
      try checkOrder(of: block, after: eventBlocks.last, mayFollowGap: mayFollowGap)
      eventBlocks.append(block)
    case .pages:
      try checkOrder(of: block, after: pageBlocks.last, mayFollowGap: mayFollowGap)
      pageBlocks.append(block)
    case .kernelExits:
      try checkKernelExits(block)
      kernelExitBlocks.append(block)
    case .keyframe:
      guard keyframeBlocks.last.map({ isKeyframe(block, after: $0) }) ?? true else {
        throw .malformed(offset: block.offset, what: "keyframe number or event", nil)
      }
      keyframeBlocks.append(block)
    default: break
    }
    blocks.append(block)
  }

  private func isKeyframe(_ block: BlockDescriptor, after before: BlockDescriptor) -> Bool {
    block.header.number > before.header.number
      && block.header.firstEvent >= before.header.firstEvent
  }

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
        try add(block, mayFollowGap: skippingDamage)
        offset = block.endOffset
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
    let end = blocks.last { $0.header.type == .end }
    let isWhole = end.map { $0.header.number == 0 || blocks.last?.header.type == .footer } ?? false
    tail = isWhole ? .whole : .partial(offset: offset)
  }

  /// Holds the header of a block of events or pages to its bounds and to the one before it, so that
  /// indices never overflow or overlap, nor leave a gap unless blocks were lost.
  private func checkOrder(
    of block: BlockDescriptor, after before: BlockDescriptor?, mayFollowGap: Bool
  ) throws(TraceError) {
    let header = block.header
    let expected = before?.header.endEvent ?? header.firstEvent
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

  /// The raw bytes of a block that is one frame, its checksum verified.
  public func rawBytes(of block: BlockDescriptor) throws(TraceError) -> [UInt8] {
    try source.readRawBytes(of: block, with: decompressor)
  }

  /// Decodes an event block.
  public func events(of block: BlockDescriptor) throws(TraceError) -> EventBlock {
    try EventBlock(
      decoding: try source.readStoredBytes(of: block), header: block.header, at: block.offset,
      with: decompressor)
  }

  /// Reads one column of an event block: an entry for each of its rows.
  ///
  /// - Returns: the entries, differences not summed up; `nil` when all are zero.
  public func column(
    _ column: EventColumn, of block: BlockDescriptor
  ) throws(TraceError) -> [UInt64]? {
    try EventColumnReader.values(
      of: column, try source.readStoredBytes(of: block), header: block.header, at: block.offset)
  }

  /// The columns of a block of events or kernel exits, with their sizes in bytes.
  public func columnSizes(
    of block: BlockDescriptor
  ) throws(TraceError) -> [(id: UInt16, rawSize: Int, storedSize: Int)] {
    let columns = try StoredColumns(
      try source.readStoredBytes(of: block), header: block.header, at: block.offset)
    return columns.entries.map { ($0.id, $0.rawLength, $0.storedLength) }
  }

  /// A block's stored bytes as they would be without compression.
  public func uncompressedBytes(of block: BlockDescriptor) throws(TraceError) -> [UInt8] {
    guard block.header.type == .events || block.header.type == .kernelExits else {
      return try rawBytes(of: block)
    }
    let stored = try source.readStoredBytes(of: block)
    return try StoredColumns(stored, header: block.header, at: block.offset).uncompressed()
  }

  /// Decodes a block of kernel exits.
  public func kernelExits(of block: BlockDescriptor) throws(TraceError) -> KernelExitBlock {
    try KernelExitBlock(
      decoding: try source.readStoredBytes(of: block), header: block.header, at: block.offset,
      with: decompressor)
  }

  /// The blocks that an index lists, as it describes them.
  public func indexedBlocks(in index: BlockDescriptor) throws(TraceError) -> [BlockDescriptor] {
    try ReelIndex.entries(try rawBytes(of: index), of: index)
  }

  /// A block's stored bytes, its checksum verified.
  public func storedBytes(of block: BlockDescriptor) throws(TraceError) -> [UInt8] {
    try source.readStoredBytes(of: block)
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

}
