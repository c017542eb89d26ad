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
  /// Samples of batches that the rows do not have yet.
  private var samples: [UInt64] = []
  private var ticks = TickCounts()
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
    for exit in 0..<batch.count {
      let place = batch.rows[exit]
      let kind = EventKind(rawValue: UInt8(truncatingIfNeeded: run.kinds[place]))
      guard filter.holds(kind), let row = index.row(of: exit, batch, of: run) else {
        rowsOfBatch[exit] = -1
        continue
      }
      if row == rows.count { addRow() }
      rowsOfBatch[exit] = row
      samples[row] &+= 1
      if readsWidths, kind.movesBytes {
        rows[row].byteCount &+= run.widths[place] &* max(1, run.counts[place])
      }
    }
    overflow.removeAll(keepingCapacity: true)
    ticks.add(batch, rows: rowsOfBatch, overflow: &overflow)
    for (exit, isInGuest) in overflow {
      if isInGuest {
        rows[rowsOfBatch[exit]].inGuest.add(batch.inGuest[exit])
      } else {
        rows[rowsOfBatch[exit]].handling.add(batch.handling[exit])
      }
    }
    if ticks.isFull { flush() }
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
      rows[row].samples &+= 1
      rows[row].handling.add(batch.handling[exit])
      rows[row].inGuest.add(batch.inGuest[exit])
      let flags = KernelExitFlags(rawValue: UInt8(truncatingIfNeeded: run.flags[exit]))
      rows[row].outcomes.count(ExitSample.outcome(flags))
      rows[row].hasOutcomes = true
    }
  }

  private mutating func addRow() {
    rows.append(Row())
    samples.append(0)
    if rows.count <= TickCounts.maximumRows { ticks.addRow() }
  }

  private mutating func flush() {
    for row in rows.indices {
      rows[row].samples &+= samples[row]
      samples[row] = 0
      var (handling, inGuest) = (rows[row].handling, rows[row].inGuest)
      ticks.flush(row, handling: &handling, inGuest: &inGuest)
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
