internal import FoundationEssentials
internal import Glibc
internal import Synchronization

/// Buffered standard output that notices when nobody can read it any more.
final class StandardOutput: Sendable {
  static let shared = StandardOutput()

  private struct State {
    var buffer: [UInt8] = []
    var failure: Int32?
    var isReported = false
  }

  private static let bufferLimit = 64 << 10
  private let state = Mutex(State())

  /// Whether text may be coloured: a terminal reads it, and NO_COLOR (no-color.org) is not set.
  static var hasColours: Bool {
    let environment = ProcessInfo.processInfo.environment
    return isatty(STDOUT_FILENO) != 0 && (environment["NO_COLOR"] ?? "").isEmpty
      && environment["TERM"] != "dumb"
  }

  /// Appends text; a failed write is remembered and reported by ``flush()``.
  func write(_ text: String) {
    write(bytes: text.utf8)
  }

  func write(bytes: some Sequence<UInt8>) {
    state.withLock { state in
      state.buffer.append(contentsOf: bytes)
      if state.buffer.count >= Self.bufferLimit { Self.drain(&state) }
    }
  }

  /// Writes out what is buffered, now.
  func drain() {
    state.withLock { Self.drain(&$0) }
  }

  /// Whether output has been lost: nobody reads it any more, or there is no room for it.
  var hasFailed: Bool { state.withLock { $0.failure != nil } }

  /// Writes out what is buffered.
  ///
  /// - Throws: ``CommandFailure`` when standard output is closed or full.
  func flush() throws {
    let failure = state.withLock { state in
      Self.drain(&state)
      if state.failure != nil { state.isReported = true }
      return state.failure
    }
    if let failure {
      throw CommandFailure(
        "standard output could not be written: \(unsafe String(cString: strerror(failure)))")
    }
  }

  /// Writes out what is buffered and says whether all output has arrived.
  ///
  /// A failure that ``flush()`` has thrown already is not said again.
  func flushQuietly() -> Bool {
    let isReported = state.withLock { $0.isReported }
    do {
      try flush()
      return true
    } catch {
      if !isReported {
        StandardError.write("vmreel: \((error as? CommandFailure)?.message ?? "\(error)")\n")
      }
      return false
    }
  }

  private static func drain(_ state: inout State) {
    defer { state.buffer.removeAll(keepingCapacity: true) }
    guard state.failure == nil, !state.buffer.isEmpty else { return }
    state.failure = writeAll(STDOUT_FILENO, state.buffer)
  }
}
