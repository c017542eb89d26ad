internal import Glibc

/// A part file that is removed when a signal ends the process before the output is whole.
///
/// Only for what can be made again: what a recorder has written is kept.
final class UnfinishedOutput {
  private let signals: SignalWatch

  /// - Parameter partPath: of a file that this process has made and locked.
  init(_ partPath: String) {
    signals = SignalWatch { number in
      _ = unsafe unlink(partPath)
      // Not exit(3): the thread that writes the file goes on meanwhile.
      _exit(ExitStatus.signal(number).code)
    }
  }

  /// Runs what writes the file and gives it its name.
  static func removed<Result>(
    _ partPath: String, unlessDone body: () throws -> Result
  ) rethrows -> Result {
    let output = UnfinishedOutput(partPath)
    return try withExtendedLifetime(output, body)
  }
}
