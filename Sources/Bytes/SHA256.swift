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

/// SHA-256 of bytes that come in portions.
@safe
public final class SHA256Stream {
  // Safe: the context is made once, used by one thread at a time and freed once.
  private let context = unsafe EVP_MD_CTX_new()

  /// Begins with no bytes.
  public init() {
    // Safe: libcrypto's own description of the algorithm lives as long as the process.
    let isDone = unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1
    precondition(isDone, "libcrypto has SHA-256")
  }

  deinit {
    unsafe EVP_MD_CTX_free(context)
  }

  /// Adds bytes.
  public func update(_ bytes: Span<UInt8>) {
    // Safe: libcrypto reads as many bytes as the span has.
    let isDone = unsafe bytes.withUnsafeBufferPointer {
      unsafe EVP_DigestUpdate(context, $0.baseAddress, $0.count) == 1
    }
    precondition(isDone, "libcrypto hashes any bytes in memory")
  }

  /// The 32-byte SHA-256; nothing may be added afterwards.
  public func finish() -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    // Safe: libcrypto writes exactly 32 bytes.
    let isDone = unsafe digest.withUnsafeMutableBufferPointer {
      unsafe EVP_DigestFinal_ex(context, $0.baseAddress, nil) == 1
    }
    precondition(isDone, "libcrypto ends any hash")
    return digest
  }
}
