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

      Example:
        vmreel diff monday.reel tuesday.reel; echo $?
      """)

  @Argument(help: "The first reel.")
  var a: String

  @Argument(help: "The second reel.")
  var b: String

  @Flag(name: .shortAndLong, help: "Answer with the exit status alone.")
  var quiet = false

  @Option(
    name: [.customShort("U"), .customLong("context")],
    help: ArgumentHelp("Common events to show.", valueName: "n"))
  var context = 3

  @Option(
    name: .long,
    help: ArgumentHelp(
      "A field not to compare, such as rip or check; may be repeated.", valueName: "field"))
  var ignore: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp("Stretches that differ, and rows of totals, to show.", valueName: "n"))
  var limit = 20

  @Option(name: .long, help: "text or json.")
  var format: TextOrJSON = .text

  mutating func validate() throws {
    guard limit > 0 else { throw ValidationError("--limit must be at least 1") }
    guard (0...10_000).contains(context) else {
      throw ValidationError("-U must be from 0 to 10000")
    }
    let known = EventField.allCases.map(\.rawValue)
    if let unknown = ignore.first(where: { !known.contains($0) }) {
      throw ValidationError(
        "--ignore \(unknown): there are \(known.joined(separator: ", "))")
    }
  }

  func run() throws {
    let first = try OpenedReel(path: a)
    let second = try OpenedReel(path: b)
    let difference = try compare(first, second)
    if !quiet { try print(difference) }
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
    options.context = context
    options.ignoredFields = Set(ignore.compactMap(EventField.init(rawValue:)))
    options.trustsDigests = quiet
    options.countsTotals = !quiet
    options.hunkLimit = quiet ? 0 : limit
    do throws(ReelDifferenceError) {
      return isOfCounts
        ? try ReelDifference(ofKernelExitsIn: first.reel, second.reel, metadata: metadata)
        : try ReelDifference(first.reel, second.reel, metadata: metadata, options: options)
    } catch {
      throw CommandFailure("\(error.side == .a ? a : b): \(error.error.description)")
    }
  }

  private func print(_ difference: ReelDifference) throws {
    switch format {
    case .text:
      var text = DifferenceText(nameA: a, nameB: b)
      text.limit = limit
      StandardOutput.shared.write(text.render(difference))
    case .json:
      StandardOutput.shared.write(bytes: try JSONText.encode(difference, pretty: true) + [0x0a])
    }
  }
}
