/// Maps signed differences to small unsigned numbers, as Protocol Buffers do.
public enum ZigZag {
  /// Encodes 0, -1, 1, -2 … as 0, 1, 2, 3 ….
  @inlinable
  public static func encode(_ value: Int64) -> UInt64 {
    UInt64(bitPattern: (value << 1) ^ (value >> 63))
  }

  /// Decodes what ``encode(_:)`` made.
  @inlinable
  public static func decode(_ value: UInt64) -> Int64 {
    Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }
}
