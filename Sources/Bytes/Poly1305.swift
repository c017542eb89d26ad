internal import CCrypto

/// Poly1305 (RFC 8439, section 2.5) by OpenSSL's libcrypto, as a hash under a secret 16-byte key.
///
/// The key is the *r* of the RFC, which clamps it; *s*, which only hides tags from those who see
/// them, is zero. Whoever does not know the key makes two pages of the same hash with a chance of at
/// most 2⁻⁹⁵. One object serves one thread at a time.
@safe
public final class Poly1305 {
  // Safe: the context is made once, used by one thread at a time and freed once.

  /// Bytes of the key.
  public static let keyByteCount = 16

  /// Found once: looking it up takes far longer than hashing a page.
  ///
  /// In a library context of its own: the machine's openssl.cnf may leave the default provider out.
  // Safe: neither is ever freed, and libcrypto lets any thread use both.
  nonisolated(unsafe) private static let algorithm = unsafe EVP_MAC_fetch(
    OSSL_LIB_CTX_new(), "POLY1305", nil)

  private let context: OpaquePointer?
  private let key: [UInt8]

  /// Makes a hash; `key` has ``keyByteCount`` bytes.
  public init(key: [UInt8]) {
    precondition(key.count == Self.keyByteCount, "the key has 16 bytes")
    self.key = key + [UInt8](repeating: 0, count: 16)
    precondition(unsafe Self.algorithm != nil, "OpenSSL's default provider has Poly1305")
    unsafe context = EVP_MAC_CTX_new(Self.algorithm)
  }

  deinit {
    unsafe EVP_MAC_CTX_free(context)
  }

  /// The hash of memory: its first eight bytes and the next eight, each little-endian.
  public func hash(_ bytes: UnsafeRawBufferPointer) -> (low: UInt64, high: UInt64) {
    var output = (low: UInt64(0), high: UInt64(0))
    var length = 0
    // Safe: libcrypto reads the counted inputs and writes at most the 16 bytes it is told of.
    let isDone = unsafe withUnsafeMutableBytes(of: &output) { output in
      let input = unsafe bytes.assumingMemoryBound(to: UInt8.self).baseAddress
      let result = unsafe output.assumingMemoryBound(to: UInt8.self).baseAddress
      return unsafe EVP_MAC_init(context, key, key.count, nil) == 1
        && EVP_MAC_update(context, input, bytes.count) == 1
        && EVP_MAC_final(context, result, &length, 16) == 1
    }
    precondition(isDone && length == 16, "libcrypto hashes any bytes in memory")
    return (UInt64(littleEndian: output.low), UInt64(littleEndian: output.high))
  }
}
