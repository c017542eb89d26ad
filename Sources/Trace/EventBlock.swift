internal import Bytes

/// The events of one block, decoded.
public struct EventBlock: Equatable, Sendable {
  /// The most events a block may hold.
  public static let maximumEventCount = 1 << 20

  /// The index of the first event.
  public var firstEvent: EventIndex
  /// The events, in order.
  public var events: [Event]
  /// The payloads the events' offsets point into.
  public var payload: [UInt8]
  /// Optional columns this version does not know and skipped.
  public var skippedColumns = 0

  /// The payload bytes of one of the block's events.
  public func payload(of event: Event) -> ArraySlice<UInt8> {
    payload[Int(event.payloadOffset)..<Int(event.payloadOffset) + Int(event.payloadLength)]
  }

  /// Decodes the raw bytes of an event block.
  ///
  /// - Throws: `malformed`, `unknownRequiredColumn` or `blockTooLarge`; never traps.
  init(decoding raw: [UInt8], header: BlockHeader, at offset: UInt64) throws(TraceError) {
    // Every event takes at least its kind's byte, so a count beyond the raw size is a lie.
    guard header.eventCount <= Self.maximumEventCount, header.eventCount <= raw.count else {
      throw .blockTooLarge(offset: offset, rawSize: UInt64(header.eventCount))
    }
    firstEvent = header.firstEvent
    events = [Event](repeating: Event(EventKind(rawValue: 0)), count: Int(header.eventCount))
    payload = []
    var column = "column directory"
    do {
      var reader = ByteReader(raw)
      for entry in try ColumnEntry.readDirectory(&reader, at: offset) {
        column = "column \(entry.id)"
        let bytes = try reader.readBytes(entry.byteLength)
        try decode(entry, bytes, at: offset)
      }
      guard reader.isAtEnd else { throw TraceError.malformed(offset: offset, what: "tail", nil) }
      accumulateTimes(from: header.firstTime)
      try placePayloads(at: offset)
    } catch let error as TraceError {
      throw error
    } catch {
      throw .malformed(offset: offset, what: column, error as? ByteReaderError)
    }
  }

  private mutating func decode(
    _ entry: ColumnEntry, _ bytes: ArraySlice<UInt8>, at offset: UInt64
  ) throws {
    guard let column = Column(rawValue: entry.id),
      entry.encoding == column.encoding.rawValue
    else {
      if entry.isRequired {
        throw TraceError.unknownRequiredColumn(offset: offset, column: entry.id)
      }
      skippedColumns += 1
      return
    }
    if column == .payload {
      payload = Array(bytes)
      return
    }
    var reader = ByteReader(bytes)
    try decode(column, &reader)
    guard reader.isAtEnd else {
      throw TraceError.malformed(offset: offset, what: "column \(entry.id)", nil)
    }
  }

  private mutating func decode(
    _ column: Column, _ reader: inout ByteReader
  ) throws {
    switch column {
    case .kind: try each(&reader) { $0.kind = EventKind(rawValue: try $1.read()) }
    case .flags: try each(&reader) { $0.flags = EventFlags(rawValue: try $1.read()) }
    case .stream: try each(&reader) { $0.stream = try $1.read() }
    case .width: try each(&reader) { $0.width = try $1.read() }
    case .vcpu: try each(&reader) { $0.vcpu = UInt16(try $1.readCount(limit: Int(UInt16.max))) }
    case .count: try each(&reader) { $0.count = UInt32(try $1.readCount(limit: 1 << 24)) }
    case .address: try each(&reader) { $0.address = try $1.readVarint() }
    case .value: try each(&reader) { $0.value = try $1.readVarint() }
    case .payloadLength:
      try each(&reader) {
        $0.payloadLength = UInt32(try $1.readCount(limit: BlockHeader.maximumRawSize))
      }
    case .arithmeticFlags:
      try each(&reader) {
        $0.arithmeticFlags = UInt16(try $1.readCount(limit: Int(UInt16.max)))
      }
    case .check: try each(&reader) { $0.check = try $1.read() }
    case .digest:
      try each(&reader) { if $0.flags.contains(.fullDigest) { $0.digest = try $1.read() } }
    case .ripDelta:
      var previous: UInt64 = 0
      try each(&reader) {
        previous &+= UInt64(bitPattern: ZigZag.decode(try $1.readVarint()))
        $0.rip = previous
      }
    case .timestampDelta:
      var previous: UInt64 = 0
      try each(&reader) {
        previous &+= UInt64(bitPattern: ZigZag.decode(try $1.readVarint()))
        $0.timestamp = previous
      }
    case .gap:
      try each(&reader) { $0.entryTime = UInt64(bitPattern: ZigZag.decode(try $1.readVarint())) }
    case .slice:
      try each(&reader) { $0.exitTime = UInt64(bitPattern: ZigZag.decode(try $1.readVarint())) }
    case .payload: break
    }
  }

  private mutating func each(
    _ reader: inout ByteReader,
    _ body: (inout Event, inout ByteReader) throws -> Void
  ) throws {
    for index in events.indices { try body(&events[index], &reader) }
  }

  /// Turns the gaps and slices just read into entry and exit times.
  private mutating func accumulateTimes(from firstTime: UInt64) {
    var previous = firstTime
    for index in events.indices {
      let entry = previous &+ events[index].entryTime
      previous = entry &+ events[index].exitTime
      events[index].entryTime = entry
      events[index].exitTime = previous
    }
  }

  private mutating func placePayloads(at offset: UInt64) throws {
    var next = 0
    for index in events.indices {
      events[index].payloadOffset = UInt32(next)
      next += Int(events[index].payloadLength)
      guard next <= payload.count else {
        throw TraceError.malformed(offset: offset, what: "payload length", nil)
      }
    }
    guard next == payload.count else {
      throw TraceError.malformed(offset: offset, what: "payload length", nil)
    }
  }
}
