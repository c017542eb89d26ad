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

  /// Decodes the stored bytes of an event block.
  ///
  /// - Throws: `malformed`, `unknownRequiredColumn` or `blockTooLarge`; never traps.
  init(
    decoding stored: [UInt8], header: BlockHeader, at offset: UInt64,
    with decompressor: FrameDecompressor = FrameDecompressor()
  ) throws(TraceError) {
    var reader = try EventColumnReader(stored, header: header, at: offset, with: decompressor)
    firstEvent = header.firstEvent
    events = [Event](repeating: Event(EventKind(rawValue: 0)), count: Int(header.eventCount))
    unsafe events.withUnsafeMutableBufferPointer { unsafe reader.read(into: $0) }
    payload = reader.payload
    skippedColumns = reader.skippedColumns
    try placePayloads(at: offset)
  }

  private mutating func placePayloads(at offset: UInt64) throws(TraceError) {
    var next = 0
    for index in events.indices where events[index].payloadLength > 0 {
      events[index].payloadOffset = UInt32(next)
      next += Int(events[index].payloadLength)
      guard next <= payload.count else { break }
    }
    guard next == payload.count else {
      throw .malformed(offset: offset, what: "payload length", nil)
    }
  }
}

/// Reads the columns of an event block, a run of events at a time, so that the run stays in the
/// processor's cache while each column puts its field into it.
struct EventColumnReader {
  /// Events of a run.
  private static let runLength = 512

  private(set) var payload: [UInt8] = []
  private(set) var skippedColumns = 0
  private var columns: [(column: EventColumn, values: ColumnValues)] = []
  private var rip: UInt64 = 0
  private var timestamp: UInt64 = 0
  private var time: UInt64

  /// Takes a block's columns, all or those that are wanted.
  init(
    _ stored: [UInt8], header: BlockHeader, at offset: UInt64, wanted: Set<EventColumn>? = nil,
    with decompressor: FrameDecompressor = FrameDecompressor()
  ) throws(TraceError) {
    // Every event takes at least its kind's byte, so a count beyond the raw size is a lie.
    let count = Int(header.eventCount)
    guard count <= EventBlock.maximumEventCount, count <= Int(header.rawSize) else {
      throw .blockTooLarge(offset: offset, rawSize: UInt64(count))
    }
    time = header.firstTime
    let stored = try StoredColumns(stored, header: header, at: offset, with: decompressor)
    let known = try Self.known(stored.entries, at: offset)
    skippedColumns = stored.entries.count - known.count
    let needsFlags = wanted?.isDisjoint(with: [.digest, .timestampDelta]) == false
    let rows = try RowCounts(
      stored, known, count: count, needsFlags: wanted == nil || needsFlags, at: offset)
    for (column, entry) in known where wanted?.contains(column) ?? true {
      if column == .payload {
        payload = try stored.rawBytes(of: entry)
      } else if column == .kind, let kinds = rows.kinds {
        columns.append((column, kinds))
      } else {
        let values = try stored.values(of: entry, count: rows[column.rows], limit: column.limit)
        columns.append((column, values))
      }
    }
  }

  /// All entries of a column; `nil` when it is not there, so that all are zero.
  static func values(
    of column: EventColumn, _ stored: [UInt8], header: BlockHeader, at offset: UInt64
  ) throws(TraceError) -> [UInt64]? {
    let stored = try StoredColumns(stored, header: header, at: offset)
    let count = min(Int(header.eventCount), EventBlock.maximumEventCount)
    let known = try known(stored.entries, at: offset)
    guard let entry = known.first(where: { $0.0 == column })?.1 else { return nil }
    let rows =
      column.rows == .all
      ? count
      : try RowCounts(stored, known, count: count, needsFlags: true, at: offset)[column.rows]
    return try stored.values(of: entry, count: rows, limit: column.limit).values()
  }

  /// The columns this version knows; others may be skipped unless they say no.
  static func known(
    _ entries: [ColumnEntry], at offset: UInt64
  ) throws(TraceError) -> [(EventColumn, ColumnEntry)] {
    var known: [(EventColumn, ColumnEntry)] = []
    for entry in entries {
      if let column = EventColumn(rawValue: entry.id),
        column.encoding.rawValue == entry.encoding
      {
        known.append((column, entry))
      } else if entry.isRequired {
        throw .unknownRequiredColumn(offset: offset, column: entry.id)
      }
    }
    return known
  }

