public import Trace

/// Fills an ``ExitTable`` exit by exit.
public struct ExitTabulator: ExitObserver {
  private struct Row {
    var samples: UInt64 = 0
    var byteCount: UInt64 = 0
    var handling = DurationAccumulator()
    var inGuest = DurationAccumulator()
    var outcomes = ExitRow.Outcomes()
    var hasOutcomes = false
  }

  /// Which exits it counts.
  public let filter: ExitFilter
  private let countsBytes: Bool
  /// Whether a run's widths are there for batches.
  private let readsWidths: Bool
  private var index: ExitRowIndex
  private var rows: [Row] = []
  /// Bytes moved by exits of batches that the rows do not have yet.
  private var byteCounts: [UInt64] = []
  private var ticks = TickCounts()
  /// The times of kernel exits of batches that the rows do not have yet.
  private var cache = DurationCache()
  private var evicted: [DurationCache.Evicted] = []
  private var overflow: [(exit: Int, isInGuest: Bool)] = []
  private var rowsOfBatch = [Int](repeating: -1, count: EventRun.capacity)

  /// Makes an empty table.
  ///
  /// - Parameters:
  ///   - filter: the exits to count; `nil` for those that fit the dimensions.
  ///   - dimensions: at most four are told apart; none for the filter's own.
  ///   - countsBytes: whether to read what bytes moved are counted from, should nothing else need
  ///     it; without, they may be 0.
  public init(
    _ filter: ExitFilter? = nil, by dimensions: [ExitDimension] = [], _ names: ExitNames,
    countsBytes: Bool = true
  ) {
    let filter = filter ?? ExitFilter(fitting: dimensions)
    self.filter = filter
    self.countsBytes = countsBytes
    index = ExitRowIndex(dimensions.isEmpty ? [filter.defaultDimension] : dimensions, names)
    readsWidths = countsBytes || filter != .vmexit || index.columns.contains(.width)
  }

  /// What it tells exits apart by.
  public var dimensions: [ExitDimension] { index.dimensions }

  /// The columns it needs.
  public var columns: Set<EventColumn> {
    let needed = countsBytes ? index.columns.union([.width, .count]) : index.columns
    return filter == .vmexit ? needed : needed.union([.address, .width, .count, .waited])
  }

  /// Counts an exit.
  @inline(__always)
  public mutating func observe(_ exit: borrowing ExitSample) {
    guard filter.holds(exit) else { return }
    count(exit)
  }

  /// Counts an injected interrupt.
  public mutating func observe(interrupt: borrowing ExitSample) {
    if filter == .irq { count(interrupt) }
  }

  /// Whether its exits may come in batches: those of the runner that are no interrupts or HLTs.
  public var takesBatches: Bool { filter != .irq && filter != .hlt && !needsSamples }

  private var needsSamples: Bool { dimensions.contains { $0 == .wake || $0 == .vector } }

  /// Counts a batch of exits.
  public mutating func observe(_ batch: borrowing ExitBatch, of run: borrowing EventRun) {
    if filter != .vmexit || !index.isByReasonOnly
      || !index.findRows(ofFirst: batch.count, of: run, into: &rowsOfBatch)
    {
      findRows(ofFirst: batch.count, of: run)
    }
    if readsWidths {
      Self.addBytes(ofFirst: batch.count, of: run, rows: rowsOfBatch, to: &byteCounts)
    }
    overflow.removeAll(keepingCapacity: true)
    ticks.add(batch, rows: rowsOfBatch, overflow: &overflow)
    for (exit, isInGuest) in overflow {
      if isInGuest {
        rows[rowsOfBatch[exit]].inGuest.add(batch.inGuest[exit])
      } else {
        rows[rowsOfBatch[exit]].samples &+= 1
        rows[rowsOfBatch[exit]].handling.add(batch.handling[exit])
      }
    }
    if ticks.isFull { flush() }
  }

  private mutating func findRows(ofFirst count: Int, of run: borrowing EventRun) {
    for exit in 0..<count {
      let kind = EventKind(rawValue: UInt8(truncatingIfNeeded: run.kinds[run.exitRows[exit]]))
      guard filter.holds(kind), let row = index.row(of: exit, of: run) else {
        rowsOfBatch[exit] = -1
        continue
      }
      if row == rows.count { addRow() }
      rowsOfBatch[exit] = row
    }
  }

  private static func addBytes(
    ofFirst count: Int, of run: borrowing EventRun, rows: [Int], to byteCounts: inout [UInt64]
  ) {
    let places = run.exitRows.span.extracting(..<count)
    let (kinds, widths, counts) = (run.kinds.span, run.widths.span, run.counts.span)
    let rows = rows.span.extracting(..<count)
    var byteCounts = byteCounts.mutableSpan
    for exit in places.indices where rows[exit] >= 0 {
      let place = places[exit]
      let kind = EventKind(rawValue: UInt8(truncatingIfNeeded: kinds[place]))
      let moved = widths[place] &* max(1, counts[place])
      byteCounts[rows[exit]] &+= kind.movesBytes ? moved : 0
    }
  }

