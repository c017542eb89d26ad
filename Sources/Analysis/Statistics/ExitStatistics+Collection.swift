public import Trace

extension ExitStatistics {
  /// Counts a reel in one pass over its events, its kernel exits or both.
  ///
  /// - Parameters:
  ///   - metadata: the reel's, whose names kernel exits get; `nil` for this version's.
  ///   - onProgress: told after each block how many events, or kernel exits, were walked over.
  /// - Throws: the ``TraceError`` of the first damaged block, unless those are skipped.
  public init(
    _ reel: Reel, _ query: Query = Query(), metadata: Metadata? = nil,
    onProgress: ((UInt64) -> Void)? = nil
  ) throws(TraceError) {
    var collection = StatisticsCollection(reel, query, metadata: metadata)
    collection.pass.onProgress = onProgress
    try collection.resume(reel)
    self = collection.finish(reel)
  }
}

/// Statistics in the making: of a whole reel, or of one that is still being recorded.
public struct StatisticsCollection {
  private let query: ExitStatistics.Query
  fileprivate var pass: StatisticsPass
  private var tables: StatisticsTables
  /// The kernel's exits beside the runner's.
  private var besides: (scan: KernelExitScan, table: ExitTabulator)?

  /// Prepares to count a reel.
  ///
  /// - Parameter metadata: the reel's, whose names kernel exits get; `nil` for this version's.
  public init(_ reel: Reel, _ query: ExitStatistics.Query, metadata: Metadata?) {
    self.query = query
    pass = StatisticsPass(reel, query, metadata: metadata)
    tables = StatisticsTables(query, pass.names)
    if pass.population == .runner, query.isOverview {
      besides = (KernelExitScan(reel, query.selection), ExitTabulator(.vmexit, pass.names))
    }
  }

  /// Counts what a reel has and was not counted yet.
  public mutating func resume(_ reel: Reel) throws(TraceError) {
    try pass.resume(reel, &tables)
    if var (scan, table) = besides {
      try scan.resume(reel, &table)
      besides = (scan, table)
    }
  }

  /// The statistics, once all was counted.
  public func finish(_ reel: Reel) -> ExitStatistics {
    var copy = self
    copy.pass.finish(&copy.tables)
    if var (scan, table) = besides {
      scan.finish(&table)
      copy.besides = (scan, table)
    }
    return copy.result(reel)
  }

  private func result(_ reel: Reel) -> ExitStatistics {
    var statistics = ExitStatistics()
    statistics.population = pass.population
    statistics.scope = pass.population.scope
    statistics.table = tables.main.table(hasHistograms: query.hasHistograms)
    statistics.hostMade = tables.hostMade.table()
    statistics.interrupts = tables.interrupts.table()
    statistics.halts = tables.halts.table()
    statistics.kernelExits = besides?.table.table() ?? ExitTable()
    statistics.kernel = KernelExitSource(reel)
    statistics.findings = tables.standingOut?.findings ?? []
    if let phases = pass.events.phases {
      statistics.phases = phases.names
      statistics.missingPhases = phases.missing
    }
    statistics.totals = totals(reel)
    return statistics
  }

  private func totals(_ reel: Reel) -> StatisticsTotals {
    var totals = StatisticsTotals()
    totals.count(pass.events.counts)
    totals.timesAreStripped = !pass.hasTimes
    totals.inGuestNanoseconds = tables.inGuest
    totals.handlingNanoseconds = tables.handling
    totals.lostKernelExits = pass.kernelExits.lostExits &+ (besides?.scan.lostExits ?? 0)
    totals.faultsWithoutAddress =
      pass.kernelExits.faultsWithoutAddress &+ (besides?.scan.faultsWithoutAddress ?? 0)
    let census = KeyframeCensus(reel)
    totals.keyframes = census.byKind
    totals.unreadableKeyframes = census.unreadable
    totals.sealedSegments = census.sealedSegments
    totals.ending = ReelEnding(reel)
    totals.virtualTimeNanoseconds = reel.end?.virtualTime ?? census.lastVirtualTime
    totals.durationNanoseconds = pass.durationNanoseconds(of: reel)
    if pass.hasTimes, totals.durationNanoseconds > 0 {
      totals.exitsPerSecond =
        Double(totals.guestMadeExits) * 1e9 / Double(totals.durationNanoseconds)
    }
    return totals
  }
}

