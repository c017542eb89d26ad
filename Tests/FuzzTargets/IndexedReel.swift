internal import Bytes
internal import Trace

/// A reel whose index comes from a fuzz input, and whose blocks are what the index says of them.
///
///     u8 number of listed blocks, then for each:
///       u8 type, u8 options, u16 stored size, u32 raw size, u64 first event, u32 event count,
///       u32 number, u64 first time, u64 last time,
///     and the bytes that stand where the listed blocks should
///
/// Options: bit 0: the checksum listed is that of the bytes there.
struct IndexedReel {
  private var entries = ByteWriter()
  private var filling: [UInt8] = []
  private var count: UInt64 = 0

  /// Makes the reel: metadata, an end record, the listed blocks, the index and the footer.
  static func reel(_ input: [UInt8]) -> [UInt8] {
    var input = FuzzInput(input)
    var encoder = BlockEncoder(pageKey: ReelAssembly.pageKey)
    var bytes = FileHeader(pageKey: ReelAssembly.pageKey).encoded()
    var index = IndexedReel()
    let metadata = encoder.block(.metadata, Array("{}".utf8))
    let end = encoder.end(
      EndRecord(
        reason: .idle, detail: 0, eventCount: 0, guestMadeExits: 0, keyframeCount: 0,
        durationNanoseconds: 0, virtualTime: 0, digest: 0), isIndexed: false)
    index.list(block: metadata, .metadata)
    index.list(block: end, .end)
    index.list(&input)
    bytes += metadata + end + index.filling
    var footer = BlockHeader(type: .footer)
    footer.firstEvent = UInt64(bytes.count)
    bytes += encoder.block(.index, index.encoded())
    return bytes + encoder.block(copying: footer, stored: [])
  }

  private func encoded() -> [UInt8] {
    var writer = ByteWriter()
    writer.append(varint: count)
    writer.append(bytes: entries.bytes)
    return writer.bytes
  }

  /// Lists a block that is there, by the header it begins with.
  private mutating func list(block: [UInt8], _ type: BlockType) {
    var header = BlockHeader(type: type)
    let stored = Array(block[BlockHeader.byteCount...])
    header.storedSize = UInt32(stored.count)
    header.rawSize = block[12..<16].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    header.checksum = UInt64(CRC32.checksum(stored))
    append(header)
  }

  private mutating func list(_ input: inout FuzzInput) {
    var headers: [(header: BlockHeader, isChecked: Bool)] = []
    for _ in 0..<input.byte() {
      var header = BlockHeader(type: BlockType(rawValue: UInt16(input.byte())))
      let isChecked = input.byte() & 1 != 0
      header.storedSize = UInt32(input.number(UInt16.self))
      header.rawSize = input.number()
      header.firstEvent = input.number()
      header.eventCount = input.number()
      header.number = input.number()
      header.firstTime = input.number()
      header.lastTime = input.number()
      headers.append((header, isChecked))
    }
    let pool = input.remainder()
    for (header, isChecked) in headers {
      var header = header
      let size = Int(header.storedSize)
      let start = min(filling.count + BlockHeader.byteCount, pool.count)
      var stored = Array(pool[start...].prefix(size))
      stored += [UInt8](repeating: 0, count: size - stored.count)
      if isChecked { header.checksum = UInt64(CRC32.checksum(stored)) }
      // Where a header should be there are zeros: who walks the blocks finds that, too.
      filling += [UInt8](repeating: 0, count: BlockHeader.byteCount) + stored
      append(header)
    }
  }

  private mutating func append(_ header: BlockHeader) {
    count += 1
    entries.append(varint: UInt64(header.type.rawValue))
    entries.append(varint: UInt64(header.storedSize))
    entries.append(varint: UInt64(header.rawSize))
    entries.append(varint: header.firstEvent)
    entries.append(varint: UInt64(header.eventCount))
    entries.append(varint: UInt64(header.number))
    entries.append(varint: header.firstTime)
    entries.append(varint: header.lastTime)
    entries.append(UInt32(truncatingIfNeeded: header.checksum))
  }
}
