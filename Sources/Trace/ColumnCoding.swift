internal import Bytes

/// How a column's entries are stored.
enum ColumnEncoding: UInt8 {
  /// A byte in which bit k says that plane k is there, then the planes in ascending order: plane k
  /// holds bits 8k to 8k + 7 of every entry. Entries of one width in their bytes compress better
  /// than varints, and decode without branches.
  case planes = 0
  /// Planes of zigzag-coded differences.
  case zigZagPlanes = 1
  /// Bytes that are no entries.
  case bytes = 2
  /// A byte w from 1 to 8, then each zigzag-coded difference in w bytes: for differences that come
  /// again in the same order, which zstd finds as long as their bytes stand together.
  case zigZagRows = 3

  fileprivate var isZigZag: Bool { self == .zigZagPlanes || self == .zigZagRows }
}

/// One entry of a block's column directory.
///
///     u16 id, u8 encoding, u8 flags (bit 0 required), u32 raw length, u32 stored length
struct ColumnEntry {
  static let byteCount = 12
  var id: UInt16
  var encoding: UInt8
  var isRequired: Bool
  var rawLength: Int
  var storedLength: Int
  /// Where the stored bytes begin in the block's.
  var offset: Int
}

/// The columns of a block as they are stored, each decompressed when it is asked for.
///
///     u16 column count, the directory, then each column's stored bytes: one zstd frame, or the raw
///     bytes themselves where their length is the stored one
struct StoredColumns {
  let entries: [ColumnEntry]
  private let stored: [UInt8]
  private let offset: UInt64
  private let decompressor: FrameDecompressor

  /// Reads the directory of the stored bytes of the block at `offset`.
  ///
  /// - Throws: `malformed` when ids do not ascend or lengths do not add up to those of the header.
  init(
    _ stored: [UInt8], header: BlockHeader, at offset: UInt64,
    with decompressor: FrameDecompressor = FrameDecompressor()
  ) throws(TraceError) {
    self.decompressor = decompressor
    self.stored = stored
    self.offset = offset
    var reader = ByteReader(stored)
    var entries: [ColumnEntry] = []
    do {
      let count: UInt16 = try reader.read()
      var begin = 2 + Int(count) * ColumnEntry.byteCount
      var rawSize = begin
      for _ in 0..<count {
        let entry = ColumnEntry(
          id: try reader.read(), encoding: try reader.read(),
          isRequired: try reader.read(UInt8.self) & 1 != 0,
          rawLength: Int(try reader.read(UInt32.self)),
          storedLength: Int(try reader.read(UInt32.self)), offset: begin)
        // Ascending, so that none comes twice and flags are known before what they announce.
        guard entry.id > entries.last?.id ?? 0, entry.storedLength <= stored.count - begin,
          entry.storedLength <= entry.rawLength
        else { throw TraceError.malformed(offset: offset, what: "column directory", nil) }
        begin += entry.storedLength
        rawSize += entry.rawLength
        entries.append(entry)
      }
      guard begin == stored.count, rawSize == Int(header.rawSize) else {
        throw TraceError.malformed(offset: offset, what: "column directory", nil)
      }
    } catch let error as TraceError {
      throw error
    } catch {
      throw .malformed(offset: offset, what: "column directory", error as? ByteReaderError)
    }
    self.entries = entries
  }

  /// A column's raw bytes.
  func rawBytes(of entry: ColumnEntry) throws(TraceError) -> [UInt8] {
    let range = entry.offset..<entry.offset + entry.storedLength
    if entry.storedLength == entry.rawLength { return Array(stored[range]) }
    let raw = unsafe stored.withUnsafeBytes {
      unsafe decompressor.decompress(
        UnsafeRawBufferPointer(rebasing: $0[range]), rawSize: entry.rawLength)
    }
    guard let raw else { throw .malformed(offset: offset, what: "column \(entry.id)", nil) }
    return raw
  }

  /// The block as it would be stored without compression.
  func uncompressed() throws(TraceError) -> [UInt8] {
    var directory = ByteWriter()
    var body: [UInt8] = []
    directory.append(UInt16(entries.count))
    for entry in entries {
      directory.append(
        id: entry.id, encoding: entry.encoding, isRequired: entry.isRequired,
        rawLength: entry.rawLength, storedLength: entry.rawLength)
      body += try rawBytes(of: entry)
    }
    return directory.bytes + body
  }

