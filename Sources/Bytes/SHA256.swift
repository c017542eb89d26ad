internal import CCrypto

/// SHA-256 and HMAC-SHA-256 by OpenSSL's libcrypto (FIPS 180-4, RFC 2104).
public enum SHA256 {
  /// The 32-byte SHA-256 of bytes.
  public static func hash(_ bytes: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    unsafe bytes.withUnsafeBufferPointer { input in
      unsafe digest.withUnsafeMutableBufferPointer { output in
        // Safe: libcrypto reads `count` bytes and writes exactly 32, and takes a null pointer
        // only together with a count of zero.
        _ = unsafe CCrypto.SHA256(input.baseAddress, input.count, output.baseAddress)
      }
    }
    return digest
  }

  /// The first eight bytes of the SHA-256 as a little-endian integer: the checksum of a block.
  public static func checksum(_ bytes: [UInt8]) -> UInt64 {
    hash(bytes).prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// The 32-byte HMAC-SHA-256 of memory under a key.
  public static func authenticate(_ bytes: UnsafeRawBufferPointer, key: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    var length: UInt32 = 32
    unsafe key.withUnsafeBufferPointer { key in
      unsafe digest.withUnsafeMutableBufferPointer { output in
        // Safe: HMAC reads the two counted inputs and writes 32 bytes for SHA-256.
        _ = unsafe HMAC(
          EVP_sha256(), key.baseAddress, Int32(key.count),
          bytes.assumingMemoryBound(to: UInt8.self).baseAddress, bytes.count,
          output.baseAddress, &length)
      }
    }
    return digest
  }

  /// Random bytes from libcrypto's generator, for the page key of a new reel.
  public static func randomBytes(_ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    unsafe bytes.withUnsafeMutableBufferPointer { output in
      _ = unsafe RAND_bytes(output.baseAddress, Int32(output.count))
    }
    return bytes
  }
}
