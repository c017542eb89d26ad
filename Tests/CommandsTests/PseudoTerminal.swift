import Glibc

/// A terminal whose keyboard is the test (pty(7)).
final class PseudoTerminal {
  private let controller: Int32
  /// The path of the terminal, for the program's standard input.
  let path: String

  struct OpenError: Error {}

  init() throws {
    let descriptor = unsafe open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
    var locked: Int32 = 0
    var number: UInt32 = 0
    // TIOCSPTLCK and TIOCGPTN, whose macros Swift does not import.
    guard descriptor >= 0, unsafe ioctl(descriptor, 0x4004_5431, &locked) == 0,
      unsafe ioctl(descriptor, 0x8004_5430, &number) == 0
    else { throw OpenError() }
    controller = descriptor
    path = "/dev/pts/\(number)"
  }

  deinit { close(controller) }

  /// Types bytes.
  func type(_ bytes: [UInt8]) {
    _ = unsafe bytes.withUnsafeBytes { unsafe write(controller, $0.baseAddress, $0.count) }
  }

  /// Whether the terminal edits lines and makes signals of keys, as terminals do at first.
  var isCooked: Bool {
    let flags = settings.c_lflag
    return flags & tcflag_t(ICANON) != 0 && flags & tcflag_t(ISIG) != 0
      && flags & tcflag_t(ECHO) != 0
  }

  private var settings: termios {
    var settings = termios()
    unsafe tcgetattr(controller, &settings)
    return settings
  }
}
