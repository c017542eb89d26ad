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

  private static let damageHint = "--skip-damaged counts the rest"

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

  @Flag(
    name: .long,
    help: "Count a reel while it is recorded: a screen each second, or the counts at its end.")
  var follow = false

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Compare with an older reel; exit 1 when a row grew by more than --threshold.",
      valueName: "reel"))
  var baseline: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "How much a row may grow against --baseline; 5 % unless given.", valueName: "percent"))
  var threshold: Percentage?

  @Option(
    name: .customLong("assert"),
    help: ArgumentHelp(
      "Exit 1 unless this holds, such as 'p99(hlt) < 2ms'. Repeatable.", valueName: "expression"))
  var assertions: [String] = []

  mutating func validate() throws {
    guard
      [interval != nil, slowerThan != nil, follow, baseline != nil, !assertions.isEmpty].filter({
        $0
      }).count < 2
    else {
      throw ValidationError(
        "--interval, --slower-than, --follow, --baseline and --assert each have an output of their own: ask for one at a time"
      )
    }
    guard interval.map({ $0.nanoseconds > 0 }) ?? true else {
      throw ValidationError("--interval must be longer than 0")
    }
    try refuseUnused()
  }

  /// Refuses options that what is asked for would ignore.
  private func refuseUnused() throws {
    if interval != nil {
      try presentation.refuse([.key, .fields, .view, .top, .histogram], with: "--interval")
    }
    if slowerThan != nil {
      try presentation.refuse([.key, .fields, .histogram], with: "--slower-than")
      guard selection.by == nil else {
        throw ValidationError("--by has no effect with --slower-than: leave one of them out")
      }
    }
    if presentation.format == .json, slowerThan == nil {
      try presentation.refuse([.top], with: "--format json, which has all rows")
      if baseline == nil {
        try presentation.refuse([.view], with: "--format json, which has both times")
      }
    }
    if baseline != nil {
      try presentation.refuse([.key, .fields, .histogram], with: "--baseline")
    } else if threshold != nil {
      throw ValidationError("--threshold is for --baseline: name an older reel with it")
    }
    guard !assertions.isEmpty else { return }
    try presentation.refuse([.key, .fields, .view, .top, .histogram], with: "--assert")
    guard selection.by == nil, selection.event == nil else {
      throw ValidationError(
        "--by and --event have no effect with --assert: say in the expression what it is about")
    }
  }

  func run() throws {
    if follow {
      try StatsFollower(path: reel, selection: selection, presentation: presentation).run()
      return
    }
    let pager = presentation.format == .text ? Pager() : nil
    defer { pager?.finish() }
    let opened = try OpenedReel(path: reel)
    var query = try selection.query(for: opened)
    if !assertions.isEmpty {
      try check(opened, query)
      return
    }
    query.hasHistograms = presentation.histogram
    query.countsBytes = presentation.showsBytes
    var lost: UInt64 = 0
    if let interval {
      lost = try series(opened, query, interval.nanoseconds)
    } else if let slowerThan {
      lost = try slowExits(opened, query, slowerThan.nanoseconds)
    } else {
      let statistics = try opened.reading(hint: Self.damageHint) {
        let progress = opened.countingProgress
        defer { progress.clear() }
        return try ExitStatistics(
          $0, query, metadata: opened.metadata, onProgress: progress.update)
      }
      if let baseline {
        try compare(statistics, of: opened, with: baseline)
      } else {
        try presentation.show(statistics, isTableOnly: selection.isSpecific)
      }
      lost = statistics.totals.lostEvents &+ statistics.totals.lostKernelExits
    }
    try opened.requireWhole()
    try requireNothingLost(lost)
  }

  /// Ends a command that went on past damaged blocks.
  private func requireNothingLost(_ count: UInt64) throws {
    guard count > 0 else { return }
    StandardError.note("note: \(count) events or kernel exits were lost to damaged blocks")
    throw ExitStatus.trouble
  }

  private func parsedAssertions() throws -> [StatisticsAssertion] {
    try assertions.map { text in
      do throws(StatisticsAssertionError) {
        return try StatisticsAssertion(parsing: text)
      } catch {
        throw CommandFailure("--assert: \(error.description)")
      }
    }
  }

  /// Judges the assertions: a line for each on standard output, in their order.
  private func check(_ opened: OpenedReel, _ query: ExitStatistics.Query) throws {
    let assertions = try parsedAssertions()
    var query = query
    let isAboutKernel = assertions.contains {
      if case .kernel = $0.query.subject { true } else { false }
    }
    var pass = StatisticsPass(opened.reel, query, metadata: opened.metadata)
    let progress = opened.countingProgress
    defer { progress.clear() }
    pass.onProgress = progress.update
    var readings = AssertionReadings(assertions.map(\.query), opened.reel, pass)
    try opened.reading(hint: Self.damageHint) { reel in
      try pass.run(reel, &readings)
      guard isAboutKernel, pass.population == .runner else { return }
      query.population = .kernel
      var kernelPass = StatisticsPass(reel, query, metadata: opened.metadata)
      try kernelPass.run(reel, &readings)
    }
    let duration = pass.durationNanoseconds(of: opened.reel)
    let outcomes = assertions.map { assertion in
      assertion.evaluate { readings.reading($0, durationNanoseconds: duration) }
    }
    switch presentation.format {
    case .json:
      try presentation.json(
        AssertionsJSON(results: outcomes.map { .init(holds: $0.holds, text: $0.text) }))
    case .csv: throw CommandFailure("--assert has no CSV: take --format json or text")
    case .text, .md:
      for outcome in outcomes {
        StandardOutput.shared.write((presentation.format == .md ? "- " : "") + outcome.text + "\n")
      }
    }
    try opened.requireWhole()
    try requireNothingLost(pass.lostCount)
    // What fails for sure is a failure, whatever else cannot be judged.
    if outcomes.contains(where: { $0.isKnown && !$0.holds }) { throw ExitStatus.difference }
    if !outcomes.allSatisfy(\.isKnown) {
      StandardError.note("note: not all of it could be judged on this reel")
      throw ExitStatus.trouble
    }
  }

  private func compare(
    _ statistics: ExitStatistics, of reel: OpenedReel, with path: String
  ) throws {
    let opened = try OpenedReel(path: path)
    let query = try selection.query(for: opened)
    let old = try opened.reading(hint: Self.damageHint) {
      try ExitStatistics($0, query, metadata: opened.metadata)
    }
    guard old.population == statistics.population else {
      throw CommandFailure(
        "\(reel.path) has the \(statistics.population.rawValue)'s exits and \(path) the "
          + "\(old.population.rawValue)'s, which cannot be compared; --exits kernel takes the "
          + "kernel's of both")
    }
    let hasTimes = !statistics.totals.timesAreStripped && !old.totals.timesAreStripped
    if !hasTimes { StandardError.note("note: only counts are compared: a reel has no host times") }
    let comparison = BaselineComparison(
      statistics.table, baseline: old.table, threshold: threshold?.value ?? 5,
      time: !hasTimes ? nil : presentation.view == .guest ? \.inGuest : \.handling)
    switch presentation.format {
    case .json: try presentation.json(comparison)
    case .csv: throw CommandFailure("--baseline has no CSV: take --format json, or text or md")
    case .text, .md:
      StandardOutput.shared.write(
        BaselineText.render(
          comparison, limit: presentation.top, isMarkdown: presentation.format == .md))
    }
    try reel.requireWhole()
    try opened.requireWhole()
    try requireNothingLost(old.totals.lostEvents &+ old.totals.lostKernelExits)
    if !comparison.regressions.isEmpty { throw ExitStatus.difference }
  }

  private func series(
    _ opened: OpenedReel, _ query: ExitStatistics.Query, _ width: UInt64
  ) throws -> UInt64 {
    try opened.requireTimes("--interval")
    var pass = StatisticsPass(opened.reel, query, metadata: opened.metadata)
    let progress = opened.countingProgress
    defer { progress.clear() }
    pass.onProgress = progress.update
    var series = IntervalSeries(every: width, query.event, by: query.dimensions, pass.names)
    try opened.reading(hint: Self.damageHint) { try pass.run($0, &series) }
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
    return pass.lostCount
  }

  private func slowExits(
    _ opened: OpenedReel, _ query: ExitStatistics.Query, _ threshold: UInt64
  ) throws -> UInt64 {
    try opened.requireTimes("--slower-than")
    var pass = StatisticsPass(opened.reel, query, metadata: opened.metadata)
    let progress = opened.countingProgress
    defer { progress.clear() }
    pass.onProgress = progress.update
    var slow = SlowExits(
      slowerThan: threshold, isGuestTime: presentation.view == .guest, query.event,
      limit: presentation.top ?? 1000, pass.names)
    try opened.reading(hint: Self.damageHint) { try pass.run($0, &slow) }
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
    return pass.lostCount
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

/// The JSON of `stats --assert`.
private struct AssertionsJSON: Encodable {
  struct Result: Encodable {
    var holds: Bool
    var text: String
  }
  var schema = "vmreel.stats-assertions/1"
  var results: [Result]
}

extension OpenedReel {
  /// The progress of counting the reel's exits, told block by block.
  fileprivate var countingProgress: ProgressLine {
    let kernelExits = reel.kernelExitBlocks.reduce(UInt64(0)) { $0 &+ UInt64($1.header.eventCount) }
    return ProgressLine(
      label: "counting", total: max(reel.eventCount, kernelExits), stride: 1)
  }
}
