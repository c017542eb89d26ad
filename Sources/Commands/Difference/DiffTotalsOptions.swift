internal import Analysis
internal import ArgumentParser
internal import Trace

/// What `diff` does with totals, and the reels of each side when there are several.
struct DiffTotalsOptions: ParsableArguments {
  @Flag(
    name: .long,
    help: "Compare totals only, fast; exit 1 when a count of what the guest did differs.")
  var statsOnly = false

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Order of the totals: impact (handling time; HLT by count), count, percent, time or name.",
      valueName: "key"))
  var sort: TotalOrderChoice = .impact

  @Flag(name: .long, help: "Show totals with equal counts too.")
  var all = false

  @Option(
    name: .customLong("a"), parsing: .upToNextOption,
    help: ArgumentHelp("Several first reels, recordings of the same.", valueName: "reel"))
  var groupA: [String] = []

  @Option(
    name: .customLong("b"), parsing: .upToNextOption,
    help: ArgumentHelp("Several second reels.", valueName: "reel"))
  var groupB: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp(
      "With several reels: the level of significance, 0.05 unless given.", valueName: "p"))
  var alpha: Double?

  @Flag(name: .long, help: "With several reels: compare counts, not times.")
  var countsOnly = false

  /// Whether there are several reels on each side.
  var isOfGroups: Bool { !groupA.isEmpty || !groupB.isEmpty }

  /// Refuses reels that are missing, given twice, or given in both ways.
  ///
  /// - Parameters: the reels given without an option; empty for none.
  func validate(_ a: String, _ b: String) throws {
    guard isOfGroups else {
      guard !a.isEmpty else {
        throw ValidationError("give two reels to compare, or several with --a and --b")
      }
      guard !b.isEmpty else {
        throw ValidationError("a second reel is missing: there is nothing to compare \(a) with")
      }
      guard alpha == nil, !countsOnly else {
        throw ValidationError(
          "--alpha and --counts-only are for several reels, given with --a and --b")
      }
      return
    }
    guard a.isEmpty else {
      throw ValidationError(
        "\(a) is given without --a or --b: with those, all reels follow one of them")
    }
    for (reels, option) in [(groupA, "--a"), (groupB, "--b")] where reels.isEmpty {
      throw ValidationError("\(option) is missing: name the reels of both sides")
    }
    guard groupA.count + groupB.count > 2 else {
      throw ValidationError(
        "one reel on each side leaves nothing to test: leave --a and --b out to compare two")
    }
    var seen: Set<String> = []
    if let twice = (groupA + groupB).first(where: { !seen.insert($0).inserted }) {
      throw ValidationError("\(twice) is given twice, and each recording counts once")
    }
    if let alpha, !(alpha > 0 && alpha < 1) {
      throw ValidationError("--alpha must be between 0 and 1, such as 0.01")
    }
  }

  /// Refuses options of the comparison of events where no events are compared.
  func refuse(_ comparison: DiffComparisonOptions, _ output: DiffOutputOptions) throws {
    guard isOfGroups || statsOnly else { return }
    let ignoresFields =
      try statsOnly && !isOfGroups ? comparison.ignoresFields : !comparison.ignore.isEmpty
    let options = [
      ("--ignore", ignoresFields), ("--compare", !comparison.compare.isEmpty),
      ("--symbols", !comparison.symbols.isEmpty), ("--streams", comparison.streams == .apart),
      ("--full", output.full),
    ]
    guard let given = options.first(where: { $0.1 })?.0 else { return }
    throw ValidationError(
      "\(given) is about events, and \(isOfGroups ? "of several reels" : "with --stats-only") only "
        + "totals are compared"
        + (given == "--ignore" && !isOfGroups
          ? ", which can leave out places alone, such as port@0x40" : ""))
  }

  /// Whether only exits that the kernels saw can be compared, since a reel is an import.
  ///
  /// - Throws: ``CommandFailure`` when another reel has none.
  static func areOfKernelExits(_ reels: [OpenedReel]) throws -> Bool {
    guard reels.contains(where: \.isImported) else { return false }
    if let lacking = reels.first(where: { $0.reel.kernelExitBlocks.isEmpty }) {
      throw CommandFailure(
        "\(lacking.path): it holds no exits of the kernel, and the other reel, imported from a log, "
          + "holds nothing else; record with --kernel-exits to compare the two")
    }
    return true
  }

  /// The progress of counting these reels, told block by block.
  static func progress(of reels: [OpenedReel]) -> ProgressLine {
    let total = reels.reduce(UInt64(0)) { sum, opened in
      let exits = opened.reel.kernelExitBlocks.reduce(UInt64(0)) {
        $0 &+ UInt64($1.header.eventCount)
      }
      return sum &+ (opened.isImported ? exits : opened.reel.eventCount)
    }
    return ProgressLine(label: "counting", total: total, stride: 1)
  }
}

/// The values of --sort; the raw values are ``Analysis/TotalOrder``'s.
enum TotalOrderChoice: String, ExpressibleByArgument, CaseIterable {
  case impact
  case count
  case percent
  case time
  case name

  var order: TotalOrder { TotalOrder(rawValue: rawValue) ?? .impact }
}
