internal import Dispatch
internal import Glibc
internal import KVM
internal import Synchronization

/// Turns SIGINT, SIGTERM and SIGHUP into a remembered number and a kick of the guest.
///
/// No Swift runs in a signal handler: Dispatch reads the signals. Any number of watches may live at a
/// time. Each is told of each signal, and of the last one that came while an older watch lived.
/// Without any watch a signal ends the process. A SIGHUP that was ignored when the process began, as
/// nohup(1) has it, stays ignored.
final class SignalWatch: Sendable {
  private let number: SignalNumber
  private let token: UInt64

  /// - Parameters:
  ///   - kicker: kicks the guest, where there is one in this process.
  ///   - onSignal: called on a queue of its own after the signal was noted.
  init(_ kicker: Kicker? = nil, onSignal: @escaping @Sendable (Int32) -> Void = { _ in }) {
    let number = SignalNumber()
    self.number = number
    token = SignalSources.shared.add { signalNumber in
      number.value.store(signalNumber, ordering: .sequentiallyConsistent)
      kicker?.kick()
      onSignal(signalNumber)
    }
  }

  deinit {
    SignalSources.shared.remove(token)
  }

  /// The signal that came last, if any.
  var received: Int32? {
    let value = number.value.load(ordering: .relaxed)
    return value == 0 ? nil : value
  }
}

/// The signal a watch was told of last; 0 when none.
private final class SignalNumber: Sendable {
  let value = Atomic<Int32>(0)
}

/// The process's sources of signals, made with the first watch.
///
/// They are made once, and Dispatch alone sets a signal's disposition: ignored before Dispatch listens,
/// a signal would be dropped.
private final class SignalSources: Sendable {
  static let shared = SignalSources()

  private struct State {
    var watches: [UInt64: @Sendable (Int32) -> Void] = [:]
    var nextToken: UInt64 = 0
    /// The last signal since there was no watch; 0 when none came.
    var last: Int32 = 0
  }

  private let state = Mutex(State())
  /// Made before the first watch is noted; no lock is held meanwhile, since they may tell of a signal
  /// at once.
  private static let sources = KeptSources(makeSources())

  // Safe: kept, and never looked at again.
  private struct KeptSources: @unchecked Sendable {
    let sources: [any DispatchSourceSignal]

    init(_ sources: [any DispatchSourceSignal]) { self.sources = sources }
  }

  func add(_ watch: @escaping @Sendable (Int32) -> Void) -> UInt64 {
    _ = Self.sources
    let (token, last) = state.withLock { state in
      state.nextToken += 1
      state.watches[state.nextToken] = watch
      return (state.nextToken, state.last)
    }
    if last != 0 { watch(last) }
    return token
  }

  func remove(_ token: UInt64) {
    state.withLock { state in
      state.watches[token] = nil
      if state.watches.isEmpty { state.last = 0 }
    }
  }

  private static func makeSources() -> [any DispatchSourceSignal] {
    let queue = DispatchQueue(label: "vmreel.signals")
    return [SIGINT, SIGTERM, SIGHUP].filter { $0 != SIGHUP || !isIgnored($0) }.map { number in
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      let isListening = DispatchSemaphore(value: 0)
      source.setRegistrationHandler { isListening.signal() }
      source.setEventHandler { shared.tell(number) }
      source.resume()
      isListening.wait()
      return source
    }
  }

  private static func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    guard unsafe sigaction(number, nil, &action) == 0 else { return false }
    return unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
      == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  private func tell(_ number: Int32) {
    let watches = state.withLock { state in
      if !state.watches.isEmpty { state.last = number }
      return Array(state.watches.values)
    }
    for watch in watches { watch(number) }
    guard watches.isEmpty else { return }
    _ = signal(number, SIG_DFL)
    kill(getpid(), number)
  }
}
