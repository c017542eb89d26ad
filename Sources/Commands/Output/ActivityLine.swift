internal import Dispatch
internal import Synchronization

/// A line on standard error that tells what a work of unknown length is at, shown only on a terminal
/// and only after a second.
///
/// A timer shows it, since some of the steps take long and tell nothing themselves.
final class ActivityLine: @unchecked Sendable {
  // Safe: the timer is set up before others can see it, and Dispatch's own; all else is under the mutex.

  private static let patience = DispatchTimeInterval.seconds(1)
  private static let interval = DispatchTimeInterval.milliseconds(200)

  private struct State {
    var text = ""
    var shown: String?
    var isOver = false
  }

  private let label: String
  private let timer: (any DispatchSourceTimer)?
  private let state = Mutex(State())

  /// - Parameter label: what the work is: `explaining`.
  init(label: String) {
    self.label = label
    timer =
      StandardError.isTerminal
      ? DispatchSource.makeTimerSource(queue: DispatchQueue(label: "vmreel.activity")) : nil
    timer?.schedule(deadline: .now() + Self.patience, repeating: Self.interval)
    timer?.setEventHandler { [weak self] in self?.show() }
    timer?.activate()
  }

  deinit { clear() }

  /// Says what is being done, in a few words: `comparing keyframe 3`.
  func tell(_ text: String) {
    state.withLock { $0.text = text }
  }

  /// Takes the line away; it does not come back.
  func clear() {
    timer?.cancel()
    state.withLock { state in
      if state.shown != nil { StandardError.write("\r\u{1b}[K") }
      state.shown = nil
      state.isOver = true
    }
  }

  private func show() {
    state.withLock { state in
      // The last call may come after the timer was cancelled.
      guard !state.isOver, state.text != state.shown else { return }
      StandardError.write("\r\(label): \(state.text)\u{1b}[K")
      state.shown = state.text
    }
  }
}
