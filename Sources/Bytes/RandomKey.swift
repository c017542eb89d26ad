internal import CCrypto

/// Secret keys from libcrypto's random generator.
public enum RandomKey {
  /// A new key of so many bytes, such as the page key of a new reel.
  public static func make(byteCount: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: byteCount)
    let isSeeded = unsafe bytes.withUnsafeMutableBufferPointer { output in
      // Safe: libcrypto writes exactly the bytes it is told of.
      unsafe RAND_bytes(output.baseAddress, Int32(output.count)) == 1
    }
    // A key of zeros would give all pages one identity.
    precondition(isSeeded, "the system has random bytes")
    return bytes
  }
}
