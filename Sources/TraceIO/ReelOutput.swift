internal import Glibc

/// The file behind a recording: `path.part` under a lock, whole blocks only, renamed at the end.
final class ReelOutput {
  private let path: String
  private let partPath: String
  private let descriptor: Int32
  private var failure: FileError?
  /// Bytes of whole blocks written.
  private(set) var byteCount: UInt64 = 0

  init(path: String, overwrite: Bool) throws(FileError) {
    self.path = path
    partPath = path + ".part"
    if !overwrite, unsafe access(path, F_OK) == 0 { throw FileError(.create, path, EEXIST) }
    descriptor = unsafe open(partPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw FileError(.create, partPath, errno) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      Glibc.close(descriptor)
      throw FileError(.lock, partPath, code)
    }
    // A part file without an owner is what a killed recorder left: somebody's only copy.
    if !overwrite, lseek(descriptor, 0, SEEK_END) > 0 {
      Glibc.close(descriptor)
      throw FileError(.create, partPath, EEXIST)
    }
    guard ftruncate(descriptor, 0) == 0 else { throw FileError(.write, partPath, errno) }
  }

  deinit {
    Glibc.close(descriptor)
  }

  /// Appends a whole block, or nothing.
  func write(_ bytes: [UInt8]) throws(FileError) {
    var written = 0
    while written < bytes.count {
      let result = unsafe bytes.withUnsafeBytes {
        // Safe: `written` stays below the buffer's count.
        unsafe pwrite(
          descriptor, $0.baseAddress.unsafelyUnwrapped + written, $0.count - written,
          off_t(byteCount) + off_t(written))
      }
      if result < 0, errno == EINTR { continue }
      guard result > 0 else {
        let error = FileError(.write, partPath, result < 0 ? errno : ENOSPC)
        failure = failure ?? error
        ftruncate(descriptor, off_t(byteCount))
        throw error
      }
      written += result
    }
    byteCount += UInt64(bytes.count)
  }

  /// Syncs and renames the file, then reports the first failure there was.
  func close() throws(FileError) {
    if fsync(descriptor) != 0, errno != EINVAL, failure == nil {
      failure = FileError(.write, partPath, errno)
    }
    guard unsafe rename(partPath, path) == 0 else { throw FileError(.rename, partPath, errno) }
    if let failure { throw failure }
  }
}
