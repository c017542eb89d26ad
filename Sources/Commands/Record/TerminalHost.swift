internal import Dispatch
internal import Glibc
internal import KVM
internal import Machine
internal import Replay
internal import Synchronization

/// The outside world of a recording: standard input and output, signals, the host's clock.
final class TerminalHost: RecordingHost, @unchecked Sendable {
  // Safe: input arrives on a queue and is handed over under the mutex; the signal is atomic; all
  // else belongs to the recording thread.

  private let kicker: Kicker
  private let signals: SignalWatch
  private let waiting = Mutex<[UInt8]>([])
  private let hasWaiting = Atomic<Bool>(false)
  private let wake: DispatchSemaphore
  private let isLive: Bool
  private let isRaw: Bool
  private var terminal: RawTerminal?
  private var escape = ConsoleEscape()
  private let isLeaving = Atomic<Bool>(false)
  private let isInputOpen = Atomic<Bool>(false)
  private var ready: [UInt8] = []
  private var readyPosition = 0
  private var inputSource: (any DispatchSourceRead)?
  private let queue = DispatchQueue(label: "vmreel.host")

  /// - Parameters:
  ///   - input: a path, `-` for standard input, or `none`.
  ///   - isRaw: whether a terminal's keys go to the guest one by one, Ctrl-C included.
  init(input: String, isRaw: Bool, kicker: Kicker) throws {
    self.kicker = kicker
    isLive = input == "-" && isatty(STDIN_FILENO) != 0
    self.isRaw = isRaw && isLive
    // Read before signals are watched: until then Ctrl-C ends the process at once.
    if input != "none", !isLive {
      ready = input == "-" ? try Self.readStandardInput() : try InputFile.read(input)
    }
    let wake = DispatchSemaphore(value: 0)
    self.wake = wake
    signals = SignalWatch(kicker) { _ in wake.signal() }
  }

  /// Begins to watch a terminal; ``finish()`` puts it back as it was.
  ///
  /// Last before the guest runs: nothing may fail in between.
  func begin() {
    guard isLive else { return }
    if isRaw {
      terminal = RawTerminal()
      StandardError.note("console: " + ConsoleEscape.help)
    }
    watchInput()
  }

  private static func readStandardInput() throws -> [UInt8] {
    guard fcntl(STDIN_FILENO, F_GETFL) & O_ACCMODE != O_WRONLY else {
      throw CommandFailure("standard input is closed; --input none records without input")
    }
    var status = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    if unsafe poll(&status, 1, 2000) == 0 {
      StandardError.note("note: reading standard input to its end first (--input none skips it)")
    }
    return try InputFile.readToEnd(STDIN_FILENO, "standard input")
  }

  private func watchInput() {
    isInputOpen.store(true, ordering: .relaxed)
    let source = DispatchSource.makeReadSource(fileDescriptor: STDIN_FILENO, queue: queue)
    source.setEventHandler { [self] in
      var buffer = [UInt8](repeating: 0, count: 4096)
      // Safe: read(2) writes at most the buffer's count.
      let got = unsafe buffer.withUnsafeMutableBytes {
        unsafe read(STDIN_FILENO, $0.baseAddress, $0.count)
      }
      if got <= 0 {
        isInputOpen.store(false, ordering: .relaxed)
        source.cancel()
      } else {
        let typed = isRaw ? keys(buffer.prefix(got)) : Array(buffer.prefix(got))
        waiting.withLock { $0.append(contentsOf: typed) }
        hasWaiting.store(true, ordering: .releasing)
      }
      kicker.kick()
      wake.signal()
    }
    source.resume()
    inputSource = source
  }

  /// The bytes for the guest among what was typed; the commands among it are obeyed.
  ///
  /// Called on the queue alone.
  private func keys(_ typed: ArraySlice<UInt8>) -> [UInt8] {
    var sent: [UInt8] = []
    for byte in typed {
      switch escape.key(byte) {
      case .send(let byte): sent.append(byte)
      case .leave: isLeaving.store(true, ordering: .relaxed)
      case .help: StandardError.note("\nconsole: " + ConsoleEscape.help)
      case .none: break
      }
    }
    return sent
  }

  var stopSignal: Int32? { signals.received }

  var isEndRequested: Bool { isLeaving.load(ordering: .relaxed) }

  var mayReceiveInput: Bool {
    readyPosition < ready.count || isInputOpen.load(ordering: .relaxed)
      || hasWaiting.load(ordering: .acquiring)
  }

  func takeInput() -> UInt8? {
    if readyPosition == ready.count {
      guard hasWaiting.exchange(false, ordering: .acquiring) else { return nil }
      ready = waiting.withLock { waiting in
        defer { waiting = [] }
        return waiting
      }
      readyPosition = 0
      guard !ready.isEmpty else { return nil }
    }
    defer { readyPosition += 1 }
    return ready[readyPosition]
  }

  func wait(untilNanoseconds deadline: UInt64?) -> UInt64 {
    StandardOutput.shared.drain()
    guard stopSignal == nil, !isEndRequested else { return Self.now() }
    if let deadline {
      let left = deadline &- min(Self.now(), deadline)
      _ = wake.wait(timeout: .now() + .nanoseconds(Int(min(left, 1 << 60))))
    } else {
      wake.wait()
    }
    return Self.now()
  }

  func consoleOutput(_ stream: ConsoleStream, _ byte: UInt8) {
    StandardOutput.shared.write(bytes: CollectionOfOne(byte))
    // By lines, so that what a guest printed is seen while it computes for ever.
    if isLive || byte == UInt8(ascii: "\n") { StandardOutput.shared.drain() }
  }

  /// Stops watching input and restores the terminal.
  func finish() {
    inputSource?.cancel()
    StandardOutput.shared.drain()
    terminal?.restore()
  }

  private static func now() -> UInt64 {
    DispatchTime.now().uptimeNanoseconds
  }
}
