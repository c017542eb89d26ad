internal import Bytes

/// Puts a block of columns together: a directory, then the columns' bytes in its order.
///
///     u16 column count, then for each: u16 id, u8 encoding, u8 flags, u32 byte length
struct ColumnBlockWriter {
  private var columnCount: UInt16 = 0
  private var directory = ByteWriter()
  private var body: ByteWriter

  init(reservingCapacity capacity: Int) {
    body = ByteWriter(reservingCapacity: capacity)
  }

  /// Appends what `write` writes as a column, unless it says that this is nothing but the default.
  mutating func append(
    id: UInt16, encoding: ColumnEncoding, isRequired: Bool,
    _ write: (inout ByteWriter) -> Bool
  ) {
    let start = body.count
    guard !write(&body) else {
      body.truncate(to: start)
      return
    }
    columnCount += 1
    directory.append(id)
    directory.append(encoding.rawValue)
    directory.append(UInt8(isRequired ? 1 : 0))
    directory.append(UInt32(body.count - start))
  }

  /// The block's raw bytes.
  func finish() -> [UInt8] {
    var block = ByteWriter(reservingCapacity: directory.count + body.count + 2)
    block.append(columnCount)
    block.append(bytes: directory.bytes)
    block.append(bytes: body.bytes)
    return block.bytes
  }
}