  /// Fills events whose fields are all zero; as many as the block has.
  mutating func read(into events: UnsafeMutableBufferPointer<Event>) {
    let scratch = UnsafeMutableBufferPointer<UInt64>.allocate(capacity: Self.runLength)
    defer { unsafe scratch.deallocate() }
    var start = 0
    while start < events.count {
      let end = min(start + Self.runLength, events.count)
      let run = unsafe UnsafeMutableBufferPointer(rebasing: events[start..<end])
      for index in columns.indices {
        let column = columns[index].column
        let rows = unsafe Self.rows(column.rows, of: run)
        let values = unsafe UnsafeMutableBufferPointer(rebasing: scratch[..<rows])
        unsafe columns[index].values.read(into: values)
        unsafe put(column, UnsafeBufferPointer(values), into: run)
      }
      unsafe accumulateTimes(run)
      start = end
    }
  }

  /// Whether a column is there and was wanted.
  func has(_ column: EventColumn) -> Bool { columns.contains { $0.column == column } }

  /// Hands out each column in order, to read its next entries from.
  mutating func forEachColumn(_ body: (EventColumn, inout ColumnValues) -> Void) {
    for index in columns.indices { body(columns[index].column, &columns[index].values) }
  }

  /// Turns the differences of a run's RIPs into RIPs.
  mutating func sumRIPs(_ rips: inout [UInt64], _ count: Int) {
    var rips = rips.mutableSpan
    for index in 0..<count {
      rip &+= rips[index]
      rips[index] = rip
    }
  }

  /// Turns a run's gaps and slices into times.
  mutating func sumTimes(
    _ gaps: inout [UInt64], _ slices: inout [UInt64], _ count: Int
  ) {
    var gaps = gaps.mutableSpan
    var slices = slices.mutableSpan
    for index in 0..<count {
      let entry = time &+ gaps[index] &* Event.timeResolution
      time = entry &+ slices[index] &* Event.timeResolution
      gaps[index] = entry
      slices[index] = time
    }
  }

  /// How many of a run's events have an entry in such a column.
  private static func rows(
    _ rows: EventColumn.Rows, of run: UnsafeMutableBufferPointer<Event>
  ) -> Int {
    var count = 0
    switch rows {
    case .all: return run.count
    case .exits: for index in run.indices where unsafe run[index].kind.isExit { count += 1 }
    case .digests:
      for index in run.indices where unsafe run[index].flags.contains(.fullDigest) { count += 1 }
    case .timestamps:
      for index in run.indices where unsafe run[index].flags.contains(.timestamp) { count += 1 }
    case .none: break
    }
    return count
  }

  private mutating func put(
    _ column: EventColumn, _ values: UnsafeBufferPointer<UInt64>,
    into run: UnsafeMutableBufferPointer<Event>
  ) {
    switch column {
    case .kind:
      unsafe each(values, run) { $0.kind = EventKind(rawValue: UInt8(truncatingIfNeeded: $1)) }
    case .flags:
      unsafe each(values, run) { $0.flags = EventFlags(rawValue: UInt8(truncatingIfNeeded: $1)) }
    case .stream: unsafe each(values, run) { $0.stream = UInt8(truncatingIfNeeded: $1) }
    case .width: unsafe each(values, run) { $0.width = UInt8(truncatingIfNeeded: $1) }
    case .vcpu: unsafe each(values, run) { $0.vcpu = UInt16(truncatingIfNeeded: $1) }
    case .device: unsafe each(values, run) { $0.device = UInt16(truncatingIfNeeded: $1) }
    case .image: unsafe each(values, run) { $0.image = UInt16(truncatingIfNeeded: $1) }
    case .waited: unsafe each(values, run) { $0.waited = UInt32(truncatingIfNeeded: $1) }
    case .count: unsafe each(values, run) { $0.count = UInt32(truncatingIfNeeded: $1) }
    case .address: unsafe each(values, run) { $0.address = $1 }
    case .value: unsafe each(values, run) { $0.value = $1 }
    case .payloadLength:
      unsafe each(values, run) { $0.payloadLength = UInt32(truncatingIfNeeded: $1) }
    case .check: unsafe eachExit(values, run) { $0.check = UInt8(truncatingIfNeeded: $1) }
    case .arithmeticFlags:
      unsafe eachExit(values, run) { $0.arithmeticFlags = UInt16(truncatingIfNeeded: $1) }
    case .ripDelta:
      var rip = rip
      unsafe eachExit(values, run) {
        rip &+= $1
        $0.rip = rip
      }
      self.rip = rip
    // Differences for now, until both are there.
    case .gap: unsafe eachExit(values, run) { $0.entryTime = $1 }
    case .slice: unsafe eachExit(values, run) { $0.exitTime = $1 }
    case .digest: unsafe eachFlagged(.fullDigest, values, run) { $0.digest = $1 }
    case .timestampDelta:
      var timestamp = timestamp
      unsafe eachFlagged(.timestamp, values, run) {
        timestamp &+= $1
        $0.timestamp = timestamp
      }
      self.timestamp = timestamp
    case .payload: break
    }
  }

