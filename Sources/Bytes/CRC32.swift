internal import CZlib

/// The CRC-32 that gzip and PNG use, by zlib (ISO 3309; polynomial 0xedb88320, reflected).
///
/// It finds damage, never malice.
public enum CRC32 {
  /// The CRC-32 of bytes.
  public static func checksum(_ bytes: [UInt8]) -> UInt32 {
    unsafe bytes.withUnsafeBufferPointer {
      // Safe: zlib reads `count` bytes; of no bytes the checksum is 0.
      unsafe UInt32(truncatingIfNeeded: crc32_z(0, $0.baseAddress, $0.count))
    }
  }
}
