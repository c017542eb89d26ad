internal import Trace

/// A reel's guest-made exits and inputs, those that a mask leaves out skipped.
///
/// A copy is a place to come back to.
struct ComparedStream {
  /// Host-made events kept between two events of the stream.
  static let hostMadeLimit = 16
  /// Console bytes kept.
  static let consoleLimit = 1024

  private var cursor: EventCursor
  private let mask: DifferenceMask
  /// The current event; `nil` before the first and behind the last.
  private(set) var event: Event?
  /// Its index in the reel.
  private(set) var index: EventIndex = 0
  /// Where it belongs, for the answer to a read what was read.
  private(set) var place = EventPlace()
  /// Events of the stream before the current one.
  private(set) var position: UInt64 = 0
  /// Whether what a report shows besides the events is kept.
  private var isClose = false
  /// Host-made events and marks since the event before: the last ``hostMadeLimit`` of them.
  private(set) var hostMade: [EventRecord] = []
  /// Console bytes up to the event, it included.
  private var console: [UInt8] = []
  /// What vCPU 0 read last: the place of the answer.
  private var lastRead = EventPlace()
  /// What each of the others read last.
  private var reads: [UInt16: EventPlace] = [:]
  /// Takes console text and digests out, where the stream is compared with one that lacks them.
  private var redaction: ConsoleRedaction?
  private var isPayloadRedacted = false

  init(
    _ reel: Reel, from first: EventIndex = 0, mask: DifferenceMask = DifferenceMask(),
    isRedacted: Bool = false
  ) {
    cursor = EventCursor(reel, from: first)
    index = first
    self.mask = mask
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

  /// Keeps from here on what a report shows besides the events.
  mutating func lookClosely() {
    isClose = true
    if let event { keepConsole(of: event) }
  }

  /// Goes to the next event of the stream, or to the end, where ``event`` is `nil`.
  mutating func advance() throws(TraceError) {
    if event != nil { position += 1 }
    event = nil
    if isClose { hostMade = [] }
    while var next = try cursor.next() {
      index = cursor.index
      isPayloadRedacted = redaction?.redact(&next) ?? false
      guard next.kind.isGuestMade || next.kind.isInput else {
        if isClose { keepHostMade(next) }
        continue
      }
      notePlace(of: next)
      if !mask.rules.isEmpty, mask.omits(place) { continue }
      event = next
      if isClose { keepConsole(of: next) }
      return
    }
    index = cursor.index &+ 1
  }

  private mutating func notePlace(of event: Event) {
    place = EventPlace(event)
    if event.kind.expectsInput {
      if event.vcpu == 0 { lastRead = place } else { reads[event.vcpu] = place }
    } else if event.kind == .inputData {
      place = event.vcpu == 0 ? lastRead : reads[event.vcpu] ?? place
    }
  }

  private mutating func keepHostMade(_ event: Event) {
    if hostMade.count == Self.hostMadeLimit { hostMade.removeFirst() }
    hostMade.append(
      EventRecord(index: index, event: event, payload: cursor.payload(of: event)))
  }

  private mutating func keepConsole(of event: Event) {
    guard event.stream != 0, redaction == nil else { return }
    console += ConsoleTranscript.consoleBytes(of: event, payload: cursor.payload(of: event))
      .suffix(Self.consoleLimit)
    if console.count > 4 * Self.consoleLimit { console = console.suffix(Self.consoleLimit) }
  }
}

extension EventKind {
  /// Whether the runner gave it to the guest at a place that it chose itself: an interrupt, what
  /// leads up to one, or what a device wrote into memory.
  var isPlacedByHost: Bool {
    switch self {
    case .interrupt, .interruptWindow, .windowRequest, .deviceWrite: true
    default: false
    }
  }
}
