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

      With several reels on each side, totals are compared, and a rank test with Holm's correction \
      tells change from noise. Exit status: 0 no significant change, 1 some, 2 trouble, such as \
      too few reels for any change to be significant.

      Example:
        vmreel diff monday.reel tuesday.reel; echo $?
        vmreel diff monday.reel tuesday.reel --html diff.html
        vmreel diff --explain --memory --symbols System.map monday.reel tuesday.reel
        vmreel diff --a old?.reel --b new?.reel
      """)

  @Argument(help: "The first reel.")
  var a = ""

  @Argument(help: "The second reel.")
  var b = ""

  @OptionGroup(title: "What to compare") var comparison: DiffComparisonOptions

  @OptionGroup(title: "State and cause") var stateOptions: DiffStateOptions

  @OptionGroup(title: "Totals, and several reels") var totals: DiffTotalsOptions

  @OptionGroup(title: "Output") var output: DiffOutputOptions

  @OptionGroup(title: "Page") var page: DiffHTMLOptions

  mutating func validate() throws {
    guard !((output.quiet || totals.statsOnly || totals.isOfGroups) && stateOptions.isAsked) else {
      throw ValidationError(
        "--memory and --explain look into two runs; they do not go with -q, --stats-only, or "
          + "several reels")
    }
    try totals.validate(a, b)
    try totals.refuse(comparison, output)
    try page.check(output, totals)
  }

  func run() throws {
    if totals.isOfGroups { return try DiffGroups(options: totals, output: output).run() }
    let first = try OpenedReel(path: a)
    let second = try OpenedReel(path: b)
    let symbols = try comparison.symbols(for: first, second)
    let file = try page.open(for: first, second)
    var difference: ReelDifference
    let trouble: (any Error)?
    do {
      difference = try compare(first, second)
      difference.totals = totals.sort.order.sorted(difference.totals)
      trouble = try addStates(to: &difference, first, second)
      if page.html != nil {
        try page.write(difference, first, second, symbols, output, to: file)
      } else if !output.quiet {
        try print(difference, symbols)
      }
    } catch {
      file?.discard()
      throw error
    }
    if let trouble { throw trouble }
    try requireEnd(difference, first, second)
    if !difference.areEqual || !(difference.memory?.isEmpty ?? true) { throw ExitStatus.difference }
    try first.requireWhole()
    try second.requireWhole()
  }

  /// Of a partial reel nobody knows whether it would differ behind its end.
  private func requireEnd(
    _ difference: ReelDifference, _ first: OpenedReel, _ second: OpenedReel
  ) throws {
    guard let parting = difference.firstDifference, parting.a == nil || parting.b == nil else {
      return
    }
    try (parting.a == nil ? first : second).requireWhole()
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
    options.mapsStreams = page.html != nil
    options.hunkLimit = output.quiet ? 0 : output.full ? .max : output.limit
    if page.html != nil { options.hunkLimit = min(options.hunkLimit, HTMLDifference.maximumHunks) }
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
        population: isOfCounts ? .kernel : .runner, mask: options.mask,
        onProgress: progress.update)
    } catch {
      throw CommandFailure("\(error.side == .a ? a : b): \(error.error.description)")
    }
  }

  /// Looks into the guests' states where that was asked for.
  ///
  /// - Returns: why that could not be done as asked, or the signal that ended it; what could be
  ///   compared is shown all the same.
  private func addStates(
    to difference: inout ReelDifference, _ first: OpenedReel, _ second: OpenedReel
  ) throws -> (any Error)? {
    guard stateOptions.isAsked else { return nil }
    var obstacle: String?
    // Lives as long as the search, so that a signal between two replays ends the next one.
    let signals = SignalWatch()
    do {
      let states = try states(of: difference, first, second)
      if stateOptions.explain {
        let found = try DiffExplanation(memory: states, difference: difference).explain()
        difference.explanation = found.explanation
        obstacle = found.obstacle
      }
      if stateOptions.memory {
        let found = try states.compare(at: stateOptions.at)
        difference.memory = found.difference
        obstacle = obstacle ?? found.obstacle
      }
    } catch let failure as CommandFailure {
      return failure
    } catch let status as ExitStatus {
      StandardError.note("interrupted: what was found until then is shown")
      return status
    }
    if let signal = signals.received { return ExitStatus.signal(signal) }
    return obstacle.map { CommandFailure($0) }
  }

  private func states(
    of difference: ReelDifference, _ first: OpenedReel, _ second: OpenedReel
  ) throws -> DiffMemory {
    try first.requireRecording(to: "look into")
    try second.requireRecording(to: "look into")
    let symbols = try comparison.symbols.first.map {
      try GuestSymbols.read($0, for: first, keeping: .all)
    }
    return DiffMemory(
      guests: GuestPair(a: first, b: second),
      moments: CommonMoments(
        first.reel, second.reel, mask: difference.mask, before: difference.firstDifference),
      partsAt: difference.firstDifference?.a?.index, symbols: symbols, limit: output.limit)
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
