internal import Glibc

/// Blocks kept in a nameless temporary file, in the order they came.
final class BlockSpool {
  private let descriptor: Int32
  private var lengths: [Int] = []

  /// - Throws: ``CommandFailure`` naming the directory.
  init() throws {
    let directory = TemporaryFile.directory
    var template = Array("\(directory)/vmreel-import-XXXXXX".utf8CString)
    // Safe: mkstemp writes the six letters it replaces.
    descriptor = unsafe mkstemp(&template)
    guard descriptor >= 0 else { throw Self.failure(directory) }
    // Nameless from here on: whatever ends this process takes the file with it.
    _ = unsafe unlink(template)
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  /// - Throws: ``CommandFailure`` when the directory is full.
  func append(_ block: [UInt8]) throws {
    guard writeAll(descriptor, block) == nil else { throw Self.failure(TemporaryFile.directory) }
    lengths.append(block.count)
  }

  /// Hands the blocks out, oldest first.
  func forEachBlock(_ body: ([UInt8]) throws -> Void) throws {
    var offset = 0
    for length in lengths {
      var block = [UInt8](repeating: 0, count: length)
      var done = 0
      while done < length {
        // Safe: `done` stays below the buffer's count.
        let got = unsafe block.withUnsafeMutableBytes {
          unsafe pread(
            descriptor, $0.baseAddress.unsafelyUnwrapped + done, length - done,
            off_t(offset + done))
        }
        if got < 0, errno == EINTR { continue }
        guard got > 0 else { throw Self.failure(TemporaryFile.directory) }
        done += got
      }
      offset += length
      try body(block)
    }
  }

  private static func failure(_ directory: String) -> CommandFailure {
    CommandFailure(
      "cannot keep what was read in \(directory): \(unsafe String(cString: strerror(errno))); "
        + "set TMPDIR to a directory with more room")
  }
}
