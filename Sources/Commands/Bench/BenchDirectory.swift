internal import Dispatch
internal import FoundationEssentials
internal import Glibc

/// A bench's directory for its reels: removed at the end, and when a signal ends the bench.
final class BenchDirectory {
  let path: String
  private let sources: [any DispatchSourceSignal]

  /// Makes it inside `parent`, or inside TMPDIR (/tmp) when there is none.
  ///
  /// - Throws: ``CommandFailure`` when it cannot be made.
  init(in parent: String?) throws {
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
    let queue = DispatchQueue(label: "vmreel.bench.signals")
    // No Swift runs in a signal handler: the signals are ignored and read by Dispatch.
    sources = [SIGINT, SIGTERM, SIGHUP].map { number in
      _ = signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler {
        Self.remove(path)
        endProcess(.signal(number))
      }
      source.resume()
      return source
    }
  }

  deinit {
    for source in sources { source.cancel() }
    for number in [SIGINT, SIGTERM, SIGHUP] { _ = signal(number, SIG_DFL) }
    Self.remove(path)
  }

  /// Removes the directory; again when a file came into being meanwhile.
  private static func remove(_ path: String) {
    for _ in 0..<10 where (try? FileManager.default.removeItem(atPath: path)) == nil {}
  }
}
