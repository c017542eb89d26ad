internal import Glibc

/// Standard input's terminal without echo, line editing and signal keys, until it is restored.
///
/// Output processing stays on: guests that end lines with a line feed alone print straight lines.
final class RawTerminal {
  private var saved = termios()
  private var isRaw = false

  /// Makes the terminal raw, if standard input is one.
  init() {
    guard unsafe tcgetattr(STDIN_FILENO, &saved) == 0 else { return }
    var raw = saved
    unsafe cfmakeraw(&raw)
    raw.c_oflag = saved.c_oflag
    isRaw = unsafe tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0
  }

  /// Puts the terminal back as it was found; does nothing the second time.
  func restore() {
    guard isRaw else { return }
    isRaw = false
    // After what the guest printed last has gone out.
    unsafe tcsetattr(STDIN_FILENO, TCSADRAIN, &saved)
  }

  deinit { restore() }
}
