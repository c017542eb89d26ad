internal import Bytes

/// Turns events into blocks of columns; kept by a writer for its memory.
struct EventBlockEncoder {
  private var columns: ColumnBlockWriter
  private var values: [UInt64] = []

  init(_ compressor: FrameCompressor) {
    columns = ColumnBlockWriter(compressor)
  }

  /// The stored bytes of a block of events, and their size before compression.
  ///
  /// Times are rounded down to ``Event/timeResolution``.
  mutating func encode(
    _ events: UnsafeBufferPointer<Event>, payload: UnsafeRawBufferPointer, firstTime: UInt64
  ) -> (stored: [UInt8], rawSize: Int) {
    let present = unsafe Self.presentColumns(events)
    for column in EventColumn.allCases where present.contains(column) {
      values.removeAll(keepingCapacity: true)
      unsafe collect(column, of: events, firstTime: firstTime)
      unsafe values.withUnsafeBufferPointer {
        unsafe columns.append(
          id: column.rawValue, encoding: column.encoding, isRequired: column.isRequired,
          // Never left out: a reader holds the event count against the bytes there are.
          mayBeAbsent: column != .kind, $0)
      }
      if column == .payload, unsafe !payload.isEmpty {
        unsafe columns.append(
          id: column.rawValue, encoding: .bytes, isRequired: true, bytes: payload)
      }
    }
    return columns.finish()
  }

  /// The columns that may hold anything: most events use few, and a look at all takes one pass.
  private static func presentColumns(_ events: UnsafeBufferPointer<Event>) -> Set<EventColumn> {
    var union = Event(EventKind(rawValue: 0))
    for index in events.indices {
      let event = unsafe events[index]
      union.vcpu |= event.vcpu
      union.stream |= event.stream
      union.count |= event.count
      union.payloadLength |= event.payloadLength
      union.timestamp |= event.timestamp
      union.device |= event.device
      union.image |= event.image
      union.waited |= event.waited
    }
    var present = Set(EventColumn.allCases)
    if union.vcpu == 0 { present.remove(.vcpu) }
    if union.stream == 0 { present.remove(.stream) }
    if union.count == 0 { present.remove(.count) }
    if union.payloadLength == 0 { present.remove(.payloadLength) }
    if union.timestamp == 0 { present.remove(.timestampDelta) }
    if union.device == 0 { present.remove(.device) }
    if union.image == 0 { present.remove(.image) }
    if union.waited == 0 { present.remove(.waited) }
    return present
  }

  private mutating func collect(
    _ column: EventColumn, of events: UnsafeBufferPointer<Event>, firstTime: UInt64
  ) {
    switch column {
    case .kind: unsafe each(events) { UInt64($0.kind.rawValue) }
    case .flags: unsafe each(events) { UInt64($0.storedFlags.rawValue) }
    case .stream: unsafe each(events) { UInt64($0.stream) }
    case .width: unsafe each(events) { UInt64($0.width) }
    case .vcpu: unsafe each(events) { UInt64($0.vcpu) }
    case .count: unsafe each(events) { UInt64($0.count) }
    case .address: unsafe each(events) { $0.address }
    case .value: unsafe each(events) { $0.value }
    case .payloadLength: unsafe each(events) { UInt64($0.payloadLength) }
    case .device: unsafe each(events) { UInt64($0.device) }
    case .image: unsafe each(events) { UInt64($0.image) }
    case .waited: unsafe each(events) { UInt64($0.waited) }
    case .check: unsafe each(events, where: { $0.kind.isExit }) { UInt64($0.check) }
    case .arithmeticFlags:
      unsafe each(events, where: { $0.kind.isExit }) { UInt64($0.arithmeticFlags) }
    case .digest: unsafe each(events, where: { $0.flags.contains(.fullDigest) }) { $0.digest }
    case .ripDelta:
      var previous: UInt64 = 0
      unsafe each(events, where: { $0.kind.isExit }) { Self.difference($0.rip, &previous) }
    case .timestampDelta:
      var previous: UInt64 = 0
      unsafe each(events, where: { $0.timestamp != 0 }) {
        Self.difference($0.timestamp, &previous)
      }
    case .gap:
      var previous = firstTime / Event.timeResolution
      unsafe each(events, where: { $0.kind.isExit }) { event in
        defer { previous = event.exitTime / Event.timeResolution }
        return ZigZag.encode(
          Int64(bitPattern: event.entryTime / Event.timeResolution &- previous))
      }
    case .slice:
      unsafe each(events, where: { $0.kind.isExit }) {
        ZigZag.encode(
          Int64(
            bitPattern: $0.exitTime / Event.timeResolution &- $0.entryTime / Event.timeResolution))
      }
    case .payload: break
    }
  }

  private static func difference(_ value: UInt64, _ previous: inout UInt64) -> UInt64 {
    defer { previous = value }
    return ZigZag.encode(Int64(bitPattern: value &- previous))
  }

  @inline(__always)
  private mutating func each(
    _ events: UnsafeBufferPointer<Event>, where isIncluded: (Event) -> Bool = { _ in true },
    _ field: (Event) -> UInt64
  ) {
    for index in events.indices where unsafe isIncluded(events[index]) {
      unsafe values.append(field(events[index]))
    }
  }
}

extension Event {
  /// The flags as they are stored: an event's timestamp has its own.
  fileprivate var storedFlags: EventFlags { timestamp == 0 ? flags : flags.union(.timestamp) }
}
