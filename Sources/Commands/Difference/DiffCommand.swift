internal import Analysis
internal import ArgumentParser
internal import Reporting
internal import Trace

/// `vmreel diff`: where two recordings part.
struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare two reels event by event.",
    discussion: """
      What the guests did and were given is compared: guest-made exits and inputs. Host times, \
      kicks and keyframes are not. Exit status: 0 the same, 1 different, 2 trouble, such as a \
      partial reel that is the same as far as it goes. Of reels imported from logs the counts of \
      exits are compared.

      With several reels on each side, totals are compared, and a rank test with Holm's correction \
      tells change from noise. Exit status: 0 no significant change, 1 some, 2 trouble, such as \
      too few reels for any change to be significant.

      Example:
        vmreel diff monday.reel tuesday.reel; echo $?
        vmreel diff --a old?.reel --b new?.reel
      """)

  @Argument(help: "The first reel.")
  var a = ""

  @Argument(help: "The second reel.")
  var b = ""

  @OptionGroup(title: "What to compare") var comparison: DiffComparisonOptions

  @OptionGroup(title: "Totals, and several reels") var totals: DiffTotalsOptions

  @OptionGroup(title: "Output") var output: DiffOutputOptions

  mutating func validate() throws {
    try totals.validate(a, b)
    try totals.refuse(comparison, output)
  }

  func run() throws {
    if totals.isOfGroups { return try DiffGroups(options: totals, output: output).run() }
    let first = try OpenedReel(path: a)
    let second = try OpenedReel(path: b)
    let symbols = try comparison.symbols(for: first, second)
    let difference = try compare(first, second)
    if !output.quiet { try print(difference, symbols) }
    if !difference.areEqual { throw ExitStatus.difference }
    try first.requireWhole()
    try second.requireWhole()
  }

  private func compare(_ first: OpenedReel, _ second: OpenedReel) throws -> ReelDifference {
    let isOfCounts = try DiffTotalsOptions.areOfKernelExits([first, second])
    let metadata = (a: first.metadata, b: second.metadata)
    var options = ReelDifference.Options()
    options.context = comparison.context
    options.mask = try comparison.mask(for: first, second)
    options.keepsAllEvents = output.full
    options.isApart = comparison.streams == .apart
    options.trustsDigests = output.quiet
    options.countsTotals = !output.quiet
    options.hunkLimit = output.quiet ? 0 : output.full ? .max : output.limit
    do throws(ReelDifferenceError) {
      guard isOfCounts || totals.statsOnly else {
        let progress = ProgressLine(
          label: "comparing", total: first.reel.eventCount, stride: 1)
        defer { progress.clear() }
        return try ReelDifference(
          first.reel, second.reel, metadata: metadata, options: options,
          onProgress: progress.update)
      }
      let progress = DiffTotalsOptions.progress(of: [first, second])
      defer { progress.clear() }
      return try ReelDifference(
        ofTotalsIn: first.reel, second.reel, metadata: metadata,
        population: isOfCounts ? .kernel : .runner, onProgress: progress.update)
    } catch {
      throw CommandFailure("\(error.side == .a ? a : b): \(error.error.description)")
    }
  }

  private func print(
    _ found: ReelDifference, _ symbols: (a: SymbolTable?, b: SymbolTable?)
  ) throws {
    var difference = found
    difference.totals = totals.sort.order.sorted(found.totals)
    switch output.format {
    case .text:
      var text = DifferenceText(nameA: a, nameB: b)
      text.limit = output.limit
      text.isFull = output.full
      text.symbols = symbols
      text.showsEqualTotals = totals.all
      text.isColoured = StandardOutput.hasColours
      let pager = Pager()
      StandardOutput.shared.write(text.render(difference))
      pager?.finish()
    case .json:
      StandardOutput.shared.write(bytes: try JSONText.encode(difference, pretty: true) + [0x0a])
    }
  }
}
