/// The wire format of Protocol Buffers: what an export needs of it.
///
/// SwiftProtobuf would build an object for every packet, and Perfetto's messages generate tens of
/// thousands of lines; the wire format itself is varints and lengths
/// (protobuf.dev/programming-guides/encoding).
extension [UInt8] {
  /// A base-128 varint.
  mutating func append(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(truncatingIfNeeded: rest))
  }

  /// A field that is a varint (wire type 0).
  mutating func append(field: Int, varint value: UInt64) {
    append(varint: UInt64(field) << 3)
    append(varint: value)
  }

  /// A field that is a message, text or bytes (wire type 2).
  mutating func append(field: Int, bytes: [UInt8]) {
    append(varint: UInt64(field) << 3 | 2)
    append(varint: UInt64(bytes.count))
    append(contentsOf: bytes)
  }

  /// A field that is text.
  mutating func append(field: Int, text: String) {
    append(varint: UInt64(field) << 3 | 2)
    append(varint: UInt64(text.utf8.count))
    append(contentsOf: text.utf8)
  }
}