  @inline(__always)
  private func each(
    _ values: UnsafeBufferPointer<UInt64>, _ run: UnsafeMutableBufferPointer<Event>,
    _ body: (inout Event, UInt64) -> Void
  ) {
    for index in run.indices { unsafe body(&run[index], values[index]) }
  }

  @inline(__always)
  private func eachExit(
    _ values: UnsafeBufferPointer<UInt64>, _ run: UnsafeMutableBufferPointer<Event>,
    _ body: (inout Event, UInt64) -> Void
  ) {
    var row = 0
    for index in run.indices where unsafe run[index].kind.isExit {
      unsafe body(&run[index], values[row])
      row += 1
    }
  }

  @inline(__always)
  private func eachFlagged(
    _ flag: EventFlags, _ values: UnsafeBufferPointer<UInt64>,
    _ run: UnsafeMutableBufferPointer<Event>, _ body: (inout Event, UInt64) -> Void
  ) {
    var row = 0
    for index in run.indices where unsafe run[index].flags.contains(flag) {
      unsafe body(&run[index], values[row])
      row += 1
    }
  }

  /// Turns the gaps and slices just read into entry and exit times; other events have the exit
  /// time before.
  private mutating func accumulateTimes(_ run: UnsafeMutableBufferPointer<Event>) {
    for index in run.indices {
      let entry = unsafe time &+ run[index].entryTime &* Event.timeResolution
      time = unsafe entry &+ run[index].exitTime &* Event.timeResolution
      unsafe run[index].entryTime = entry
      unsafe run[index].exitTime = time
      unsafe run[index].flags.remove(.timestamp)
    }
  }

  /// How many entries the columns of a block have, by which events they are for.
  private struct RowCounts {
    private var counts = [0, 0, 0, 0, 0]
    /// The column of kinds, so that it is decompressed once.
    private(set) var kinds: ColumnValues?

    subscript(_ rows: EventColumn.Rows) -> Int { counts[rows.rawValue] }

    init(
      _ stored: StoredColumns, _ known: [(EventColumn, ColumnEntry)], count: Int,
      needsFlags: Bool, at offset: UInt64
    ) throws(TraceError) {
      counts[EventColumn.Rows.all.rawValue] = count
      guard count > 0 else { return }
      guard let kind = known.first(where: { $0.0 == .kind }) else {
        throw .malformed(offset: offset, what: "column directory: it has no kinds", nil)
      }
      let kinds = try stored.values(of: kind.1, count: count, limit: kind.0.limit)
      self.kinds = kinds
      counts[EventColumn.Rows.exits.rawValue] = kinds.countBytes {
        EventKind(rawValue: $0).isExit
      }
      guard needsFlags, let flags = known.first(where: { $0.0 == .flags }) else { return }
      for value in try Self.values(of: flags, stored, count) {
        let flags = EventFlags(rawValue: UInt8(truncatingIfNeeded: value))
        if flags.contains(.fullDigest) { counts[EventColumn.Rows.digests.rawValue] += 1 }
        if flags.contains(.timestamp) { counts[EventColumn.Rows.timestamps.rawValue] += 1 }
      }
    }

    private static func values(
      of column: (EventColumn, ColumnEntry), _ stored: StoredColumns, _ count: Int
    ) throws(TraceError) -> [UInt64] {
      try stored.values(of: column.1, count: count, limit: column.0.limit).values()
    }
  }
}
