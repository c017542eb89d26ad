internal import Glibc

/// Where temporary files go.
enum TemporaryFile {
  /// TMPDIR, or /tmp when it is not set.
  static var directory: String {
    // Safe: nothing in this program changes the environment.
    unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
  }

  /// The path of a reel that no other process of this program uses.
  static func name(_ prefix: String) -> String { "\(directory)/\(prefix)-\(getpid()).reel" }
}
