/// An append-only buffer of little-endian fields.
///
/// The one way vmreel serialises anything: fixed-width little-endian integers, LEB128 varints and
/// raw bytes, in the order they were appended.
public struct ByteWriter: Sendable {
  @usableFromInline var storage: [UInt8]

  /// Everything appended so far.
  public var bytes: [UInt8] { storage }

  /// Makes an empty writer.
  ///
  /// - Parameter capacity: bytes to reserve up front.
  public init(reservingCapacity capacity: Int = 0) {
    storage = []
    storage.reserveCapacity(capacity)
  }

  /// The number of bytes appended so far.
  public var count: Int { storage.count }

  /// Appends an integer, least significant byte first.
  @inlinable
  public mutating func append<T: FixedWidthInteger>(_ value: T) {
    for index in 0..<MemoryLayout<T>.size {
      storage.append(UInt8(truncatingIfNeeded: value >> T(truncatingIfNeeded: 8 * index)))
    }
  }

  /// Appends raw bytes as they are.
  public mutating func append(bytes more: some Sequence<UInt8>) {
    storage.append(contentsOf: more)
  }

  /// Appends an unsigned LEB128 varint (1–10 bytes).
  @inlinable
  public mutating func append(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      storage.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    storage.append(UInt8(truncatingIfNeeded: rest))
  }

  /// Appends a byte string preceded by its length as a varint.
  public mutating func append(lengthPrefixed more: [UInt8]) {
    append(varint: UInt64(more.count))
    append(bytes: more)
  }

  /// Drops what was appended after the first `count` bytes.
  public mutating func truncate(to count: Int) {
    storage.removeSubrange(count...)
  }
}