  /// Counts a batch of kernel exits.
  public mutating func observe(_ batch: borrowing ExitBatch, of run: borrowing KernelExitRun) {
    guard filter == .vmexit, index.isByReasonOnly else {
      for exit in 0..<batch.count { observe(ExitSample(run, exit, batch: batch)) }
      return
    }
    for exit in 0..<batch.count {
      let row = index.row(isa: run.isas[exit], reason: run.reasons[exit])
      if row == rows.count { addRow() }
      rowsOfBatch[exit] = row
    }
    cache.reserve(rows.count - 1)
    evicted.removeAll(keepingCapacity: true)
    cache.add(batch, rows: rowsOfBatch, evicted: &evicted)
    for time in evicted {
      if time.isInGuest {
        rows[time.row].inGuest.add(time.entry.nanoseconds, count: time.entry.count)
      } else {
        rows[time.row].handling.add(time.entry.nanoseconds, count: time.entry.count)
      }
    }
    Self.count(batch.count, of: run, rowsOfBatch, readsWidths, in: &rows)
  }

  /// Counts the first kernel exits of a run but for their times.
  private static func count(
    _ count: Int, of run: borrowing KernelExitRun, _ rowsOfBatch: [Int], _ readsWidths: Bool,
    in rows: inout [Row]
  ) {
    let rowsOfBatch = rowsOfBatch.span.extracting(..<count)
    let flags = run.flags.span
    var rows = rows.mutableSpan
    for exit in rowsOfBatch.indices {
      let row = rowsOfBatch[exit]
      let flags = KernelExitFlags(rawValue: UInt8(truncatingIfNeeded: flags[exit]))
      rows[row].samples &+= 1
      rows[row].outcomes.count(ExitSample.outcome(flags))
      rows[row].hasOutcomes = true
      if readsWidths { rows[row].byteCount &+= ExitSample.byteCount(of: run, exit) }
    }
  }

  private mutating func addRow() {
    rows.append(Row())
    byteCounts.append(0)
    if rows.count <= TickCounts.maximumRows { ticks.addRow() }
  }

  private mutating func flush() {
    for row in rows.indices {
      rows[row].byteCount &+= byteCounts[row]
      byteCounts[row] = 0
      var (handling, inGuest) = (rows[row].handling, rows[row].inGuest)
      let counted = handling.count
      ticks.flush(row, handling: &handling, inGuest: &inGuest)
      // All exits of batches have a handling time.
      rows[row].samples &+= handling.count &- counted
      cache.flush(row, handling: &handling, inGuest: &inGuest)
      (rows[row].handling, rows[row].inGuest) = (handling, inGuest)
    }
  }

  @inline(__always)
  private mutating func count(_ exit: borrowing ExitSample) {
    guard let row = index.row(of: exit) else { return }
    if row == rows.count { addRow() }
    rows[row].samples &+= 1
    rows[row].byteCount &+= exit.byteCount
    if exit.traits.contains(.handlingTime) { rows[row].handling.add(exit.handlingNanoseconds) }
    if exit.traits.contains(.guestTime) { rows[row].inGuest.add(exit.guestNanoseconds) }
    if exit.reason.isa != 0 {
      rows[row].outcomes.count(exit.traits)
      rows[row].hasOutcomes = true
    }
  }

  /// The table so far.
  ///
  /// - Parameter hasHistograms: whether rows get their histograms.
  public func table(hasHistograms: Bool = false) -> ExitTable {
    var table = ExitTable()
    table.event = filter
    table.dimensions = dimensions
    table.foldedSamples = index.foldedSamples
    var flushed = self
    flushed.flush()
    let rows = flushed.rows
    for row in rows {
      table.samples &+= row.samples
      table.totalNanoseconds = table.totalNanoseconds.addingSaturated(row.handling.total)
    }
    table.rows = rows.indices.map { place in
      let row = rows[place]
      var made = ExitRow()
      made.cells = index.cells(place)
      made.label = index.label(place)
      made.samples = row.samples
      made.samplesPercent = Self.percent(row.samples, of: table.samples)
      made.timePercent = Self.percent(row.handling.total, of: table.totalNanoseconds)
      made.byteCount = row.byteCount
      made.handling = row.handling.summary
      made.inGuest = row.inGuest.summary
      made.outcomes = row.hasOutcomes ? row.outcomes : nil
      if hasHistograms { made.histogram = row.handling.buckets }
      return made
    }
    table.rows = ExitSortKey.sample.sorted(table.rows)
    return table
  }

  private static func percent(_ part: UInt64, of whole: UInt64) -> Double {
    whole > 0 ? 100 * Double(part) / Double(whole) : 0
  }
}

extension ExitRow.Outcomes {
  @inline(__always)
  fileprivate mutating func count(_ traits: ExitSample.Traits) {
    handledByKernel &+= traits.contains(.handledByKernel) ? 1 : 0
    returned &+= traits.contains(.returned) ? 1 : 0
    interrupted &+= traits.contains(.interrupted) ? 1 : 0
  }
}

/// Fills several tables in one pass.
public struct ExitTabulators: ExitObserver {
  /// The tables.
  public var all: [ExitTabulator]

  /// Fills these.
  public init(_ all: [ExitTabulator]) {
    self.all = all
  }

  /// The columns it needs.
  public var columns: Set<EventColumn> { all.reduce(into: []) { $0.formUnion($1.columns) } }

  /// Counts an exit.
  public mutating func observe(_ exit: borrowing ExitSample) {
    for index in all.indices { all[index].observe(exit) }
  }

  /// Counts an injected interrupt.
  public mutating func observe(interrupt: borrowing ExitSample) {
    for index in all.indices { all[index].observe(interrupt: interrupt) }
  }
}
