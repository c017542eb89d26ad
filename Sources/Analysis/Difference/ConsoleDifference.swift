public import Trace

/// How the text differs that two guests wrote to a console, line by line.
///
/// The kernel's time stamps, `[    1.234567] ` at the beginning of a line, do not tell lines apart.
public struct ConsoleDifference: Codable, Equatable, Sendable {
  /// A line as it was written.
  public struct Line: Codable, Equatable, Sendable {
    /// The event that wrote its first byte.
    public var event: EventIndex
    /// Its text without the line feed, at most ``ConsoleDifference/shownBytes`` of it.
    public var text: String
  }

  /// Lines that one has and the other has not, or has others for.
  public struct Hunk: Codable, Equatable, Sendable {
    /// The first reel's lines, at most ``ConsoleDifference/shownLines``.
    public var a: [Line]
    /// The second reel's, likewise.
    public var b: [Line]
    /// How many lines the first has here.
    public var countA: Int
    /// How many the second has.
    public var countB: Int
  }

  /// Bytes of a line that are shown.
  public static let shownBytes = 200
  /// Lines of each side of a hunk that are shown.
  public static let shownLines = 20
  /// Lines of a console that are compared at most.
  public static let maximumLines = 1 << 20

  /// The console: `serial` or `debug`.
  public var console: String
  /// Lines in both, in order.
  public var commonLines = 0
  /// Lines only in the first.
  public var deletedLines = 0
  /// Lines only in the second.
  public var insertedLines = 0
  /// Where they differ, the first so many that were asked for.
  public var hunks: [Hunk] = []
  /// All places where they differ.
  public var count = 0
}

extension ConsoleDifference {
  /// Compares the consoles of two reels, each stream that either wrote to.
  ///
  /// - Parameter limit: places to describe of each.
  static func between(
    _ a: Reel, _ b: Reel, limit: Int
  ) throws(ReelDifferenceError) -> [ConsoleDifference] {
    let left = try ReelDifference.reading(.a) { () throws(TraceError) in try ConsoleLines(a) }
    let right = try ReelDifference.reading(.b) { () throws(TraceError) in try ConsoleLines(b) }
    return Set(left.lines.keys).union(right.lines.keys).sorted().map { stream in
      ConsoleDifference(
        stream, left.lines[stream] ?? [], right.lines[stream] ?? [], limit: limit)
    }
  }

  private init(_ stream: UInt8, _ a: [ConsoleLines.Line], _ b: [ConsoleLines.Line], limit: Int) {
    console = ConsoleTranscript.name(ofStream: stream)
    let alignment = SequenceAlignment(a.map(\.signature), b.map(\.signature))
    for piece in alignment.pieces {
      if piece.isEqual {
        commonLines += piece.a.count
        continue
      }
      deletedLines += piece.a.count
      insertedLines += piece.b.count
      count += 1
      guard hunks.count < limit else { continue }
      hunks.append(
        Hunk(
          a: a[piece.a].prefix(Self.shownLines).map(\.shown),
          b: b[piece.b].prefix(Self.shownLines).map(\.shown), countA: piece.a.count,
          countB: piece.b.count))
    }
  }
}

/// The lines of a reel's consoles.
private struct ConsoleLines {
  struct Line {
    var event: EventIndex
    var bytes: [UInt8] = []
    var signature: UInt64 = 0

    var shown: ConsoleDifference.Line {
      ConsoleDifference.Line(event: event, text: String(decoding: bytes, as: UTF8.self))
    }

    /// A hash of the text without the kernel's time stamp.
    fileprivate mutating func seal(_ whole: [UInt8]) {
      var text = whole[...]
      if text.first == UInt8(ascii: "["), let end = text.firstIndex(of: UInt8(ascii: "]")),
        text[1..<end].allSatisfy({ $0 == 0x20 || $0 == 0x2e || (0x30...0x39).contains($0) })
      {
        text = text[(end + 1)...]
      }
      var hash: UInt64 = 0x9e37_79b9_7f4a_7c15
      for byte in text where byte != 0x0d {
        hash = (hash ^ UInt64(byte)) &* 0xd6e8_feb8_6659_fd93
        hash ^= hash >> 32
      }
      signature = hash
      bytes = Array(whole.filter { $0 != 0x0d }.prefix(ConsoleDifference.shownBytes))
    }
  }

  /// Longer lines are cut in two.
  private static let maximumBytes = 4096

  private(set) var lines: [UInt8: [Line]] = [:]

  init(_ reel: Reel) throws(TraceError) {
    var cursor = EventCursor(reel)
    var open: [UInt8: (line: Line, bytes: [UInt8])] = [:]
    while let event = try cursor.next() {
      guard event.stream != 0 else { continue }
      let bytes = ConsoleTranscript.consoleBytes(of: event, payload: cursor.payload(of: event))
      for byte in bytes {
        var last = open[event.stream] ?? (Line(event: cursor.index), [])
        if byte == 0x0a || last.bytes.count == Self.maximumBytes {
          add(&last, event.stream)
          open[event.stream] = nil
          if byte == 0x0a { continue }
          last = (Line(event: cursor.index), [])
        }
        last.bytes.append(byte)
        open[event.stream] = last
      }
    }
    for stream in open.keys.sorted() {
      guard var last = open[stream] else { continue }
      add(&last, stream)
    }
  }

  private mutating func add(_ open: inout (line: Line, bytes: [UInt8]), _ stream: UInt8) {
    guard lines[stream, default: []].count < ConsoleDifference.maximumLines else { return }
    open.line.seal(open.bytes)
    lines[stream, default: []].append(open.line)
  }
}
