internal import Glibc
internal import TraceIO

/// Standard output as the place of a reel: `record -o -`.
enum StreamedReel {
  /// What stands for it on the command line.
  static let argument = "-"
  /// What messages call it.
  static let name = "standard output"

  /// Takes standard output for the reel; from here on all text goes to standard error, whoever
  /// writes it.
  ///
  /// - Throws: ``CommandFailure`` where standard output is a terminal, or where it and standard
  ///   error are one pipe or file, since text would get into the reel.
  static func open() throws -> ReelStream {
    guard isatty(STDOUT_FILENO) == 0 else {
      throw CommandFailure(
        "a reel is not for a terminal: send standard output into a pipe or a file, or name one with -o"
      )
    }
    guard !standardErrorIsTheSame else {
      throw CommandFailure(
        "standard error goes where the reel goes (-o -), and its text would damage it; send it elsewhere"
      )
    }
    StandardOutput.shared.drain()
    let descriptor = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
    guard descriptor >= 0, dup2(STDERR_FILENO, STDOUT_FILENO) >= 0 else {
      throw CommandFailure(FileError(.open, name, errno).description)
    }
    return ReelStream(descriptor: descriptor, name: name)
  }

  /// Whether both are one pipe, socket or file; text that goes to one device, such as /dev/null,
  /// does no harm.
  private static var standardErrorIsTheSame: Bool {
    var output = stat()
    var errors = stat()
    guard unsafe fstat(STDOUT_FILENO, &output) == 0, unsafe fstat(STDERR_FILENO, &errors) == 0
    else { return false }
    return output.st_mode & S_IFMT != S_IFCHR && output.st_ino == errors.st_ino
      && output.st_dev == errors.st_dev
  }
}