/// The tables of one pass.
struct StatisticsTables: ExitObserver {
  var main: ExitTabulator
  var hostMade: ExitTabulator
  var interrupts: ExitTabulator
  var halts: ExitTabulator
  /// Only in the overview: it wants most columns.
  var standingOut: StandingOut?
  private let isOverview: Bool
  var inGuest: UInt64 = 0
  var handling: UInt64 = 0

  init(_ query: ExitStatistics.Query, _ names: ExitNames) {
    main = ExitTabulator(
      query.event, by: query.dimensions, names, countsBytes: query.countsBytes)
    hostMade = ExitTabulator(.kick, names)
    interrupts = ExitTabulator(.irq, names)
    halts = ExitTabulator(.hlt, names)
    isOverview = query.isOverview
    if isOverview { standingOut = StandingOut(names) }
  }

  var columns: Set<EventColumn> {
    isOverview
      ? main.columns.union(standingOut?.columns ?? []).union([.address, .stream, .waited])
      : main.columns
  }

  var takesBatches: Bool { main.takesBatches }
  var takesInterrupts: Bool { isOverview }

  mutating func observe(_ batch: borrowing ExitBatch, of run: borrowing EventRun) {
    main.observe(batch, of: run)
    addTimes(of: batch)
    guard isOverview else { return }
    standingOut?.observe(batch, of: run)
    for interrupt in batch.interrupts { interrupts.observe(interrupt: interrupt.sample) }
    for exit in 0..<batch.count {
      let code = run.kinds[run.exitRows[exit]]
      if code == UInt64(EventKind.halt.rawValue) || code >= 32 {
        observeRare(ExitSample(exit, batch, of: run))
      }
    }
  }

  mutating func observe(_ batch: borrowing ExitBatch, of run: borrowing KernelExitRun) {
    main.observe(batch, of: run)
    addTimes(of: batch)
    standingOut?.observe(batch, of: run)
  }

  private mutating func addTimes(of batch: borrowing ExitBatch) {
    var (handling, inGuest): (UInt64, UInt64) = (0, 0)
    // 512 times below 2⁶³ may wrap; the totals of such a reel mean nothing.
    for exit in 0..<batch.count {
      handling &+= batch.handling[exit]
      inGuest &+= batch.inGuest[exit]
    }
    self.handling = self.handling.addingSaturated(handling)
    self.inGuest = self.inGuest.addingSaturated(inGuest)
  }

  mutating func observe(_ exit: borrowing ExitSample) {
    if exit.traits.contains(.guestTime) {
      inGuest = inGuest.addingSaturated(exit.guestNanoseconds)
    }
    if exit.traits.contains(.handlingTime) {
      handling = handling.addingSaturated(exit.handlingNanoseconds)
    }
    main.observe(exit)
    standingOut?.observe(exit)
    if isOverview { observeRare(exit) }
  }

  /// Counts an exit of the overview's smaller tables.
  private mutating func observeRare(_ exit: borrowing ExitSample) {
    if exit.wake != .none { halts.observe(exit) }
    if exit.reason.isa == 0, exit.reason.code >= 32 { hostMade.observe(exit) }
  }

  mutating func observe(interrupt: borrowing ExitSample) {
    main.observe(interrupt: interrupt)
    guard isOverview else { return }
    standingOut?.observe(interrupt: interrupt)
    interrupts.observe(interrupt: interrupt)
  }
}

extension StatisticsTotals {
  fileprivate mutating func count(_ counts: ExitScan.Counts) {
    for (number, count) in counts.kinds.enumerated() where count > 0 {
      let kind = EventKind(rawValue: UInt8(number))
      events &+= count
      if kind.isGuestMade { guestMadeExits &+= count }
      if kind.isHostMade { hostMadeExits &+= count }
      if kind.isInput { inputs &+= count }
      eventsByKind.append(KindCount(name: kind.name, count: count))
    }
    for (stream, count) in counts.consoleBytes.enumerated() where count > 0 {
      consoleBytes[ConsoleTranscript.name(ofStream: UInt8(stream))] = count
    }
    unusableTimes = counts.unusableTimes
    lostEvents = counts.lostEvents
  }
}
