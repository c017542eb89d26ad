internal import Bytes

/// Where the blocks of a whole reel lie, so that opening it takes no walk over all of them.
///
/// The index block stands behind the end block and lists the headers of all blocks before it:
///
///     varint block count, then for each:
///       varint type, varint stored size, varint raw size, varint first event, varint event count,
///       varint number, varint first time, varint last time, u32 checksum
///
/// The footer, the file's last 64 bytes, says where the index is.
struct ReelIndex {
  /// Bytes a listed header takes at least.
  private static let minimumEntryByteCount = 12

  /// All blocks in file order, the index and the footer among them.
  let blocks: [BlockDescriptor]

  /// The most blocks a reel with an index may have; no index of so many is too large for a block.
  static let maximumBlockCount = 1 << 20

  /// The raw bytes of the index of these headers.
  static func encoded(_ headers: [BlockHeader]) -> [UInt8] {
    var writer = ByteWriter(reservingCapacity: 16 + headers.count * 32)
    writer.append(varint: UInt64(headers.count))
    for header in headers {
      writer.append(varint: UInt64(header.type.rawValue))
      writer.append(varint: UInt64(header.storedSize))
      writer.append(varint: UInt64(header.rawSize))
      writer.append(varint: header.firstEvent)
      writer.append(varint: UInt64(header.eventCount))
      writer.append(varint: UInt64(header.number))
      writer.append(varint: header.firstTime)
      writer.append(varint: header.lastTime)
      writer.append(UInt32(truncatingIfNeeded: header.checksum))
    }
    return writer.bytes
  }

  /// Finds and reads the index of a reel.
  ///
  /// - Returns: `nil` when the file does not end with a footer.
  /// - Throws: a ``TraceError`` when the footer names an index that cannot be read.
  init?(findingIn source: any ReelSource) throws(TraceError) {
    guard source.byteCount >= UInt64(FileHeader.byteCount + BlockHeader.byteCount) else {
      return nil
    }
    let end = source.byteCount - UInt64(BlockHeader.byteCount)
    guard let footer = try? source.readBlockHeader(at: end), footer.type == .footer,
      footer.storedSize == 0
    else { return nil }
    let offset = footer.firstEvent
    let header = try source.readBlockHeader(at: offset)
    let index = BlockDescriptor(offset: offset, header: header)
    guard header.type == .index, index.endOffset == end else {
      throw .malformed(offset: offset, what: "index", nil)
    }
    let raw = try source.readRawBytes(of: index, with: FrameDecompressor())
    blocks =
      try Self.entries(raw, of: index) + [index, BlockDescriptor(offset: end, header: footer)]
  }

  /// The listed blocks: one after the other from behind the file header up to the index itself.
  static func entries(
    _ raw: [UInt8], of index: BlockDescriptor
  ) throws(TraceError) -> [BlockDescriptor] {
    do {
      var reader = ByteReader(raw)
      // Each takes room in the file, too: what unpacks to a long list must not become a longer one.
      let room = Int(clamping: index.offset / UInt64(BlockHeader.byteCount))
      let count = try reader.readCount(limit: min(reader.remaining / minimumEntryByteCount, room))
      var blocks: [BlockDescriptor] = []
      blocks.reserveCapacity(count)
      var offset = UInt64(FileHeader.byteCount)
      for _ in 0..<count {
        var header = BlockHeader(
          type: BlockType(rawValue: UInt16(try reader.readCount(limit: 0xffff))))
        header.storedSize = UInt32(try reader.readCount(limit: BlockHeader.maximumRawSize))
        header.rawSize = UInt32(try reader.readCount(limit: BlockHeader.maximumRawSize))
        header.firstEvent = try reader.readVarint()
        header.eventCount = UInt32(try reader.readCount(limit: Int(UInt32.max)))
        header.number = UInt32(try reader.readCount(limit: Int(UInt32.max)))
        header.firstTime = try reader.readVarint()
        header.lastTime = try reader.readVarint()
        header.checksum = UInt64(try reader.read(UInt32.self))
        let block = BlockDescriptor(offset: offset, header: header)
        offset = block.endOffset
        blocks.append(block)
      }
      // Bytes behind the list are a later version's.
      guard offset == index.offset else {
        throw TraceError.malformed(offset: index.offset, what: "index", nil)
      }
      return blocks
    } catch let error as TraceError {
      throw error
    } catch {
      throw .malformed(offset: index.offset, what: "index", error as? ByteReaderError)
    }
  }
}
