import Machine
import Replay

/// The outside world of a recording, from a script.
final class ScriptedHost: RecordingHost {
  var input: [UInt8] = []
  /// Reports SIGINT once it has been asked this often.
  var stopsAfterPolls: Int?
  var mayReceiveInput = false
  /// What ``wait(untilNanoseconds:)`` does before it returns; the result is the host's time.
  var onWait: (UInt64?) -> UInt64 = { $0 ?? 0 }
  private(set) var console: [UInt8] = []
  private(set) var waits: [UInt64?] = []
  private var polls = 0

  var stopSignal: Int32? {
    polls += 1
    if let stopsAfterPolls, polls >= stopsAfterPolls { return 2 }
    return nil
  }

  func takeInput() -> UInt8? { input.isEmpty ? nil : input.removeFirst() }

  func wait(untilNanoseconds deadline: UInt64?) -> UInt64 {
    waits.append(deadline)
    return onWait(deadline)
  }

  func consoleOutput(_ stream: ConsoleStream, _ byte: UInt8) { console.append(byte) }
}

/// Keeps what a replay prints.
final class ConsoleRecorder: ReplayObserver {
  private(set) var console: [UInt8] = []
  func consoleOutput(_ stream: ConsoleStream, _ byte: UInt8) { console.append(byte) }
  func progress(_ index: UInt64) {}
  private(set) var landings: [LandingReport] = []
  func landed(_ landing: LandingReport) { landings.append(landing) }
}
