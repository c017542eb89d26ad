/// What may be chosen about the board; stored in the reel's metadata.
public struct BoardConfiguration: Equatable, Sendable, Codable {
  /// What the CMOS clock shows at virtual time zero, in seconds since 1970-01-01T00:00:00Z.
  ///
  /// Times outside the years 0–9999 are clamped to them.
  public var realTimeClockEpochSeconds: Int64

  /// Makes a configuration; by default the clock starts at 2000-01-01T00:00:00Z.
  public init(realTimeClockEpochSeconds: Int64 = 946_684_800) {
    self.realTimeClockEpochSeconds = realTimeClockEpochSeconds
  }
}

/// Which console output a byte belongs to.
public enum ConsoleStream: UInt8, Sendable {
  /// The serial port at 0x3f8.
  case serial = 0
  /// The debug console port 0xe9.
  case debugConsole = 1
}

/// What a write to the board asks of the runner.
public enum BoardEffect: Equatable, Sendable {
  /// Nothing.
  case none
  /// A byte left on a console.
  case console(ConsoleStream, UInt8)
  /// The guest switched the power off.
  case powerOff
  /// The guest pulled the reset line.
  case reset
  /// The guest ended the run through port 0xf4; the status is the written value × 2 + 1.
  case debugExit(status: UInt32)
}
