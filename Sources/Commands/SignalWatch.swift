internal import Dispatch
internal import Glibc
internal import KVM
internal import Synchronization

/// Turns SIGINT, SIGTERM and SIGHUP into a remembered number and a kick of the guest.
///
/// No Swift runs in a signal handler: the signals are ignored and read by Dispatch.
final class SignalWatch: @unchecked Sendable {
  // Safe: the sources never change after init, and the number is atomic.

  private let number = Atomic<Int32>(0)
  private let sources: [any DispatchSourceSignal]

  /// - Parameters:
  ///   - kicker: kicks the guest, where there is one in this process.
  ///   - onSignal: called on a queue of its own after the signal was noted.
  init(_ kicker: Kicker? = nil, onSignal: @escaping @Sendable () -> Void = {}) {
    let queue = DispatchQueue(label: "vmreel.signals")
    sources = [SIGINT, SIGTERM, SIGHUP].map { signalNumber in
      _ = signal(signalNumber, SIG_IGN)
      return DispatchSource.makeSignalSource(signal: signalNumber, queue: queue)
    }
    for (source, signalNumber) in zip(sources, [SIGINT, SIGTERM, SIGHUP]) {
      source.setEventHandler { [weak self] in
        self?.number.store(signalNumber, ordering: .sequentiallyConsistent)
        kicker?.kick()
        onSignal()
      }
      source.resume()
    }
  }

  deinit {
    for source in sources { source.cancel() }
  }

  /// The signal that came last, if any.
  var received: Int32? {
    let value = number.load(ordering: .relaxed)
    return value == 0 ? nil : value
  }
}
