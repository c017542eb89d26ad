public import Trace

/// Everything a report shows of a reel, as values.
public struct ReportData: Sendable {
  /// What `stats` says of the reel.
  public var statistics: ExitStatistics
  /// The exits that were counted.
  public var runner = ReportView()
  /// Those the host's kernel saw, of a reel that has the runner's too.
  public var kernel: ReportView?
  /// The transcript of the consoles.
  public var console = ReportConsole()
  /// The reel's format, `major.minor`.
  public var format: String
  /// What the reel says about itself; `nil` when that could not be read.
  public var metadata: Metadata?
  /// The part of the reel that was asked for.
  public var selection: ExitSelection

  /// Gathers a report: one pass for the statistics and one for everything else.
  ///
  /// - Parameters:
  ///   - query: the part of the reel, symbols and phases; its dimensions and event are ignored.
  ///   - metadata: the reel's, whose names kernel exits get; `nil` for this version's.
  ///   - progress: called now and then with the event that has been reached.
  /// - Throws: the ``TraceError`` of the first damaged block, unless those are skipped.
  public init(
    _ reel: Reel, _ query: ExitStatistics.Query = .init(), metadata: Metadata? = nil,
    progress: @escaping (EventIndex) -> Void = { _ in }
  ) throws(TraceError) {
    var query = query
    query.dimensions = []
    query.event = nil
    statistics = try ExitStatistics(reel, query, metadata: metadata)
    self.metadata = metadata
    format = "\(reel.header.major).\(reel.header.minor)"
    selection = query.selection

    var pass = StatisticsPass(reel, query, metadata: metadata)
    var collection = ReportCollection(reel, pass, query.selection, progress: progress)
    try pass.run(reel, &collection)
    runner = collection.view
    console = collection.console
    console.isStripped = !reel.header.hasConsole
    guard pass.population == .runner, !reel.kernelExitBlocks.isEmpty else { return }
    query.population = .kernel
    var kernelPass = StatisticsPass(reel, query, metadata: metadata)
    var kernelCollection = ReportCollection(
      reel, kernelPass, query.selection, progress: progress)
    try kernelPass.run(reel, &kernelCollection)
    kernel = kernelCollection.view
  }
}

/// The plots and tables of a report about one population of exits.
public struct ReportView: Equatable, Sendable {
  /// The exits over time.
  public var timeline = ReportTimeline()
  /// Ports, guest physical addresses and MSRs, those of them that occur.
  public var places: [ReportPlaces] = []
  /// Further tables: by device, code, vCPU, phase; those of them that say something.
  public var tables: [ExitTable] = []
  /// The exits that took longest to handle, HLT aside, in the order of the events.
  public var slowest: [SlowExits.Exit] = []

  /// Nothing.
  public init() {}
}
