internal import FoundationEssentials
internal import Glibc

/// A bench's directory for its reels: removed at the end, and when a signal ends the bench.
final class BenchDirectory {
  let path: String
  private let signals: SignalWatch

  /// Makes it inside `parent`, or inside TMPDIR (/tmp) when there is none.
  ///
  /// - Throws: ``CommandFailure`` when it cannot be made.
  init(in parent: String?) throws {
    // One that comes as soon as the directory is there is told to the watch below.
    let earlier = SignalWatch()
    defer { withExtendedLifetime(earlier) {} }
    let place = parent ?? TemporaryFile.directory
    var template = Array("\(place)/vmreel-bench-XXXXXX".utf8CString)
    // Safe: the array is NUL-terminated and as long as what mkdtemp(3) writes.
    let isMade = unsafe template.withUnsafeMutableBufferPointer {
      unsafe mkdtemp($0.baseAddress.unsafelyUnwrapped) != nil
    }
    guard isMade else {
      throw CommandFailure(
        "cannot make a directory in \(place): \(unsafe String(cString: strerror(errno))); choose "
          + "another place with --directory")
    }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    self.path = path
    signals = SignalWatch { number in
      Self.remove(path)
      endProcess(.signal(number))
    }
  }

  deinit {
    Self.remove(path)
  }

  /// Removes the directory; again when a file came into being meanwhile.
  private static func remove(_ path: String) {
    for _ in 0..<10 where (try? FileManager.default.removeItem(atPath: path)) == nil {}
  }
}
