internal import Glibc
public import Trace

/// A reel's file opened for reading.
public final class ReelFile: ReelSource {
  private let descriptor: Int32
  /// The size when it was opened; a reel still being recorded may grow behind it.
  public let byteCount: UInt64

  /// Opens a file.
  ///
  /// - Throws: ``FileError`` when it cannot be opened or is not a regular file.
  public init(path: String) throws(FileError) {
    // O_NONBLOCK: opening a FIFO without a writer must be refused below, not wait for one.
    descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw FileError(.open, path, errno) }
    var status = stat()
    let failure = unsafe fstat(descriptor, &status) == 0 ? 0 : errno
    byteCount = UInt64(max(0, status.st_size))
    // All is initialised from here on, so that `deinit` closes the descriptor after a throw.
    guard failure == 0 else { throw FileError(.open, path, failure) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw FileError(.open, path, status.st_mode & S_IFMT == S_IFDIR ? EISDIR : EINVAL)
    }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  /// Whether a recorder, or another program that writes reels, holds the file's lock.
  public var isBeingWritten: Bool {
    guard flock(descriptor, LOCK_SH | LOCK_NB) == 0 else { return errno == EWOULDBLOCK }
    flock(descriptor, LOCK_UN)
    return false
  }

  /// Whether a path leads to this very file.
  public func isSameFile(as path: String) -> Bool {
    var own = stat()
    var other = stat()
    return unsafe fstat(descriptor, &own) == 0 && stat(path, &other) == 0
      && own.st_ino == other.st_ino && own.st_dev == other.st_dev
  }

  /// Reads by pread(2); a short read means the file shrank behind us.
  public func read(at offset: UInt64, count: Int) throws(TraceError) -> [UInt8] {
    var failure: Int32 = 0
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count {
        // Safe: at most `count - filled` bytes are written behind the first `filled`.
        let got = unsafe pread(
          descriptor, buffer.baseAddress.unsafelyUnwrapped + filled, count - filled,
          off_t(offset) + off_t(filled))
        if got < 0, errno == EINTR { continue }
        guard got > 0 else {
          failure = got < 0 ? errno : EIO
          return
        }
        filled += got
      }
    }
    guard failure == 0 else { throw .unreadable(offset: offset, errorNumber: failure) }
    return bytes
  }
}
