public import Trace

/// The lines a guest wrote to its consoles, each with the event that began it.
///
/// A long transcript is cut in the middle: how a run began and how it ended matter most.
public struct ReportConsole: Equatable, Sendable {
  /// One line.
  public struct Line: Equatable, Sendable {
    /// The console.
    public var stream: UInt8
    /// The event of the line's first byte.
    public var event: EventIndex
    /// Its host time in nanoseconds.
    public var time: UInt64
    /// The line, without its end; bytes that are not UTF-8 become U+FFFD.
    public var text: String
  }

  /// The lines in the order they began.
  public var lines: [Line] = []
  /// How many of ``lines`` stand before those that were left out.
  public var headCount = 0
  /// Lines left out.
  public var omittedLines: UInt64 = 0
  /// The text was stripped from the reel.
  public var isStripped = false

  /// Nothing.
  public init() {}
}

/// Fills a ``ReportConsole``.
struct ConsoleCollector: Sendable {
  /// Of the beginning and as much of the end.
  private static let maximumLines = 3000
  private static let maximumBytes = 100_000
  /// A longer line is broken.
  private static let maximumLineBytes = 2000

  private struct Line {
    var stream: UInt8
    var event: EventIndex
    var time: UInt64
    var bytes: [UInt8] = []
  }

  private var open: [Line?] = [Line?](repeating: nil, count: 256)
  private var head: [Line] = []
  private var headBytes = 0
  private var isHeadFull = false
  private var tail: [Line] = []
  private var tailBytes = 0
  private var omitted: UInt64 = 0

  /// Takes a byte, and says whether it began a line.
  mutating func take(_ byte: UInt8, _ stream: UInt8, _ event: EventIndex, _ time: UInt64) -> Bool {
    let begins = open[Int(stream)] == nil
    if begins { open[Int(stream)] = Line(stream: stream, event: event, time: time) }
    if byte != 0x0a { open[Int(stream)]?.bytes.append(byte) }
    if byte == 0x0a || open[Int(stream)]?.bytes.count ?? 0 >= Self.maximumLineBytes {
      close(stream)
    }
    return begins
  }

  private mutating func close(_ stream: UInt8) {
    guard let line = open[Int(stream)] else { return }
    open[Int(stream)] = nil
    if !isHeadFull {
      head.append(line)
      headBytes += line.bytes.count
      isHeadFull = head.count >= Self.maximumLines || headBytes >= Self.maximumBytes
    } else {
      tail.append(line)
      tailBytes += line.bytes.count
      if tail.count >= 2 * Self.maximumLines || tailBytes >= 2 * Self.maximumBytes { trim() }
    }
  }

  /// Leaves out lines of the tail until what is left is within the limits.
  private mutating func trim() {
    var removed = 0
    while tail.count - removed > Self.maximumLines || tailBytes > Self.maximumBytes {
      tailBytes -= tail[removed].bytes.count
      removed += 1
    }
    tail.removeSubrange(..<removed)
    omitted &+= UInt64(removed)
  }

  /// The console so far.
  var console: ReportConsole {
    var copy = self
    for stream in UInt8.min...UInt8.max { copy.close(stream) }
    copy.trim()
    var made = ReportConsole()
    made.omittedLines = copy.omitted
    let lists = [copy.head, copy.tail].map { lines in
      // A line stands where it began, though others may have ended before it.
      lines.sorted { ($0.event, $0.stream) < ($1.event, $1.stream) }
    }
    made.headCount = lists[0].count
    made.lines = lists.joined().map { line in
      ReportConsole.Line(
        stream: line.stream, event: line.event, time: line.time,
        text: String(decoding: line.bytes.filter { $0 != 0x0d }, as: UTF8.self))
    }
    return made
  }
}
