/// The bytes of an image file, read field by field at any offset a hostile file may name.
struct ImageFields {
  let bytes: [UInt8]

  /// A little-endian integer.
  func read<T: FixedWidthInteger & UnsignedInteger>(
    _: T.Type = T.self, at offset: UInt64, _ name: String
  ) throws(LoaderError) -> T {
    let range = try range(at: offset, byteCount: UInt64(MemoryLayout<T>.size), name)
    var value: T = 0
    for byte in bytes[range].reversed() {
      value = value << 8 | T(byte)
    }
    return value
  }

  /// A stretch of the file that is all there.
  func range(at offset: UInt64, byteCount: UInt64, _ part: String) throws(LoaderError) -> Range<Int>
  {
    let size = UInt64(bytes.count)
    guard offset <= size, byteCount <= size - offset else {
      throw .truncated(
        part: part, offset: offset, byteCount: byteCount, imageByteCount: bytes.count)
    }
    return Int(offset)..<Int(offset + byteCount)
  }
}

/// A piece of an image: file bytes to copy, then zeros up to `memoryByteCount`.
struct ImageSegment: Equatable {
  /// What it is, as messages name it.
  var name: String
  /// Which bytes of the file.
  var file: Range<Int>
  /// Where they go: a guest physical address.
  var address: UInt64
  /// The memory it takes; not less than the file bytes.
  var memoryByteCount: UInt64

  /// Whether an address lies in the segment's memory.
  func contains(_ candidate: UInt64) -> Bool {
    candidate >= address && candidate - address < memoryByteCount
  }
}

/// What any image format comes down to.
struct ImagePlan: Equatable {
  /// The pieces, in file order.
  var segments: [ImageSegment]
  /// The guest physical address of the first instruction.
  var entry: UInt64
}
