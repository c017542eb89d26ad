internal import Bytes
internal import Trace

/// Columns as a fuzz input has them, made into a block's stored bytes with a directory that holds.
///
///     for each column: u8 id, u8 options, u16 length, its raw bytes
///
/// Options: bits 0–1 encoding (0 the table's own, else bits 0–1 plus 0, so 1, 2, 3), bit 2 required,
/// bit 3 one zstd frame, bit 4 made as long as so many entries take, bit 5 a stored length that lies.
struct ColumnList {
  private struct Column {
    var id: UInt16
    var encoding: UInt8
    var options: UInt8
    var raw: [UInt8]
  }

  static let isRequired: UInt8 = 1 << 2
  static let isCompressed: UInt8 = 1 << 3
  static let isFitted: UInt8 = 1 << 4
  static let isLying: UInt8 = 1 << 5

  private var columns: [Column] = []
  /// The entries of columns that not every event is in, as the columns so far tell.
  private var exits = 0
  private var digests = 0
  private var timestamps = 0

  /// Takes the columns of a block of so many events, or of kernel exits.
  init(_ bytes: [UInt8], type: BlockType, count: Int) {
    var input = FuzzInput(bytes)
    while !input.isAtEnd, columns.count < 64 {
      let id = UInt16(input.byte())
      let options = input.byte()
      var raw = input.bytes(Int(input.number(UInt16.self)))
      let encoding = options & 3 == 0 ? Self.encoding(of: id, type) : options & 3
      if options & Self.isFitted != 0 {
        fit(&raw, encoding, entries: type == .events ? entries(of: id, count) : count)
      }
      columns.append(Column(id: id, encoding: encoding, options: options, raw: raw))
      if type == .events { countRows(id, raw, count) }
    }
  }

  /// A block of this raw and stored size.
  func encoded() -> (stored: [UInt8], rawSize: Int) {
    var directory = ByteWriter()
    var body: [UInt8] = []
    var rawSize = 2 + columns.count * 12
    directory.append(UInt16(columns.count))
    for column in columns {
      let frame =
        column.options & Self.isCompressed == 0
        ? column.raw : FrameCompressor().compress(column.raw)
      // A frame that is no shorter would be read as the raw bytes.
      let stored = frame.count < column.raw.count ? frame : column.raw
      let lie = column.options & Self.isLying == 0 ? 0 : 1
      directory.append(column.id)
      directory.append(column.encoding)
      directory.append(column.options & Self.isRequired == 0 ? UInt8(0) : 1)
      directory.append(UInt32(column.raw.count + lie))
      directory.append(UInt32(stored.count))
      rawSize += column.raw.count + lie
      body += stored
    }
    return (directory.bytes + body, rawSize)
  }

  /// The columns of a block, as ``init(_:type:count:)`` takes them.
  static func input(from uncompressed: [UInt8]) -> [UInt8]? {
    var reader = ByteReader(uncompressed)
    var output = ByteWriter()
    do {
      var lengths: [Int] = []
      var heads: [[UInt8]] = []
      for _ in 0..<(try reader.read(UInt16.self)) {
        let id: UInt16 = try reader.read()
        _ = try reader.read(UInt8.self)
        let required = try reader.read(UInt8.self) & 1
        let length = Int(try reader.read(UInt32.self))
        _ = try reader.read(UInt32.self)
        guard id < 256, length <= UInt16.max else { return nil }
        lengths.append(length)
        heads.append([UInt8(id), required << 2])
      }
      for (head, length) in zip(heads, lengths) {
        output.append(bytes: head)
        output.append(UInt16(length))
        output.append(bytes: try reader.readBytes(length))
      }
      return output.bytes
    } catch {
      return nil
    }
  }

  /// The encodings of TRACE-FORMAT's two tables.
  private static func encoding(of id: UInt16, _ type: BlockType) -> UInt8 {
    if type == .kernelExits { return id == 6 ? 3 : id == 12 || id == 13 ? 1 : 0 }
    return switch id {
    case 9: 3
    case 12, 13, 16: 1
    case 15: 2
    default: 0
    }
  }

  private func entries(of id: UInt16, _ count: Int) -> Int {
    switch id {
    case 9, 10, 12, 13, 17: exits
    case 11: digests
    case 16: timestamps
    default: count
    }
  }

  private mutating func fit(_ raw: inout [UInt8], _ encoding: UInt8, entries: Int) {
    guard encoding != 2, let first = raw.first else { return }
    let width = encoding == 3 ? Int(first) : first.nonzeroBitCount
    let length = 1 + width * entries
    guard length <= UInt16.max else { return }
    raw = Array(raw.prefix(length))
    raw += [UInt8](repeating: 0, count: length - raw.count)
  }

  private mutating func countRows(_ id: UInt16, _ raw: [UInt8], _ count: Int) {
    guard raw.first == 1 else { return }
    let values = raw.dropFirst().prefix(count)
    if id == 1 { exits = values.count { EventKind(rawValue: $0).isExit } }
    if id == 2 {
      digests = values.count { $0 & 1 != 0 }
      timestamps = values.count { $0 & 4 != 0 }
    }
  }
}
