/// Why a byte string could not be read as the fields it should hold.
public enum ByteReaderError: Error, Equatable, Sendable {
  /// A field needs more bytes than are left.
  case truncated(offset: Int, wanted: Int, available: Int)
  /// A varint is longer than ten bytes or overflows 64 bits.
  case malformedVarint(offset: Int)
  /// A length or count exceeds the bound its place allows.
  case outOfBounds(offset: Int, value: UInt64, limit: UInt64)
}

/// A bounds-checked cursor over little-endian fields; the counterpart of ``ByteWriter``.
///
/// Every read checks the bytes that are left, so hostile input ends in a thrown
/// ``ByteReaderError`` that names the offset, never in a trap.
public struct ByteReader: Sendable {
  @usableFromInline let bytes: ArraySlice<UInt8>
  @usableFromInline var position: Int

  /// Starts reading at the first byte.
  public init(_ bytes: [UInt8]) {
    self.init(bytes[...])
  }

  /// Starts reading at the first byte of a slice; offsets count from there.
  public init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  /// Bytes read so far.
  @inlinable
  public var offset: Int { position - bytes.startIndex }

  /// Bytes left to read.
  @inlinable
  public var remaining: Int { bytes.endIndex - position }

  /// Whether everything has been read.
  @inlinable
  public var isAtEnd: Bool { remaining == 0 }

  /// Reads one little-endian integer.
  @inlinable
  public mutating func read<T: FixedWidthInteger>(_: T.Type = T.self) throws(ByteReaderError) -> T {
    let width = MemoryLayout<T>.size
    try require(width)
    var value: T = 0
    for index in 0..<width {
      value |= T(truncatingIfNeeded: bytes[position + index]) << T(truncatingIfNeeded: 8 * index)
    }
    position += width
    return value
  }

  /// Reads an unsigned LEB128 varint.
  @inlinable
  public mutating func readVarint() throws(ByteReaderError) -> UInt64 {
    let start = offset
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      try require(1)
      let byte = bytes[position]
      position += 1
      if shift == 63, byte > 1 { throw .malformedVarint(offset: start) }
      value |= UInt64(byte & 0x7f) << shift
      if byte & 0x80 == 0 { return value }
      shift += 7
      if shift > 63 { throw .malformedVarint(offset: start) }
    }
  }

  /// Reads a varint that may not exceed a limit, as an `Int`.
  @inlinable
  public mutating func readCount(limit: Int) throws(ByteReaderError) -> Int {
    let start = offset
    let value = try readVarint()
    guard value <= UInt64(limit) else {
      throw .outOfBounds(offset: start, value: value, limit: UInt64(limit))
    }
    return Int(value)
  }

  /// Reads raw bytes.
  @inlinable
  public mutating func readBytes(_ count: Int) throws(ByteReaderError) -> ArraySlice<UInt8> {
    try require(count)
    defer { position += count }
    return bytes[position..<position + count]
  }

  /// Reads a byte string preceded by its varint length.
  public mutating func readLengthPrefixed(limit: Int) throws(ByteReaderError) -> [UInt8] {
    let count = try readCount(limit: limit)
    return Array(try readBytes(count))
  }

  @inlinable
  func require(_ count: Int) throws(ByteReaderError) {
    guard count >= 0, remaining >= count else {
      throw .truncated(offset: offset, wanted: count, available: remaining)
    }
  }
}
