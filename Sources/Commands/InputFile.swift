internal import Glibc
internal import Machine

/// Reading the files a user names.
enum InputFile {
  /// The largest image read: the most RAM the machine offers.
  private static let limit = GuestMemory.maximumMiB << 20

  /// The whole content of a file.
  ///
  /// - Throws: ``CommandFailure`` naming the path and the reason.
  static func read(_ path: String) throws -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(path) }
    defer { close(descriptor) }
    return try readToEnd(descriptor, path)
  }

  /// Everything a descriptor gives until its end.
  static func readToEnd(_ descriptor: Int32, _ name: String) throws -> [UInt8] {
    let expected = byteCount(of: descriptor)
    guard expected <= limit else { throw tooLarge(name) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(expected)
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.count <= limit {
      // Safe: read(2) writes at most the buffer's count.
      let got = unsafe buffer.withUnsafeMutableBytes {
        unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
      }
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { throw failure(name) }
      if got == 0 { return bytes }
      bytes.append(contentsOf: buffer.prefix(got))
    }
    throw tooLarge(name)
  }

  /// The size of a regular file, so that one that is too large is refused before it is read; 0 for
  /// pipes, devices and what the kernel makes up (/proc).
  private static func byteCount(of descriptor: Int32) -> Int {
    var facts = stat()
    guard unsafe fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { return 0 }
    return Int(facts.st_size)
  }

  private static func tooLarge(_ name: String) -> CommandFailure {
    CommandFailure("\(name) is larger than any guest's RAM")
  }

  /// Whether two paths name one file that is there.
  static func isSame(_ path: String, _ other: String) -> Bool {
    var facts = (stat(), stat())
    return unsafe stat(path, &facts.0) == 0 && stat(other, &facts.1) == 0
      && facts.0.st_ino == facts.1.st_ino && facts.0.st_dev == facts.1.st_dev
  }

  /// The last component of a path.
  static func name(of path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }

  private static func failure(_ path: String) -> CommandFailure {
    CommandFailure("cannot read \(path): \(unsafe String(cString: strerror(errno)))")
  }
}
