internal import Analysis
public import Trace

/// A line the guest wrote to a console, its line feed left out.
public struct ConsoleLine: Sendable {
  /// The stream's name: `serial`, `debug` or `stream-N`.
  public var streamName: String
  /// The stream's number.
  public var stream: UInt8
  /// The event that wrote its first byte.
  public var first: EventIndex
  /// The event that wrote its last byte.
  public var last: EventIndex
  /// Host nanoseconds since the recording began when its last byte was written.
  public var exitTime: UInt64
  /// Its text; bytes that are not UTF-8 are U+FFFD.
  public var text: String
}

/// Puts the bytes the guest wrote to its consoles together to lines.
public struct ConsoleLines {
  /// The bytes of a line at most: a longer one is cut into several.
  public static let maximumLine = 4096

  private struct Open {
    var bytes: [UInt8] = []
    var first: EventIndex = 0
    var last: EventIndex = 0
    var exitTime: UInt64 = 0
  }

  private var open: [UInt8: Open] = [:]

  /// No lines.
  public init() {}

  /// Takes an event.
  ///
  /// - Returns: the lines it ended.
  public mutating func add(
    _ event: Event, at index: EventIndex, payload: ArraySlice<UInt8>
  ) -> [ConsoleLine] {
    guard event.stream != 0 else { return [] }
    var lines: [ConsoleLine] = []
    var line = open.removeValue(forKey: event.stream) ?? Open()
    for byte in ConsoleTranscript.consoleBytes(of: event, payload: payload) {
      if line.bytes.isEmpty { line.first = index }
      (line.last, line.exitTime) = (index, event.exitTime)
      if byte != 0x0a { line.bytes.append(byte) }
      if byte == 0x0a || line.bytes.count >= Self.maximumLine {
        lines.append(Self.line(line, event.stream))
        line.bytes.removeAll(keepingCapacity: true)
      }
    }
    open[event.stream] = line
    return lines
  }

  /// The lines that no line feed ended, by stream.
  public mutating func removeAll() -> [ConsoleLine] {
    defer { open = [:] }
    return open.sorted { $0.key < $1.key }.filter { !$0.value.bytes.isEmpty }
      .map { Self.line($0.value, $0.key) }
  }

  private static func line(_ line: Open, _ stream: UInt8) -> ConsoleLine {
    let bytes = line.bytes.last == 0x0d ? line.bytes.dropLast() : line.bytes[...]
    return ConsoleLine(
      streamName: ConsoleTranscript.name(ofStream: stream), stream: stream, first: line.first,
      last: line.last, exitTime: line.exitTime, text: String(decoding: bytes, as: UTF8.self))
  }
}
