internal import Analysis
internal import ArgumentParser
internal import Reporting
internal import Trace

/// `vmreel stats`: where the exits come from and what they cost.
struct StatsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats",
    abstract: "Count exits and what they cost, in perf's familiar table.",
    discussion: """
      Times are host times: of handling an exit, or with --view guest of the guest's slice \
      before it. Without --by, --event or --exits the overview adds tables of kicks, interrupts, \
      HLTs and kernel exits, and what stands out. JSON and CSV hold both times with all \
      percentiles, in nanoseconds.

      Example:
        vmreel stats ticker.reel --event ioport -k time
      """)

  @Argument(help: "The reel.")
  var reel: String

  @OptionGroup(title: "What to count") var selection: StatisticsSelectionOptions
  @OptionGroup(title: "What to show") var presentation: StatisticsPresentationOptions

  @Option(
    name: .long,
    help: ArgumentHelp("A series: the counts of each interval of host time.", valueName: "time"))
  var interval: Duration?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "List the exits that took longer, the slowest --top of them (1000).", valueName: "time"))
  var slowerThan: Duration?

  mutating func validate() throws {
    guard interval == nil || slowerThan == nil else {
      throw ValidationError("--interval and --slower-than are two lists: ask for one at a time")
    }
    guard interval.map({ $0.nanoseconds > 0 }) ?? true else {
      throw ValidationError("--interval must be longer than 0")
    }
  }

  func run() throws {
    let opened = try OpenedReel(path: reel)
    let query = try selection.query(for: opened)
    if let interval {
      try series(opened, query, interval.nanoseconds)
    } else if let slowerThan {
      try slowExits(opened, query, slowerThan.nanoseconds)
    } else {
      let statistics = try opened.reading {
        try ExitStatistics($0, query, metadata: opened.metadata)
      }
      try presentation.show(statistics, isTableOnly: selection.isSpecific)
    }
    try opened.requireWhole()
  }

  private func series(
    _ opened: OpenedReel, _ query: ExitStatistics.Query, _ width: UInt64
  ) throws {
    try opened.requireTimes("--interval")
    var pass = StatisticsPass(opened.reel, query, metadata: opened.metadata)
    var series = IntervalSeries(every: width, query.event, by: query.dimensions, pass.names)
    try opened.reading { try pass.run($0, &series) }
    if series.omittedSamples > 0 {
      throw CommandFailure(
        "\(opened.path): \(series.omittedSamples) exits are left over after "
          + "\(IntervalSeries.maximumCells) rows: choose a longer --interval or fewer dimensions")
    }
    let dimensions = series.dimensions
    switch presentation.format {
    case .json:
      try presentation.json(
        SeriesJSON(intervalNanoseconds: width, dimensions: dimensions, rows: series.cells))
    case .csv:
      StandardOutput.shared.write(StatisticsCSV.render(series.cells, dimensions: dimensions))
    case .text, .md:
      StandardOutput.shared.write(
        IntervalText.render(
          series.cells, dimensions: dimensions, isMarkdown: presentation.format == .md))
    }
  }

  private func slowExits(
    _ opened: OpenedReel, _ query: ExitStatistics.Query, _ threshold: UInt64
  ) throws {
    try opened.requireTimes("--slower-than")
    var pass = StatisticsPass(opened.reel, query, metadata: opened.metadata)
    var slow = SlowExits(
      slowerThan: threshold, isGuestTime: presentation.view == .guest, query.event,
      limit: presentation.top ?? 1000, pass.names)
    try opened.reading { try pass.run($0, &slow) }
    switch presentation.format {
    case .json:
      try presentation.json(
        SlowJSON(
          thresholdNanoseconds: threshold, exits: slow.count,
          totalNanoseconds: slow.totalNanoseconds, slowest: slow.exits))
    case .csv: StandardOutput.shared.write(StatisticsCSV.render(slow.exits))
    case .text, .md:
      StandardOutput.shared.write(
        IntervalText.render(slow, isMarkdown: presentation.format == .md))
    }
  }
}

/// The JSON of `stats --interval`.
private struct SeriesJSON: Encodable {
  var schema = "vmreel.stats-series/1"
  var intervalNanoseconds: UInt64
  var dimensions: [ExitDimension]
  var rows: [IntervalSeries.Cell]
}

/// The JSON of `stats --slower-than`.
private struct SlowJSON: Encodable {
  var schema = "vmreel.stats-slow/1"
  var thresholdNanoseconds: UInt64
  var exits: UInt64
  var totalNanoseconds: UInt64
  var slowest: [SlowExits.Exit]
}
