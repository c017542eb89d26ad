internal import FoundationEssentials
internal import Glibc

/// Shows long output through the user's pager, as git does: only on a terminal.
///
/// `VMREEL_PAGER`, else `PAGER`, else `less`; empty or `cat` means none.
final class Pager {
  private let processID: pid_t
  private let terminal: Int32

  /// Puts a pager behind standard output, where that is a terminal and a pager can be started.
  ///
  /// - Returns: `nil` when output goes where it went.
  init?() {
    guard isatty(STDOUT_FILENO) != 0, let command = Self.command else { return nil }
    StandardOutput.shared.drain()
    var ends: [Int32] = [0, 0]
    guard unsafe pipe(&ends) == 0 else { return nil }
    terminal = dup(STDOUT_FILENO)
    for end in ends + [terminal] { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    // As git sets them: leave when it fits the screen, pass colours, leave the text there.
    unsafe setenv("LESS", "FRX", 0)
    let child = try? ChildProcess.spawn(
      ["/bin/sh", "-c", command], descriptors: [ends[0], terminal, STDERR_FILENO])
    close(ends[0])
    guard let child else {
      close(ends[1])
      close(terminal)
      return nil
    }
    processID = child
    dup2(ends[1], STDOUT_FILENO)
    close(ends[1])
  }

  /// Gives the pager the end of the output and waits until the user leaves it.
  func finish() {
    StandardOutput.shared.drain()
    dup2(terminal, STDOUT_FILENO)
    close(terminal)
    var status: Int32 = 0
    while unsafe waitpid(processID, &status, 0) < 0, errno == EINTR {}
  }

  private static var command: String? {
    let environment = ProcessInfo.processInfo.environment
    let command = environment["VMREEL_PAGER"] ?? environment["PAGER"] ?? "less"
    guard !command.isEmpty, command != "cat", environment["TERM"] != "dumb" else { return nil }
    let program = command.split(separator: " ").first.map(String.init) ?? ""
    let directories = (environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
    let isThere =
      program.contains("/")
      ? unsafe access(program, X_OK) == 0
      : directories.contains { unsafe access("\($0)/\(program)", X_OK) == 0 }
    return isThere ? command : nil
  }
}