  /// The numbers of a column of `count` entries, none above `limit`.
  ///
  /// - Throws: `malformed` when its bytes are not so many numbers.
  func values(
    of entry: ColumnEntry, count: Int, limit: UInt64
  ) throws(TraceError) -> ColumnValues {
    guard let encoding = ColumnEncoding(rawValue: entry.encoding),
      let values = ColumnValues(
        try rawBytes(of: entry), count: count, encoding: encoding, limit: limit)
    else { throw .malformed(offset: offset, what: "column \(entry.id)", nil) }
    return values
  }
}

/// A column of numbers, read from its first entry to its last.
struct ColumnValues {
  private let raw: [UInt8]
  private let count: Int
  private let encoding: ColumnEncoding
  /// The places of the planes in a number; of rows, one for each byte.
  private let shifts: [UInt64]
  private var row = 0

  /// Takes a column's raw bytes; `nil` when they are not `count` entries up to `limit`.
  init?(_ raw: [UInt8], count: Int, encoding: ColumnEncoding, limit: UInt64) {
    guard let first = raw.first, encoding != .zigZagRows || (1...8).contains(first) else {
      return nil
    }
    let mask = encoding == .zigZagRows ? UInt8.max >> (8 - first) : first
    shifts = (0..<8).filter { mask & (1 << $0) != 0 }.map { UInt64($0 * 8) }
    guard raw.count == 1 + shifts.count * count else { return nil }
    self.raw = raw
    self.count = count
    self.encoding = encoding
    guard isWithin(limit) else { return nil }
  }

  /// Whether no entry is above a limit: whole planes decide, and values where they cannot.
  private func isWithin(_ limit: UInt64) -> Bool {
    let width = shifts.last.map { $0 + 8 } ?? 0
    if width >= 64 ? limit == .max : limit >= (1 << width) - 1 { return true }
    return values().allSatisfy { $0 <= limit }
  }

  /// All entries.
  func values() -> [UInt64] {
    var copy = self
    var values = [UInt64](repeating: 0, count: count)
    unsafe values.withUnsafeMutableBufferPointer { unsafe copy.read(into: $0) }
    return values
  }

  /// How many entries' low bytes meet a condition.
  @inline(__always)
  func countBytes(where isIncluded: (UInt8) -> Bool) -> Int {
    guard encoding == .planes, shifts.first == 0 else {
      return isIncluded(0) ? count : 0
    }
    var number = 0
    // By lengths that a byte can count: sixteen of those fit a vector.
    for start in stride(from: 1, through: count, by: 255) {
      let bytes = raw.span.extracting(start..<min(start + 255, count + 1))
      var part: UInt8 = 0
      for index in bytes.indices { part &+= isIncluded(bytes[index]) ? 1 : 0 }
      number += Int(part)
    }
    return number
  }

  /// Reads the next entries: as many as `output` has room for, and there must be so many.
  mutating func read(into output: UnsafeMutableBufferPointer<UInt64>) {
    precondition(output.count <= count - row, "no more entries than there are")
    guard !output.isEmpty else { return }
    if encoding == .zigZagRows {
      unsafe readRows(into: output)
    } else {
      unsafe readPlanes(into: output)
    }
    if encoding.isZigZag {
      for index in output.indices {
        unsafe output[index] = UInt64(bitPattern: ZigZag.decode(output[index]))
      }
    }
    row += output.count
  }

  private func readRows(into output: UnsafeMutableBufferPointer<UInt64>) {
    let width = shifts.count
    unsafe raw.withUnsafeBufferPointer { bytes in
      // Safe: the rows are `count` times `width` bytes behind the first.
      var place = 1 + row * width
      for index in output.indices {
        var value: UInt64 = 0
        for byte in 0..<width { unsafe value |= UInt64(bytes[place + byte]) &<< UInt64(8 * byte) }
        unsafe output[index] = value
        place += width
      }
    }
  }

