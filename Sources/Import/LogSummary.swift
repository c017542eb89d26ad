/// What an import read, used and could not use.
public struct LogSummary: Equatable, Sendable {
  /// Samples of unknown lines kept.
  static let maximumSamples = 5
  /// Bytes of such a sample, and of other text from the log.
  static let maximumText = 160
  /// Events told apart by name.
  static let maximumNames = 256
  /// What stands for the names beyond that.
  static let otherNames = "(other names)"

  /// The format of the first line that has one; `nil` where none has.
  public internal(set) var format: LogFormat?
  /// Lines of any kind.
  public internal(set) var lines: UInt64 = 0
  /// Events that made an exit or told of one.
  public internal(set) var events: UInt64 = 0
  /// Events of tracepoints that tell nothing of an exit, by name.
  public internal(set) var otherEvents: [String: UInt64] = [:]
  /// Lines that could not be read, by what is wrong with them.
  public internal(set) var unknownLines: [String: UInt64] = [:]
  /// The first of them.
  public internal(set) var unknownSamples: [String] = []
  /// Events of processes that were not asked for.
  public internal(set) var leftOut: UInt64 = 0
  /// Events that the tracer lost, as the log says.
  public internal(set) var lostEvents: UInt64 = 0
  /// Lines that tell of a loss; some do not say how many events it was.
  public internal(set) var losses: UInt64 = 0
  /// Events before the one that the thread had before, or before the first of the log.
  public internal(set) var backwardTimes: UInt64 = 0
  /// The first event's time in the log, in nanoseconds: what the reel's times count from.
  public internal(set) var firstNanoseconds: UInt64?
  /// The last time of any event, from the first on.
  public internal(set) var durationNanoseconds: UInt64 = 0
  /// `perf script --header`'s kernel release and CPU.
  public internal(set) var kernel: String?
  /// The CPU's brand string, likewise.
  public internal(set) var cpu: String?

  /// Lines that could not be read, all kinds.
  public var unknownLineCount: UInt64 { unknownLines.values.reduce(0, &+) }

  mutating func noteUnknown(_ kind: String, _ line: Span<UInt8>) {
    unknownLines[kind, default: 0] &+= 1
    guard unknownSamples.count < Self.maximumSamples else { return }
    unknownSamples.append(line.text(0..<line.count, limit: Self.maximumText))
  }

  mutating func noteOther(_ line: Span<UInt8>, _ name: Range<Int>) {
    let text = line.text(name, limit: 64)
    let isKnown = otherEvents[text] != nil || otherEvents.count < Self.maximumNames
    otherEvents[isKnown ? text : Self.otherNames, default: 0] &+= 1
  }
}

/// A thread of the log that ran a vCPU, and the number that vCPU has in the reel.
public struct LogVCPU: Equatable, Sendable {
  /// Its number in the reel.
  public var number: UInt16
  /// Its number in the log; `nil` where no line told.
  public var logNumber: UInt64?
  /// The thread's number.
  public var thread: UInt32
  /// The process's number, where the log has it.
  public var process: UInt32?
  /// The thread's name.
  public var command: String
  /// Its exits.
  public var exits: UInt64
}
