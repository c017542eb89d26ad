internal import CCrypto

/// SHA-256 by OpenSSL's libcrypto (FIPS 180-4).
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

  /// Random bytes from libcrypto's generator, for the page key of a new reel.
  public static func randomBytes(_ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    unsafe bytes.withUnsafeMutableBufferPointer { output in
      _ = unsafe RAND_bytes(output.baseAddress, Int32(output.count))
    }
    return bytes
  }
}
