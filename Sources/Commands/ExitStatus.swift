internal import Glibc

/// A process exit status; thrown to end a command whose output is already complete.
struct ExitStatus: Error, Equatable {
  var code: Int32

  /// Everything went well.
  static let success = ExitStatus(code: 0)
  /// A difference or divergence was found.
  static let difference = ExitStatus(code: 1)
  /// Bad file, bad usage, no KVM.
  static let trouble = ExitStatus(code: 2)

  /// A command ended by a signal: 128 + its number, as shells report it.
  static func signal(_ number: Int32) -> ExitStatus { ExitStatus(code: 128 + number) }
}

/// Something the user must know about, in one sentence; ends the command with status 2.
struct CommandFailure: Error {
  var message: String

  init(_ message: String) {
    self.message = message
  }
}

/// A reader that goes away or a file size limit must not kill a recording: writes report EPIPE
/// or EFBIG instead.
func ignoreWriteSignals() {
  _ = signal(SIGPIPE, SIG_IGN)
  _ = signal(SIGXFSZ, SIG_IGN)
}

/// Gives the descriptors 0 to 2 a file that refuses what they are for, where they are closed.
///
/// Otherwise the next file opened, /dev/kvm or the reel itself, would take their number and the
/// guest's console would be written into it.
func occupyStandardDescriptors() {
  for (descriptor, mode) in [
    (STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDONLY),
  ] where fcntl(descriptor, F_GETFD) < 0 {
    // The lowest free number is the closed one: those below it are open by now.
    _ = unsafe open("/dev/null", mode)
  }
}

func endProcess(_ status: ExitStatus) -> Never {
  exit(status.code)
}
