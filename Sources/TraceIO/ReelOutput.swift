internal import Glibc

/// The file behind a reel being written: `path.part` under a lock, whole blocks only, renamed at the
/// end.
public final class ReelOutput: ReelDestination {
  private let path: String
  /// Where it is until it is whole.
  public let partPath: String
  private let overwrite: Bool
  private let descriptor: Int32
  private var failure: FileError?
  /// Bytes of whole blocks written.
  public private(set) var byteCount: UInt64 = 0
  /// A file has an index.
  public var isSeekable: Bool { true }

  /// Creates and locks `path.part`, or another name beside the final one.
  ///
  /// - Parameter keepsLeftover: whether a part file that nobody writes is refused: a killed
  ///   recorder's is somebody's only copy, what can be made again is not.
  /// - Throws: ``FileError`` when `path` exists and `overwrite` is false, or is no place for a file.
  public init(
    path: String, overwrite: Bool, partSuffix: String = ".part", keepsLeftover: Bool = true
  ) throws(FileError) {
    self.path = path
    self.overwrite = overwrite
    partPath = path + partSuffix
    try Self.checkTarget(path, overwrite: overwrite)
    // From here on `deinit` closes the descriptor, after a throw too.
    descriptor = unsafe open(partPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
    guard descriptor >= 0 else { throw FileError(.create, partPath, errno) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      throw FileError(.lock, partPath, errno)
    }
    guard isStillNamed(partPath) else { throw FileError(.lock, partPath, EWOULDBLOCK) }
    // A part file without an owner is what a killed recorder left: somebody's only copy.
    if !overwrite, keepsLeftover, lseek(descriptor, 0, SEEK_END) > 0 {
      throw FileError(.create, partPath, EEXIST)
    }
    guard ftruncate(descriptor, 0) == 0 else { throw FileError(.write, partPath, errno) }
  }

  deinit {
    if descriptor >= 0 { Glibc.close(descriptor) }
  }

  /// Refuses at the start what the rename would refuse, or destroy, at the end.
  private static func checkTarget(_ path: String, overwrite: Bool) throws(FileError) {
    var status = stat()
    guard unsafe lstat(path, &status) == 0 else { return }
    if status.st_mode & S_IFMT == S_IFDIR { throw FileError(.create, path, EISDIR) }
    if !overwrite { throw FileError(.create, path, EEXIST) }
    // Renaming over a device, as root over /dev/null, would take it away from everybody.
    guard [S_IFREG, S_IFLNK].contains(status.st_mode & S_IFMT) else {
      throw FileError(.create, path, EINVAL)
    }
  }

  /// Whether the file just locked still has its name: another recorder may have finished between
  /// our open and our lock, and what we hold would be its renamed reel.
  private func isStillNamed(_ name: String) -> Bool {
    var held = stat()
    var named = stat()
    return unsafe fstat(descriptor, &held) == 0 && lstat(name, &named) == 0
      && held.st_ino == named.st_ino && held.st_dev == named.st_dev
  }

  /// Appends a whole block, or nothing.
  public func write(_ bytes: [UInt8]) throws(FileError) {
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

  /// Brings the blocks written so far to the disk, by fdatasync(2).
  public func synchronize() throws(FileError) {
    // A file system that cannot (EINVAL) is none to survive a crash.
    guard fdatasync(descriptor) != 0, errno != EINVAL else { return }
    let error = FileError(.write, partPath, errno)
    failure = failure ?? error
    throw error
  }

  /// Syncs and renames the file, then reports the first failure there was.
  public func close() throws(FileError) {
    if fsync(descriptor) != 0, errno != EINVAL, failure == nil {
      failure = FileError(.write, partPath, errno)
    }
    try rename()
    synchronizeDirectory()
    if let failure { throw failure }
  }

  /// Brings the new name to the disk; where that cannot be had the file has its old name at worst.
  private func synchronizeDirectory() {
    let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    let opened = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard opened >= 0 else { return }
    _ = fsync(opened)
    Glibc.close(opened)
  }

  /// Removes the part file of an output that will not be finished.
  public func discard() {
    _ = unsafe unlink(partPath)
  }

  /// Gives the file its final name; what took that name since the start stays, and so does the
  /// part file.
  private func rename() throws(FileError) {
    if !overwrite {
      // link(2) never replaces, rename(2) always does.
      if unsafe link(partPath, path) == 0 {
        _ = unsafe unlink(partPath)
        return
      }
      if errno == EEXIST { throw FileError(.rename, partPath, EEXIST) }
      // A file system without hard links: the check at the start must do.
    }
    guard unsafe Glibc.rename(partPath, path) == 0 else {
      throw FileError(.rename, partPath, errno)
    }
  }
}
