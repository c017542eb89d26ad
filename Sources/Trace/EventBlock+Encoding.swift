internal import Bytes

extension EventBlock {
  /// Encodes events to the raw bytes of a block of columns.
  public static func encode(
    _ events: UnsafeBufferPointer<Event>, payload: UnsafeRawBufferPointer, firstTime: UInt64
  ) -> [UInt8] {
    var block = ColumnBlockWriter(reservingCapacity: events.count * 32 + payload.count)
    for column in Column.allCases {
      block.append(
        id: column.rawValue, encoding: column.encoding, isRequired: column.isRequired
      ) { body in
        unsafe append(column, of: events, payload: payload, firstTime: firstTime, to: &body)
      }
    }
    return block.finish()
  }

  /// Appends one column and says whether it held nothing but the default.
  private static func append(
    _ column: Column, of events: UnsafeBufferPointer<Event>, payload: UnsafeRawBufferPointer,
    firstTime: UInt64, to body: inout ByteWriter
  ) -> Bool {
    switch column {
    case .kind:
      // Never left out: a reader holds the event count against the bytes there are.
      _ = unsafe appendBytes(events, to: &body) { $0.kind.rawValue }
      return events.isEmpty
    case .flags: return unsafe appendBytes(events, to: &body) { $0.flags.rawValue }
    case .stream: return unsafe appendBytes(events, to: &body) { $0.stream }
    case .width: return unsafe appendBytes(events, to: &body) { $0.width }
    case .vcpu: return unsafe appendVarints(events, to: &body) { UInt64($0.vcpu) }
    case .count: return unsafe appendVarints(events, to: &body) { UInt64($0.count) }
    case .address: return unsafe appendVarints(events, to: &body) { $0.address }
    case .value: return unsafe appendVarints(events, to: &body) { $0.value }
    case .payloadLength:
      return unsafe appendVarints(events, to: &body) { UInt64($0.payloadLength) }
    case .ripDelta: return unsafe appendDeltas(events, to: &body) { $0.rip }
    case .arithmeticFlags:
      return unsafe appendVarints(events, to: &body) { UInt64($0.arithmeticFlags) }
    case .timestampDelta: return unsafe appendDeltas(events, to: &body) { $0.timestamp }
    case .gap:
      var previous = firstTime
      return unsafe appendVarints(events, to: &body) { event in
        defer { previous = event.exitTime }
        return ZigZag.encode(Int64(bitPattern: event.entryTime &- previous))
      }
    case .slice:
      return unsafe appendVarints(events, to: &body) {
        ZigZag.encode(Int64(bitPattern: $0.exitTime &- $0.entryTime))
      }
    case .check:
      var isAllDefault = true
      for index in events.indices {
        let check = unsafe events[index].check
        body.append(check)
        isAllDefault = isAllDefault && check == 0
      }
      return isAllDefault
    case .digest:
      let start = body.count
      for index in events.indices where unsafe events[index].flags.contains(.fullDigest) {
        unsafe body.append(events[index].digest)
      }
      return body.count == start
    case .payload:
      unsafe body.append(bytes: payload)
      return unsafe payload.isEmpty
    }
  }

  private static func appendBytes(
    _ events: UnsafeBufferPointer<Event>, to body: inout ByteWriter, _ field: (Event) -> UInt8
  ) -> Bool {
    var union: UInt8 = 0
    for index in events.indices {
      let value = unsafe field(events[index])
      union |= value
      body.append(value)
    }
    return union == 0
  }

  private static func appendDeltas(
    _ events: UnsafeBufferPointer<Event>, to body: inout ByteWriter, _ field: (Event) -> UInt64
  ) -> Bool {
    var previous: UInt64 = 0
    return unsafe appendVarints(events, to: &body) { event in
      let value = field(event)
      defer { previous = value }
      return ZigZag.encode(Int64(bitPattern: value &- previous))
    }
  }

  private static func appendVarints(
    _ events: UnsafeBufferPointer<Event>, to body: inout ByteWriter, _ field: (Event) -> UInt64
  ) -> Bool {
    var union: UInt64 = 0
    for index in events.indices {
      let value = unsafe field(events[index])
      union |= value
      body.append(varint: value)
    }
    return union == 0
  }
}
