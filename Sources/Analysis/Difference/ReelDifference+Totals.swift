public import Trace

extension ReelDifference {
  /// Compares how often which exits came: all that imported logs can be compared by, and all that
  /// needs no walk over the events of recordings.
  ///
  /// - Parameters:
  ///   - population: the runner's exits or the kernel's.
  ///   - mask: says at which places exits and interrupts are not counted; its fields do not matter.
  ///   - onProgress: told how many events, or kernel exits, of both were walked over.
  /// - Throws: ``ReelDifferenceError`` for the first damaged block in either.
  public init(
    ofTotalsIn a: Reel, _ b: Reel, metadata: (a: Metadata, b: Metadata),
    population: ExitStatistics.Population = .runner, mask: DifferenceMask = DifferenceMask(),
    onProgress: ((UInt64) -> Void)? = nil
  ) throws(ReelDifferenceError) {
    self.mask = mask.ofPlaces
    endingA = ReelEnding(a)
    endingB = ReelEnding(b)
    isOfCounts = true
    configuration = ConfigurationDifference.between(metadata.a, metadata.b)
    if population == .kernel {
      limits = ["only the counts of the exits that the kernels saw are compared"]
    }
    var done: UInt64 = 0
    let first = try Self.reading(.a) { () throws(TraceError) in
      try ReelTotals(a, metadata: metadata.a, population: population, mask: mask) {
        done = $0
        onProgress?($0)
      }
    }
    let second = try Self.reading(.b) { () throws(TraceError) in
      try ReelTotals(b, metadata: metadata.b, population: population, mask: mask) {
        onProgress?(done &+ $0)
      }
    }
    for (name, totals) in [("A", first), ("B", second)] {
      guard let range = totals.trimmedRange else { continue }
      limits.append("\(name) was trimmed: its totals are of the events \(range)")
    }
    setTotals(first, second)
    kind = DifferenceClass(self)
  }

  /// Counts what was compared of both reels.
  mutating func compareTotals(
    _ a: Reel, _ rangeA: Range<EventIndex>, _ b: Reel, _ rangeB: Range<EventIndex>,
    metadata: (a: Metadata, b: Metadata)?
  ) throws(ReelDifferenceError) {
    let first = try Self.reading(.a) { () throws(TraceError) in
      try ReelTotals(a, metadata: metadata?.a, mask: mask, range: rangeA)
    }
    let second = try Self.reading(.b) { () throws(TraceError) in
      try ReelTotals(b, metadata: metadata?.b, mask: mask, range: rangeB)
    }
    setTotals(first, second)
  }

  private mutating func setTotals(_ a: ReelTotals, _ b: ReelTotals) {
    totals = TotalDifference.between(a, b)
    omittedTotals = OmittedTotals(mask, a, b)
    limits += ReelTotals.limits(of: [a, b])
  }
}
