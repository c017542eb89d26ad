internal import Glibc

/// A file operation the system refused.
public struct FileError: Error, Equatable, Sendable {
  /// What was attempted.
  public enum Operation: String, Sendable {
    /// Opening for reading.
    case open = "open"
    /// Making a new file.
    case create = "create"
    /// Locking it against other recorders.
    case lock = "lock"
    /// Writing.
    case write = "write"
    /// Giving it its final name.
    case rename = "rename"
  }

  /// What was attempted.
  public var operation: Operation
  /// On which path.
  public var path: String
  /// `errno`.
  public var errorNumber: Int32

  /// Makes an error.
  public init(_ operation: Operation, _ path: String, _ errorNumber: Int32) {
    self.operation = operation
    self.path = path
    self.errorNumber = errorNumber
  }
}

extension FileError: CustomStringConvertible {
  /// One sentence: what failed, on which path, why, and what to do.
  public var description: String { description(option: "-o") }

  /// The sentence.
  ///
  /// - Parameter option: the option that names a file to create.
  public func description(option: String) -> String {
    let reason = unsafe String(cString: strerror(errorNumber))
    switch (operation, errorNumber) {
    case (.create, EEXIST) where path.hasSuffix(".part"):
      return "\(path) holds an unfinished recording; move it away, or overwrite it with --force"
    case (.create, EEXIST):
      return
        "\(path) exists already; choose another name with \(option), or overwrite it with --force"
    case (.lock, EWOULDBLOCK):
      return "\(path) is being written by another recorder"
    case (.create, EROFS), (.create, EACCES), (.create, EPERM), (.create, ENOENT),
      (.create, ENOTDIR), (.create, EISDIR):
      return "cannot create \(path): \(reason); choose another place with \(option)"
    case (.write, EPIPE):
      return "cannot write \(path): its reader has gone"
    case (.open, EINVAL), (.create, EINVAL):
      return "\(path) is not a regular file"
    default:
      return "cannot \(operation.rawValue) \(path): \(reason)"
    }
  }
}
