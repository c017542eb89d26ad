internal import FoundationEssentials
internal import Glibc

/// A vmreel that this vmreel started, with its output kept in files without a name: nothing it writes
/// can hold it up, and nothing is left behind.
///
/// Its standard input is a pipe that only this process holds open; see ``ParentWatch``.
struct ChildProcess {
  /// How a child ended, and what it wrote.
  struct End {
    /// The exit status; `nil` when a signal ended it.
    var status: Int32?
    /// The signal that ended it, if one did.
    var signal: Int32?
    /// Standard output.
    var output: [UInt8]
    /// Standard error.
    var errors: [UInt8]
  }

  /// The process.
  let processID: pid_t
  private let output: Int32
  private let errors: Int32

  /// Starts this very program with other arguments.
  ///
  /// - Parameter input: the descriptor that becomes its standard input.
  /// - Throws: ``CommandFailure`` when the system has no room for another process.
  init(arguments: [String], input: Int32) throws {
    output = try Self.namelessFile()
    errors = try Self.namelessFile()
    processID = try Self.spawn(
      ["/proc/self/exe"] + arguments, descriptors: [input, output, errors])
  }

  /// Waits until it ends.
  func wait() -> End {
    var status: Int32 = 0
    while unsafe waitpid(processID, &status, 0) < 0, errno == EINTR {}
    return end(status: status)
  }

  /// Reads what a child that has ended wrote, and forgets it.
  ///
  /// - Parameter status: what waitpid(2) says.
  func end(status: Int32) -> End {
    defer {
      close(output)
      close(errors)
    }
    let signal = status & 0x7f
    return End(
      status: signal == 0 ? status >> 8 & 0xff : nil, signal: signal == 0 ? nil : signal,
      output: Self.contents(of: output), errors: Self.contents(of: errors))
  }

  private static func namelessFile() throws -> Int32 {
    let directory = TemporaryFile.directory
    var path = Array("\(directory)/vmreel-XXXXXX".utf8CString)
    let descriptor = unsafe path.withUnsafeMutableBufferPointer { path in
      // Safe: the array is NUL-terminated, and mkstemp(3) writes no more than is there.
      let name = unsafe path.baseAddress.unsafelyUnwrapped
      let descriptor = unsafe mkstemp(name)
      if descriptor >= 0 { _ = unsafe unlink(name) }
      return descriptor
    }
    guard descriptor >= 0 else {
      throw CommandFailure(
        "cannot make a file for a worker's output in \(directory): \(reason(errno)); "
          + "name another directory with TMPDIR")
    }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    return descriptor
  }

  private static func contents(of descriptor: Int32) -> [UInt8] {
    guard lseek(descriptor, 0, SEEK_SET) == 0 else { return [] }
    return (try? InputFile.readToEnd(descriptor, "a worker's output")) ?? []
  }

  /// posix_spawn(3) with the first three descriptors, the signals as they are by default, and this
  /// process's environment.
  static func spawn(_ arguments: [String], descriptors: [Int32]) throws -> pid_t {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    for (target, descriptor) in descriptors.enumerated() {
      unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(target))
    }
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    // What this process ignores, since it reads it by other means, the worker must not; SIGHUP is
    // ignored only where it was from the start, as nohup(1) has it.
    var signals = sigset_t()
    unsafe sigfillset(&signals)
    unsafe sigdelset(&signals, SIGHUP)
    unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
    unsafe sigemptyset(&signals)
    unsafe posix_spawnattr_setsigmask(&attributes, &signals)
    unsafe posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    let environment = ProcessInfo.processInfo.environment.map { "\($0.key)=\($0.value)" }
    var processID: pid_t = 0
    let result = unsafe withCStrings(arguments) { arguments in
      unsafe withCStrings(environment) { environment in
        unsafe posix_spawn(
          &processID, arguments[0].unsafelyUnwrapped, &actions, &attributes, arguments,
          environment)
      }
    }
    guard result == 0 else {
      throw CommandFailure("cannot start a worker: \(reason(result)); try fewer with --jobs")
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

  private static func reason(_ number: Int32) -> String { unsafe String(cString: strerror(number)) }
}

/// The pipe by which workers notice that their parent is gone, however it went.
///
/// The parent alone holds the writing end, so the reading end ends with it.
struct ParentPipe {
  /// The end that workers get as their standard input.
  let readingEnd: Int32
  private let writingEnd: Int32

  init() throws {
    var ends: [Int32] = [-1, -1]
    let result = unsafe ends.withUnsafeMutableBufferPointer {
      // Safe: pipe(2) writes two numbers.
      unsafe pipe($0.baseAddress.unsafelyUnwrapped)
    }
    guard result == 0 else {
      throw CommandFailure("cannot make a pipe: \(unsafe String(cString: strerror(errno)))")
    }
    (readingEnd, writingEnd) = (ends[0], ends[1])
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
  }

  func closeBoth() {
    close(readingEnd)
    close(writingEnd)
  }
}

/// Ends a worker as soon as the process that started it has ended.
enum ParentWatch {
  /// Begins to watch standard input for its end.
  static func begin() {
    _ = pthread_detach(Self.thread())
  }

  private static func thread() -> pthread_t {
    var thread = pthread_t()
    unsafe pthread_create(
      &thread, nil,
      { _ in
        var byte: UInt8 = 0
        // Nobody writes; what is read is the end of the pipe.
        while unsafe read(STDIN_FILENO, &byte, 1) != 0 {}
        _exit(ExitStatus.trouble.code)
      }, nil)
    return thread
  }
}
