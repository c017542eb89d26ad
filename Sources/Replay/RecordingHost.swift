public import Machine

/// What a recording needs from the outside world: input, waiting, and being told to stop.
///
/// The command layer's in production, scripted in tests.
public protocol RecordingHost: AnyObject {
  /// The signal that asks the recording to stop, when one came; cheap, asked at every exit.
  var stopSignal: Int32? { get }
  /// Whether the user has asked for the recording's end by a key; cheap, asked at every exit.
  var isEndRequested: Bool { get }
  /// Whether input bytes may still arrive, now or later.
  var mayReceiveInput: Bool { get }
  /// The next input byte that is there already.
  func takeInput() -> UInt8?
  /// Sleeps until a host monotonic instant (`nil`: no limit), or until input or a stop comes.
  ///
  /// - Returns: the host monotonic time afterwards, in nanoseconds.
  func wait(untilNanoseconds deadline: UInt64?) -> UInt64
  /// A byte the guest printed.
  func consoleOutput(_ stream: ConsoleStream, _ byte: UInt8)
}

extension RecordingHost {
  /// No user, no key.
  public var isEndRequested: Bool { false }
}
