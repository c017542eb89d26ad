internal import Analysis
internal import ArgumentParser
internal import Reporting
internal import Trace
internal import TraceIO

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

      Example:
        vmreel diff monday.reel tuesday.reel; echo $?
      """)

  @Argument(help: "The first reel.")
  var a: String

  @Argument(help: "The second reel.")
  var b: String

  @OptionGroup(title: "What to compare") var comparison: DiffComparisonOptions

  @OptionGroup(title: "Output") var output: DiffOutputOptions

  @OptionGroup(title: "Page") var page: DiffHTMLOptions

  mutating func validate() throws {
    try page.check(output)
  }

  func run() throws {
    let first = try OpenedReel(path: a)
    let second = try OpenedReel(path: b)
    let symbols = try comparison.symbols(for: first, second)
    let file = try page.open(for: first, second)
    let difference: ReelDifference
    do {
      difference = try compare(first, second)
      if page.html != nil {
        try page.write(difference, first, second, symbols, output, to: file)
      } else if !output.quiet {
        try print(difference, symbols)
      }
    } catch {
      file?.discard()
      throw error
    }
    if !difference.areEqual { throw ExitStatus.difference }
    try first.requireWhole()
    try second.requireWhole()
  }

  private func compare(_ first: OpenedReel, _ second: OpenedReel) throws -> ReelDifference {
    let reels = [first, second]
    let isOfCounts = reels.contains { $0.isImported }
    if isOfCounts, let lacking = reels.first(where: { $0.reel.kernelExitBlocks.isEmpty }) {
      throw CommandFailure(
        "\(lacking.path): it holds no exits of the kernel, and the other reel, imported from a log, "
          + "holds nothing else; record with --kernel-exits to compare the two")
    }
    let metadata = (a: first.metadata, b: second.metadata)
    var options = ReelDifference.Options()
    options.context = comparison.context
    options.mask = try comparison.mask(for: first, second)
    options.keepsAllEvents = output.full
    options.isApart = comparison.streams == .apart
    options.trustsDigests = output.quiet
    options.countsTotals = !output.quiet
    options.mapsStreams = page.html != nil
    options.hunkLimit = output.quiet ? 0 : output.full ? .max : output.limit
    if page.html != nil { options.hunkLimit = min(options.hunkLimit, HTMLDifference.maximumHunks) }
    do throws(ReelDifferenceError) {
      return isOfCounts
        ? try ReelDifference(ofKernelExitsIn: first.reel, second.reel, metadata: metadata)
        : try ReelDifference(first.reel, second.reel, metadata: metadata, options: options)
    } catch {
      throw CommandFailure("\(error.side == .a ? a : b): \(error.error.description)")
    }
  }

  private func print(
    _ difference: ReelDifference, _ symbols: (a: SymbolTable?, b: SymbolTable?)
  ) throws {
    switch output.format {
    case .text:
      var text = DifferenceText(nameA: a, nameB: b)
      text.limit = output.limit
      text.isFull = output.full
      text.symbols = symbols
      text.isColoured = StandardOutput.hasColours
      let pager = Pager()
      StandardOutput.shared.write(text.render(difference))
      pager?.finish()
    case .json:
      StandardOutput.shared.write(bytes: try JSONText.encode(difference, pretty: true) + [0x0a])
    }
  }
}
