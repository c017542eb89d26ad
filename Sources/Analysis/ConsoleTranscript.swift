public import Trace

/// The bytes the guest wrote to its consoles.
///
/// An event whose `stream` is not 0 carries console bytes: the low byte of each element written.
public struct ConsoleTranscript: Equatable, Sendable {
  /// The stream of the serial port.
  public static let serialStream: UInt8 = 1
  /// The stream of the debug console.
  public static let debugStream: UInt8 = 2

  /// The bytes of each stream that was written to.
  public private(set) var bytes: [UInt8: [UInt8]] = [:]

  /// Reads the whole reel.
  ///
  /// - Throws: the ``TraceError`` of the first damaged block.
  public init(_ reel: Reel) throws(TraceError) {
    var collected: [UInt8: [UInt8]] = [:]
    try Self.forEachChunk(of: reel) { collected[$0, default: []] += $1 }
    bytes = collected
  }

  /// A stream's bytes as text; bytes that are not UTF-8 become U+FFFD.
  public func text(stream: UInt8) -> String {
    String(decoding: bytes[stream] ?? [], as: UTF8.self)
  }

  /// A stream's name: `serial`, `debug` or `stream-N`.
  public static func name(ofStream stream: UInt8) -> String {
    switch stream {
    case serialStream: "serial"
    case debugStream: "debug"
    default: "stream-\(stream)"
    }
  }

  /// Hands the console bytes of each event to a closure, in order, with their stream.
  ///
  /// - Throws: the ``TraceError`` of the first damaged block.
  public static func forEachChunk(
    of reel: Reel, from first: EventIndex = 0, _ body: (UInt8, [UInt8]) -> Void
  ) throws(TraceError) {
    var cursor = EventCursor(reel, from: first)
    while let event = try cursor.next() {
      guard event.stream != 0 else { continue }
      body(event.stream, consoleBytes(of: event, payload: cursor.payload(of: event)))
    }
  }

  /// How many console bytes an event carries; 0 when its `stream` is 0.
  static func consoleByteCount(of event: Event) -> UInt64 {
    guard event.stream != 0 else { return 0 }
    let width = UInt64(max(1, event.width))
    return event.payloadLength == 0 ? 1 : (UInt64(event.payloadLength) + width - 1) / width
  }

  /// The console bytes of one event; empty when its `stream` is 0.
  public static func consoleBytes(of event: Event, payload: ArraySlice<UInt8>) -> [UInt8] {
    guard event.stream != 0 else { return [] }
    guard !payload.isEmpty else { return [UInt8(truncatingIfNeeded: event.value)] }
    let width = max(1, Int(event.width))
    return stride(from: payload.startIndex, to: payload.endIndex, by: width).map { payload[$0] }
  }
}
