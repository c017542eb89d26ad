import FoundationEssentials
import Glibc

/// How a program that a test started has ended, and what it wrote.
struct Run {
  /// The exit status; `nil` when a signal ended the program.
  var status: Int32?
  /// The signal that ended the program, if one did.
  var signal: Int32?
  /// Whether the test had to kill it because its time was over: the program hangs.
  var timedOut = false
  /// Standard output.
  var output: [UInt8] = []
  /// Standard error.
  var errors = ""

  var text: String { String(decoding: output, as: UTF8.self) }
  /// The lines of standard error.
  var errorLines: [Substring] { errors.split(separator: "\n") }

  /// Everything about the run, for a failed expectation.
  var story: String {
    let end =
      timedOut
      ? "it hung and was killed"
      : status.map { "exit status \($0)" } ?? "killed by signal \(signal ?? 0)"
    return "\(end); standard error: \(errors); standard output: \(text.prefix(2000))"
  }
}

/// A program under test that runs until it ends or its time is over.
///
/// Its output goes to files, so that no full pipe can hold it up; it leads a process group of its
/// own, so that nothing it started outlives the test.
struct Program {
  /// What the program gets as standard input.
  enum Input {
    case nothing
    case file(String)
    case text(String)
  }

  /// Why a program could not be started.
  struct StartError: Error, CustomStringConvertible {
    var description: String
  }

  private let directory: String
  private let processID: pid_t
  private let deadline: UInt64

  /// Starts a program in a directory.
  init(
    _ path: String, _ arguments: [String], in directory: TestDirectory, input: Input = .nothing,
    environment: [String] = [], limitSeconds: UInt64 = 90
  ) throws {
    self.directory = try directory.subdirectory()
    let inputPath: String
    switch input {
    case .nothing: inputPath = "/dev/null"
    case .file(let path): inputPath = path
    case .text(let text):
      inputPath = self.directory + "/input"
      try Data(text.utf8).write(to: URL(filePath: inputPath))
    }
    let environment =
      environment + [
        "PATH=\(Executable.directory):/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "SWIFT_BACKTRACE=enable=no",
      ]
    deadline = Self.now() + limitSeconds * 1_000_000_000
    // env(1) changes the directory and then becomes the program, so the process stays the same.
    processID = try Self.spawn(
      ["/usr/bin/env", "-C", directory.path, path] + arguments, environment,
      files: [inputPath, self.directory + "/stdout", self.directory + "/stderr"])
  }

  /// Sends a signal to the program, not to its group.
  func send(_ signal: Int32) { kill(processID, signal) }

  /// The processes it has started that have not ended.
  func children() -> [pid_t] {
    let path = "/proc/\(processID)/task/\(processID)/children"
    let text = (try? Data(contentsOf: URL(filePath: path))).map {
      String(decoding: $0, as: UTF8.self)
    }
    return (text ?? "").split(separator: " ").compactMap { pid_t($0) }
  }

  /// What standard output holds so far.
  var outputSoFar: String { String(decoding: contents("stdout"), as: UTF8.self) }

  /// Waits until the program has printed a text.
  ///
  /// - Returns: false when it ended or its time was over first.
  func waitForOutput(_ text: String) -> Bool {
    wait { outputSoFar.contains(text) }
  }

  /// Waits until the program has a vCPU.
  ///
  /// - Returns: false when it ended or its time was over first.
  func waitForVCPU() -> Bool {
    let files = "/proc/\(processID)/fd"
    return wait {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: files)) ?? []
      return names.contains {
        let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(files)/\($0)")
        return target?.contains("kvm-vcpu") ?? false
      }
    }
  }

  /// Waits until something holds; false when the program ended or its time was over first.
  private func wait(until holds: () -> Bool) -> Bool {
    while !holds() {
      // WNOWAIT leaves the end for ``wait()``.
      var end = unsafe siginfo_t()
      let isEnded =
        unsafe waitid(P_PID, id_t(processID), &end, WEXITED | WNOHANG | WNOWAIT) == 0
        && (unsafe end.si_signo) == SIGCHLD
      // What it did last may have come after the look above.
      if isEnded { return holds() }
      guard Self.now() < deadline else { return false }
      usleep(5000)
    }
    return true
  }

  /// Waits for the end; a program that hangs is killed with all it has started.
  func wait() -> Run {
    var run = Run()
    var status: Int32 = 0
    while unsafe waitpid(processID, &status, WNOHANG) == 0 {
      if Self.now() >= deadline {
        run.timedOut = true
        kill(-processID, SIGKILL)
        _ = unsafe waitpid(processID, &status, 0)
        break
      }
      usleep(2000)
    }
    let signal = status & 0x7f
    if signal == 0 { run.status = status >> 8 & 0xff } else { run.signal = signal }
    run.output = contents("stdout")
    run.errors = String(decoding: contents("stderr"), as: UTF8.self)
    return run
  }

  private func contents(_ name: String) -> [UInt8] {
    (try? Data(contentsOf: URL(filePath: "\(directory)/\(name)"))).map { Array($0) } ?? []
  }

  private static func now() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// posix_spawn(3) with files for the first three descriptors, in order.
  private static func spawn(
    _ arguments: [String], _ environment: [String], files: [String]
  ) throws -> pid_t {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    for (descriptor, path) in files.enumerated() {
      let mode = descriptor == 0 ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC
      unsafe posix_spawn_file_actions_addopen(&actions, Int32(descriptor), path, mode, 0o666)
    }
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var defaults = sigset_t()
    unsafe sigfillset(&defaults)
    unsafe posix_spawnattr_setsigdefault(&attributes, &defaults)
    var mask = sigset_t()
    unsafe sigemptyset(&mask)
    unsafe posix_spawnattr_setsigmask(&attributes, &mask)
    unsafe posix_spawnattr_setflags(
      &attributes,
      Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    var processID: pid_t = 0
    let result = unsafe withCStrings(arguments) { arguments in
      unsafe withCStrings(environment) { environment in
        unsafe posix_spawn(
          &processID, arguments[0].unsafelyUnwrapped, &actions, &attributes, arguments,
          environment)
      }
    }
    guard result == 0 else {
      throw StartError(description: "cannot start \(arguments[0]): errno \(result)")
    }
    return processID
  }

  /// Calls the body with a NULL-terminated array of C strings.
  private static func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
  ) -> Result {
    var pointers = unsafe strings.map { unsafe strdup($0) } + [nil]
    defer {
      for index in unsafe pointers.indices { unsafe free(pointers[index]) }
    }
    return unsafe pointers.withUnsafeMutableBufferPointer {
      unsafe body($0.baseAddress.unsafelyUnwrapped)
    }
  }
}
