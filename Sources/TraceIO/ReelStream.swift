internal import Glibc

/// A reel that goes into a pipe, or whatever else cannot be rewound, renamed or locked.
///
/// Its reader has a whole reel once the end record has come, a partial one until then.
public final class ReelStream: ReelDestination {
  private let descriptor: Int32
  private let name: String
  private var failure: FileError?
  /// Bytes of whole blocks written.
  public private(set) var byteCount: UInt64 = 0
  /// A stream has no index.
  public var isSeekable: Bool { false }

  /// Takes over an open descriptor; `name` is what messages call it.
  public init(descriptor: Int32, name: String) {
    self.descriptor = descriptor
    self.name = name
  }

  deinit { Glibc.close(descriptor) }

  /// Appends a block; after a failure its beginning may have gone out.
  public func write(_ bytes: [UInt8]) throws(FileError) {
    var written = 0
    while written < bytes.count {
      let result = unsafe bytes.withUnsafeBytes {
        // Safe: `written` stays below the buffer's count.
        unsafe Glibc.write(
          descriptor, $0.baseAddress.unsafelyUnwrapped + written, $0.count - written)
      }
      if result < 0, errno == EINTR { continue }
      if result < 0, errno == EAGAIN {
        waitForRoom()
        continue
      }
      guard result > 0 else {
        let error = FileError(.write, name, result < 0 ? errno : ENOSPC)
        failure = failure ?? error
        throw error
      }
      written += result
    }
    byteCount += UInt64(bytes.count)
  }

  /// Somebody else may have made the descriptor one that does not block.
  private func waitForRoom() {
    var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    _ = unsafe poll(&request, 1, -1)
  }

  /// Does nothing: what went into a pipe is its reader's.
  public func synchronize() {}

  /// Reports the first failure there was.
  public func close() throws(FileError) {
    if let failure { throw failure }
  }
}
