internal import Analysis
internal import ArgumentParser
internal import Reporting
internal import Trace

/// `diff --a … --b …`: what differs between two groups of recordings, and what is noise.
struct DiffGroups {
  var options: DiffTotalsOptions
  var output: DiffOutputOptions

  /// Compares, prints and ends with the status that the tests ask for.
  ///
  /// - Throws: ``ExitStatus/difference`` when a row changed significantly; ``ExitStatus/trouble``
  ///   when none could, or a reel is not whole.
  func run() throws {
    let reelsA = try options.groupA.map { try OpenedReel(path: $0) }
    let reelsB = try options.groupB.map { try OpenedReel(path: $0) }
    let difference = try compare(reelsA, reelsB)
    if !output.quiet { try print(difference) }
    switch difference.verdict {
    case .changed: throw ExitStatus.difference
    case .tooFewReels:
      StandardError.note("note: " + GroupDifferenceText.sentence(difference))
      throw ExitStatus.trouble
    case .same: for reel in reelsA + reelsB { try reel.requireWhole() }
    }
  }

  private func compare(_ a: [OpenedReel], _ b: [OpenedReel]) throws -> GroupDifference {
    let isOfKernel = try DiffTotalsOptions.areOfKernelExits(a + b)
    let progress = DiffTotalsOptions.progress(of: a + b)
    defer { progress.clear() }
    var done: UInt64 = 0
    let totals = try (a + b).map { opened in
      var walked: UInt64 = 0
      defer { done &+= walked }
      return try opened.reading { reel in
        try ReelTotals(
          reel, metadata: opened.metadata, population: isOfKernel ? .kernel : .runner
        ) {
          walked = $0
          progress.update(done &+ $0)
        }
      }
    }
    return GroupDifference(
      Array(totals.prefix(a.count)), Array(totals.dropFirst(a.count)),
      metadata: (a.map(\.metadata), b.map(\.metadata)),
      alpha: options.alpha ?? GroupDifference.defaultAlpha, comparesTimes: !options.countsOnly)
  }

  private func print(_ found: GroupDifference) throws {
    var difference = found
    difference.rows = options.sort.order.sorted(found.rows)
    switch output.format {
    case .text:
      var text = GroupDifferenceText()
      text.limit = output.limit
      text.showsEqual = options.all
      StandardOutput.shared.write(text.render(difference))
    case .json:
      StandardOutput.shared.write(bytes: try JSONText.encode(difference, pretty: true) + [0x0a])
    }
  }
}
