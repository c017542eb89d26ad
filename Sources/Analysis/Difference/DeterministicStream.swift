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
  /// Takes console text and digests out, where the stream is compared with one that lacks them.
  private var redaction: ConsoleRedaction?
  private var isPayloadRedacted = false

  init(_ reel: Reel, from first: EventIndex = 0, isRedacted: Bool = false) {
    cursor = EventCursor(reel, from: first)
    redaction = isRedacted ? ConsoleRedaction() : nil
  }

  /// The payload of the current event.
  var payload: ArraySlice<UInt8> {
    guard let event else { return [] }
    guard isPayloadRedacted else { return cursor.payload(of: event) }
    return ArraySlice(repeating: 0, count: Int(event.payloadLength))
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
    while var next = try cursor.next() {
      index = cursor.index
      isPayloadRedacted = redaction?.redact(&next) ?? false
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
    guard event.stream != 0, redaction == nil else { return }
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
