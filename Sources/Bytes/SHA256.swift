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
}
