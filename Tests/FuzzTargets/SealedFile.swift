internal import Bytes
internal import Trace

/// A whole file with its checksums made good after a mutation.
enum SealedFile {
  private static let magic = Array("vmrb".utf8)

  /// Seals the file header.
  static func header(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.count >= FileHeader.byteCount else { return bytes }
    var bytes = bytes
    put(CRC32.checksum(Array(bytes[..<56])), at: 56, in: &bytes)
    return bytes
  }

  /// Seals the file header and each block header that can be found from it on, magic, sizes and
  /// all; a block that would reach behind the file's end is cut there.
  static func file(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = header(bytes)
    var offset = FileHeader.byteCount
    while offset + BlockHeader.byteCount <= bytes.count {
      let begin = offset + BlockHeader.byteCount
      bytes.replaceSubrange(offset..<offset + 4, with: magic)
      let stated = bytes[offset + 8..<offset + 12].reversed().reduce(0) { $0 << 8 | Int($1) }
      let size = min(stated, bytes.count - begin)
      bytes.replaceSubrange(offset + 8..<offset + 12, with: littleEndian(UInt32(size)))
      put(CRC32.checksum(Array(bytes[begin..<begin + size])), at: offset + 48, in: &bytes)
      put(CRC32.checksum(Array(bytes[offset..<offset + 56])), at: offset + 56, in: &bytes)
      offset = begin + size
    }
    return bytes
  }

  private static func put(_ checksum: UInt32, at offset: Int, in bytes: inout [UInt8]) {
    bytes.replaceSubrange(offset..<offset + 8, with: littleEndian(checksum) + [0, 0, 0, 0])
  }

  private static func littleEndian(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) }
  }
}
