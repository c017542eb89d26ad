/// An append-only buffer of little-endian fields.
///
/// The one way vmreel serialises anything: fixed-width little-endian integers, LEB128 varints and
/// raw bytes, in the order they were appended.
public struct ByteWriter: Sendable {
  /// Everything appended so far.
  public private(set) var bytes: [UInt8]

  /// Makes an empty writer.
  ///
  /// - Parameter capacity: bytes to reserve up front.
  public init(reservingCapacity capacity: Int = 0) {
    bytes = []
    bytes.reserveCapacity(capacity)
  }

  /// The number of bytes appended so far.
  public var count: Int { bytes.count }

  /// Appends an integer, least significant byte first.
  public mutating func append<T: FixedWidthInteger>(_ value: T) {
    var rest = value.littleEndian
    unsafe withUnsafeBytes(of: &rest) { unsafe bytes.append(contentsOf: $0) }
  }

  /// Appends raw bytes as they are.
  public mutating func append(bytes more: some Sequence<UInt8>) {
    bytes.append(contentsOf: more)
  }

  /// Appends an unsigned LEB128 varint (1–10 bytes).
  @inlinable
  public mutating func append(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(truncatingIfNeeded: rest))
  }

  /// Appends a byte string preceded by its length as a varint.
  public mutating func append(lengthPrefixed more: [UInt8]) {
    append(varint: UInt64(more.count))
    append(bytes: more)
  }

  /// Overwrites bytes appended earlier; the range must lie inside what was appended.
  public mutating func overwrite(at offset: Int, with replacement: [UInt8]) {
    bytes.replaceSubrange(offset..<offset + replacement.count, with: replacement)
  }
}
