internal import Analysis
internal import ArgumentParser
internal import Reporting

/// `vmreel stats`: where the exits come from and what they cost.
struct StatsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats",
    abstract: "Count exits and what they cost, in perf's familiar table.",
    discussion: """
      Times are host times: of handling an exit, or with --view guest of the guest's slice \
      before it. JSON and CSV hold both, with all percentiles; JSON holds all tables and rows. \
      `kernel` counts the exits KVM's tracepoints saw and `npf` the faults of nested paging by \
      guest page; both need a reel of `record --kernel-exits`.

      Example:
        vmreel stats ticker.reel --event ioport -k time
      """)

  @Argument(help: "The reel.")
  var reel: String

  @Option(name: .long, help: "Which exits: vmexit, ioport, mmio, msr, kernel or npf.")
  var event: EventChoice = .vmexit

  @Option(name: [.customShort("k"), .customLong("sort")], help: "Sort by: \(SortChoice.list).")
  var key: SortChoice = .sample

  @Option(name: .long, help: "Whose time: handling or guest.")
  var view: ViewChoice = .handling

  @Option(name: .long, help: ArgumentHelp("Only the events A..B.", valueName: "a..b"))
  var range: EventRange?

  @Option(name: .long, help: ArgumentHelp("Only the first N rows.", valueName: "n"))
  var top: Int?

  @Flag(name: .long, help: "Add p50, p90, p99 and p99.9.")
  var percentiles = false

  @Option(name: .long, help: "text, json or csv.")
  var format: OutputFormat = .text

  mutating func validate() throws {
    guard top.map({ $0 > 0 }) ?? true else { throw ValidationError("--top must be positive") }
  }

  func run() throws {
    let opened = try OpenedReel(path: reel)
    var selection = ExitStatistics.Selection()
    selection.range = range.map { $0.lower..<($0.upper ?? .max) }
    let statistics = try opened.reading {
      try ExitStatistics($0, selection, metadata: opened.metadata)
    }
    let grouping = ExitGrouping(rawValue: event.rawValue) ?? .vmexit
    let kernelTable = KernelExitTable(rawValue: event.rawValue)
    let sortKey = ExitSortKey(rawValue: key.rawValue) ?? .sample
    switch format {
    case .json:
      StandardOutput.shared.write(bytes: try JSONText.encode(statistics, pretty: true) + [0x0a])
    case .csv where kernelTable != nil:
      StandardOutput.shared.write(
        KernelExitText.csv(statistics.kernel, kernelTable ?? .kernel, limit: top))
    case .csv:
      StandardOutput.shared.write(
        StatisticsCSV.render(statistics, grouping: grouping, sortKey: sortKey, limit: top))
    case .text where kernelTable != nil:
      StandardOutput.shared.write(
        KernelExitText.render(statistics.kernel, kernelTable ?? .kernel, limit: top))
    case .text:
      var text = StatisticsText()
      text.grouping = grouping
      text.sortKey = sortKey
      text.view = StatisticsText.View(rawValue: view.rawValue) ?? .handling
      text.limit = top
      text.showsPercentiles = percentiles
      StandardOutput.shared.write(text.render(statistics))
    }
    try opened.requireWhole()
  }
}

/// The values of --event; the raw values are ``Analysis/ExitGrouping``'s and
/// ``Reporting/KernelExitTable``'s.
enum EventChoice: String, ExpressibleByArgument, CaseIterable {
  case vmexit
  case ioport
  case mmio
  case msr
  case kernel
  case npf
}

/// The values of -k; the raw values are ``Analysis/ExitSortKey``'s.
enum SortChoice: String, ExpressibleByArgument, CaseIterable {
  case sample
  case time
  case minimum = "min_t"
  case maximum = "max_t"
  case mean = "mean_t"

  static let list = allCases.map(\.rawValue).joined(separator: ", ")
}

/// The values of --view; the raw values are ``Reporting/StatisticsText/View``'s.
enum ViewChoice: String, ExpressibleByArgument, CaseIterable {
  case handling
  case guest
}
