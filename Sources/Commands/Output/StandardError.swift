internal import Glibc

/// Unbuffered standard error, for progress, notes and failures.
enum StandardError {
  static func write(_ text: String) {
    _ = writeAll(STDERR_FILENO, Array(text.utf8))
  }

  /// A note about the run: what happened, not what was asked for.
  static func note(_ text: String) {
    write(text + "\n")
  }

  static var isTerminal: Bool { isatty(STDERR_FILENO) != 0 }
}

/// Writes all bytes to a descriptor; returns errno when that fails.
func writeAll(_ descriptor: Int32, _ bytes: [UInt8]) -> Int32? {
  var written = 0
  while written < bytes.count {
    let result = unsafe bytes.withUnsafeBytes {
      // Safe: `written` stays below the buffer's count.
      unsafe Glibc.write(
        descriptor, $0.baseAddress.unsafelyUnwrapped + written, $0.count - written)
    }
    if result < 0 {
      if errno == EINTR { continue }
      return errno
    }
    written += result
  }
  return nil
}