  private func readPlanes(into output: UnsafeMutableBufferPointer<UInt64>) {
    unsafe raw.withUnsafeBufferPointer { bytes in
      for (place, shift) in shifts.enumerated() {
        // Safe: plane `place` is `count` bytes behind the mask, and `row` + output's are in them.
        let start = 1 + place * count + row
        let plane = unsafe UnsafeBufferPointer(rebasing: bytes[start..<start + output.count])
        if place == 0 {
          for index in output.indices { unsafe output[index] = UInt64(plane[index]) &<< shift }
        } else {
          for index in output.indices { unsafe output[index] |= UInt64(plane[index]) &<< shift }
        }
      }
    }
    if shifts.isEmpty { unsafe output.update(repeating: 0) }
  }
}

/// Puts a block of columns together; a writer keeps one and reuses its memory.
struct ColumnBlockWriter {
  private var directory = ByteWriter()
  private var columnCount: UInt16 = 0
  private var rawLength = 0
  private var body: [UInt8] = []
  private var raw: [UInt8] = []
  private let compressor: FrameCompressor

  init(_ compressor: FrameCompressor) {
    self.compressor = compressor
  }

  /// Appends a column of numbers unless all are zero and it may be left out.
  mutating func append(
    id: UInt16, encoding: ColumnEncoding, isRequired: Bool, mayBeAbsent: Bool = true,
    _ values: UnsafeBufferPointer<UInt64>
  ) {
    var union: UInt64 = 0
    for index in values.indices { unsafe union |= values[index] }
    guard !values.isEmpty, union != 0 || !mayBeAbsent else { return }
    raw.removeAll(keepingCapacity: true)
    if encoding == .zigZagRows {
      let width = max(1, (64 - union.leadingZeroBitCount + 7) / 8)
      raw.append(UInt8(width))
      for index in values.indices {
        let value = unsafe values[index]
        for byte in 0..<width { raw.append(UInt8(truncatingIfNeeded: value &>> UInt64(8 * byte))) }
      }
    } else {
      unsafe appendPlanes(values, union)
    }
    unsafe raw.withUnsafeBytes {
      unsafe append(id: id, encoding: encoding, isRequired: isRequired, bytes: $0)
    }
  }

  private mutating func appendPlanes(_ values: UnsafeBufferPointer<UInt64>, _ union: UInt64) {
    let planes = (0..<8).filter { union >> (8 * UInt64($0)) & 0xff != 0 }
    raw.append(planes.reduce(0) { $0 | 1 << UInt8($1) })
    for plane in planes {
      let shift = UInt64(plane * 8)
      unsafe raw.append(
        contentsOf: values.lazy.map { UInt8(truncatingIfNeeded: $0 &>> shift) })
    }
  }

  /// Appends a column's raw bytes, compressed if that makes them fewer.
  mutating func append(
    id: UInt16, encoding: ColumnEncoding, isRequired: Bool, bytes: UnsafeRawBufferPointer
  ) {
    let start = body.count
    unsafe compressor.compress(bytes, level: FrameCompressor.level, to: &body)
    if body.count - start >= bytes.count {
      body.removeSubrange(start...)
      unsafe body.append(contentsOf: bytes)
    }
    columnCount += 1
    rawLength += bytes.count
    directory.append(
      id: id, encoding: encoding.rawValue, isRequired: isRequired, rawLength: bytes.count,
      storedLength: body.count - start)
  }

  /// The block's stored bytes, and their size before compression.
  mutating func finish() -> (stored: [UInt8], rawSize: Int) {
    var block = ByteWriter(reservingCapacity: directory.count + body.count + 2)
    block.append(columnCount)
    block.append(bytes: directory.bytes)
    block.append(bytes: body)
    let rawSize = 2 + directory.count + rawLength
    (columnCount, rawLength) = (0, 0)
    directory.truncate(to: 0)
    body.removeAll(keepingCapacity: true)
    return (block.bytes, rawSize)
  }
}

extension ByteWriter {
  /// Appends an entry of a column directory.
  fileprivate mutating func append(
    id: UInt16, encoding: UInt8, isRequired: Bool, rawLength: Int, storedLength: Int
  ) {
    append(id)
    append(encoding)
    append(UInt8(isRequired ? 1 : 0))
    append(UInt32(rawLength))
    append(UInt32(storedLength))
  }
}
