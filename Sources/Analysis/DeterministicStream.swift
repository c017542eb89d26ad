internal import Trace

/// A reel's guest-made exits and inputs, with what lay between them kept for a report.
struct DeterministicStream {
  /// Host-made events kept between two events of the stream.
  static let hostMadeLimit = 16
  /// Console bytes kept.
  static let consoleLimit = 1024

  private var cursor: EventCursor
  private(set) var event: Event?
  private(set) var index: EventIndex = 0
  /// Host-made events and marks since the event before: the last ``hostMadeLimit`` of them.
  private(set) var hostMade: [EventRecord] = []
  /// Console bytes up to the event, it included.
  private var console: [UInt8] = []
  /// Events of the stream before the current one.
  private(set) var position: UInt64 = 0

  init(_ reel: Reel, from first: EventIndex = 0) {
    cursor = EventCursor(reel, from: first)
  }

  /// The payload of the current event.
  var payload: ArraySlice<UInt8> {
    event.map { cursor.payload(of: $0) } ?? []
  }

  /// The current event, self-contained.
  var record: EventRecord? {
    event.map { EventRecord(index: index, event: $0, payload: payload) }
  }

  /// The console text up to the current event.
  var consoleTail: String {
    String(decoding: console.suffix(Self.consoleLimit), as: UTF8.self)
  }

  /// Goes to the next event of the stream, or to the end, where ``event`` is `nil`.
  mutating func advance() throws(TraceError) {
    if event != nil { position += 1 }
    event = nil
    if !hostMade.isEmpty { hostMade = [] }
    while let next = try cursor.next() {
      index = cursor.index
      if next.kind.isGuestMade || next.kind.isInput {
        event = next
        keepConsole(of: next)
        return
      }
      if hostMade.count == Self.hostMadeLimit { hostMade.removeFirst() }
      hostMade.append(
        EventRecord(index: index, event: next, payload: cursor.payload(of: next)))
    }
  }

  private mutating func keepConsole(of event: Event) {
    guard event.stream != 0 else { return }
    if event.payloadLength == 0 {
      console.append(UInt8(truncatingIfNeeded: event.value))
    } else {
      keepConsole(ofPayload: event)
    }
    if console.count > 4 * Self.consoleLimit { console = console.suffix(Self.consoleLimit) }
  }

  private mutating func keepConsole(ofPayload event: Event) {
    console += ConsoleTranscript.consoleBytes(of: event, payload: cursor.payload(of: event))
      .suffix(Self.consoleLimit)
  }
}
