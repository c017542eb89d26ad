internal import CCrypto

/// SipHash-2-4 with a 128-bit result under a 16-byte key, by OpenSSL's libcrypto (Aumasson and
/// Bernstein, "SipHash: a fast short-input PRF").
///
/// Whoever does not know the key can neither predict results nor find two inputs with the same
/// one. One object serves one thread at a time.
@safe
public final class SipHash {
  // Safe: the three pointers are made once, used by one thread at a time and freed once.

  /// Bytes of the key.
  public static let keyByteCount = 16

  private let library: OpaquePointer?
  private let algorithm: OpaquePointer?
  private let context: OpaquePointer?

  /// Makes a hash; `key` has ``keyByteCount`` bytes.
  public init(key: [UInt8]) {
    precondition(key.count == Self.keyByteCount, "a SipHash key has 16 bytes")
    // A library context of its own: the machine's openssl.cnf may leave the default provider out.
    unsafe library = OSSL_LIB_CTX_new()
    unsafe algorithm = EVP_MAC_fetch(library, "SIPHASH", nil)
    precondition(unsafe algorithm != nil, "OpenSSL's default provider has SipHash")
    unsafe context = EVP_MAC_CTX_new(algorithm)
    // Safe: libcrypto copies the key, and reads parameters up to the end mark.
    let isReady = unsafe key.withUnsafeBufferPointer { key in
      var size = 16
      return unsafe withUnsafeMutablePointer(to: &size) { [context] size in
        var parameters = unsafe [
          OSSL_PARAM_construct_size_t("size", size), OSSL_PARAM_construct_end(),
        ]
        return unsafe EVP_MAC_init(context, key.baseAddress, key.count, &parameters)
      }
    }
    precondition(isReady == 1, "libcrypto takes any 16-byte key")
  }

  deinit {
    unsafe EVP_MAC_CTX_free(context)
    unsafe EVP_MAC_free(algorithm)
    unsafe OSSL_LIB_CTX_free(library)
  }

  /// The hash of memory: its first eight bytes and the next eight, each little-endian.
  public func hash(_ bytes: UnsafeRawBufferPointer) -> (low: UInt64, high: UInt64) {
    var output = (low: UInt64(0), high: UInt64(0))
    var length = 0
    // Safe: libcrypto reads the counted input and writes at most the 16 bytes it is told of.
    let isDone = unsafe withUnsafeMutableBytes(of: &output) { output in
      let input = unsafe bytes.assumingMemoryBound(to: UInt8.self).baseAddress
      let result = unsafe output.assumingMemoryBound(to: UInt8.self).baseAddress
      // Without a key EVP_MAC_init starts again with the one there is.
      return unsafe EVP_MAC_init(context, nil, 0, nil) == 1
        && EVP_MAC_update(context, input, bytes.count) == 1
        && EVP_MAC_final(context, result, &length, 16) == 1
    }
    precondition(isDone && length == 16, "libcrypto hashes any bytes in memory")
    return (UInt64(littleEndian: output.low), UInt64(littleEndian: output.high))
  }
}
