/// Some fields of consecutive events, each in an array of its own: what a scan of a reel hands
/// out, so that it decodes the columns it needs and makes no events.
///
/// Arrays of all events have ``count`` entries that count, those of exits ``exitCount``: entry k is
/// of the run's k-th exit. What lies behind is left over. Fields whose column was not asked for, or
/// is not stored, are 0.
public struct EventRun {
  /// The most events of a run.
  public static let capacity = 512

  /// The index of the first event.
  public internal(set) var firstEvent: EventIndex = 0
  /// The events.
  public internal(set) var count = 0
  /// The exits among them.
  public internal(set) var exitCount = 0
  /// Whether all events are of vCPU 0.
  public internal(set) var isFirstVCPU = false
  /// The payloads of the whole block, one after the other.
  public internal(set) var payload: [UInt8] = []

  /// The place of each exit in the arrays of all events.
  public internal(set) var exitRows = [Int](repeating: 0, count: capacity)
  /// The numbers of the kinds (``EventKind/rawValue``).
  public internal(set) var kinds = Self.column
  /// The vCPUs.
  public internal(set) var vcpus = Self.column
  /// The console streams.
  public internal(set) var streams = Self.column
  /// Bytes per element.
  public internal(set) var widths = Self.column
  /// Elements of string accesses.
  public internal(set) var counts = Self.column
  /// Ports, addresses, MSR indices, vectors, causes.
  public internal(set) var addresses = Self.column
  /// The data of single elements.
  public internal(set) var values = Self.column
  /// Bytes of payload of each.
  public internal(set) var payloadLengths = Self.column
  /// Events for which an injected interrupt had been pending.
  public internal(set) var waits = Self.column
  /// RIP at each exit.
  public internal(set) var rips = Self.column
  /// Host nanoseconds at the entry before each exit.
  public internal(set) var entryTimes = Self.column
  /// Host nanoseconds at each exit.
  public internal(set) var exitTimes = Self.column

  private static let column = [UInt64](repeating: 0, count: capacity)

  /// A run without events, to be filled by ``Reel/forEachRun(of:_:in:_:)``.
  public init() {}

  /// Hands out the array of a column, unless a run has none for it: a switch, since key paths
  /// would take a twentieth of a scan.
  mutating func withField(_ column: EventColumn, _ body: (inout [UInt64]) -> Void) {
    switch column {
    case .kind: body(&kinds)
    case .vcpu: body(&vcpus)
    case .stream: body(&streams)
    case .width: body(&widths)
    case .count: body(&counts)
    case .address: body(&addresses)
    case .value: body(&values)
    case .payloadLength: body(&payloadLengths)
    case .waited: body(&waits)
    case .ripDelta: body(&rips)
    case .gap: body(&entryTimes)
    case .slice: body(&exitTimes)
    default: break
    }
  }
}

extension Reel {
  /// Hands the events of a block to a closure, a run at a time.
  ///
  /// - Parameters:
  ///   - columns: what to read besides the kinds; times are there when both their columns are.
  ///   - run: its memory is used, and can be used again for the next block.
  /// - Throws: the ``TraceError`` of a damaged block, before any run of it.
  public func forEachRun(
    of block: BlockDescriptor, _ columns: Set<EventColumn>, in run: inout EventRun,
    _ body: (borrowing EventRun) -> Void
  ) throws(TraceError) {
    var reader = try EventColumnReader(
      try storedBytes(of: block), header: block.header, at: block.offset,
      wanted: columns.union([.kind]), with: decompressor)
    let absent = EventColumn.allCases.filter { !reader.has($0) }
    for column in absent { run.clear(column) }
    run.firstEvent = block.header.firstEvent
    run.payload = reader.payload
    run.isFirstVCPU = columns.contains(.vcpu) && !reader.has(.vcpu)
    var left = Int(block.header.eventCount)
    while left > 0 {
      run.count = min(left, EventRun.capacity)
      // Where differences would stand, the run before left the times they were summed up to.
      for column in absent where column == .gap || column == .slice { run.clear(column) }
      reader.read(into: &run)
      body(run)
      run.firstEvent &+= UInt64(run.count)
      left -= run.count
    }
  }
}

extension EventColumnReader {
  /// Reads the next `count` events into a run.
  fileprivate mutating func read(into run: inout EventRun) {
    run.exitCount = 0
    forEachColumn { column, values in
      // The kinds come first, so the number of exits is known when their columns come.
      let rows = column.rows == .exits ? run.exitCount : run.count
      run.withField(column) { field in
        unsafe field.withUnsafeMutableBufferPointer {
          unsafe values.read(into: UnsafeMutableBufferPointer(rebasing: $0[..<rows]))
        }
      }
      if column == .kind {
        run.exitCount = EventRun.findExits(run.kinds, run.count, &run.exitRows)
      }
    }
    if has(.ripDelta) { sumRIPs(&run.rips, run.exitCount) }
    sumTimes(&run.entryTimes, &run.exitTimes, run.exitCount)
  }
}

extension EventRun {
  /// Zeroes the array of a column that is not read.
  fileprivate mutating func clear(_ column: EventColumn) {
    withField(column) { field in
      for index in 0..<Self.capacity { field[index] = 0 }
    }
  }

  /// Finds the exits without branches: every event's place is written, and that of an exit stays.
  fileprivate static func findExits(
    _ kinds: [UInt64], _ count: Int, _ exitRows: inout [Int]
  ) -> Int {
    let kinds = kinds.span.extracting(..<count)
    var rows = exitRows.mutableSpan
    var exits = 0
    for row in kinds.indices {
      rows[exits] = row
      let kind = EventKind(rawValue: UInt8(truncatingIfNeeded: kinds[row]))
      exits &+= kind.isExit ? 1 : 0
    }
    return exits
  }
}
