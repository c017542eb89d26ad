public import Trace

/// What differs between two groups of reels, several recordings of each side: rows of totals, each
/// with a rank test, so that noise is not taken for change.
///
/// Tested are the counts, and the mean handling times but for HLT's, which is idle. All tests of
/// counts, and all of times, are corrected together by Holm's method. Rows in which all reels are
/// equal cannot differ and are no tests; rows whose reels rank alike (`out`, and the one port that
/// was written) have the same p whatever happens, so they are one test.
public struct GroupDifference: Codable, Equatable, Sendable {
  /// The schema of the Codable form.
  public static let schemaName = "vmreel.diff-groups/1"
  /// The level of significance unless another is asked for.
  public static let defaultAlpha = 0.05
  /// Reels of a side that are proposed at most.
  private static let mostReels = 100

  /// What the tests say together.
  public enum Verdict: String, Codable, Sendable {
    /// No count and no time changed significantly.
    case same
    /// Some did.
    case changed
    /// None did, and with so few reels none can.
    case tooFewReels = "too-few-reels"
  }

  /// ``schemaName``.
  public var schema = Self.schemaName
  /// The units of the numbers, by the ends of their names.
  public var units = ["Nanoseconds": "nanoseconds of host time", "percent": "percent"]
  /// Fields in which the metadata of each side's first reels differ, the weightiest first.
  public var configuration: [ConfigurationDifference] = []
  /// What was not compared, or is doubtful; one sentence each.
  public var limits: [String] = []
  /// Reels on the first side.
  public var reelsA: Int
  /// Reels on the second side.
  public var reelsB: Int
  /// The level of significance, 0–1.
  public var alpha: Double
  /// How p is found with so many reels.
  public var method: RankTest.Method
  /// The smallest p that so many reels can give, before the correction.
  public var smallestP: Double
  /// Tests of counts that were corrected together.
  public var countTests = 0
  /// Tests of mean handling times that were corrected together.
  public var timeTests = 0
  /// What the tests say together.
  public var verdict = Verdict.same
  /// The rows: by table, the significant ones first, then by impact.
  public var rows: [GroupTotalDifference] = []

  /// Compares the totals of two groups.
  ///
  /// - Parameters:
  ///   - a: the first side's totals, at least one.
  ///   - b: the second side's, at least one.
  ///   - metadata: of all reels, in the same order; without it configurations are not compared.
  ///   - alpha: the level of significance, 0–1.
  ///   - comparesTimes: whether times are compared where all reels have some.
  public init(
    _ a: [ReelTotals], _ b: [ReelTotals], metadata: (a: [Metadata], b: [Metadata]) = ([], []),
    alpha: Double = defaultAlpha, comparesTimes: Bool = true
  ) {
    if let first = metadata.a.first, let second = metadata.b.first {
      configuration = ConfigurationDifference.between(first, second)
    }
    self.alpha = alpha
    (reelsA, reelsB) = (a.count, b.count)
    method = RankTest.method(a.count, b.count)
    smallestP = RankTest.smallestP(max(1, a.count), max(1, b.count))
    limits = Self.limits("A", a, metadata.a) + Self.limits("B", b, metadata.b)
    limits += ReelTotals.limits(of: a + b)
    let hasTimes = comparesTimes && (a + b).allSatisfy(\.hasTimes)
    if comparesTimes, !hasTimes {
      limits.append("a reel has no host times, so only counts are compared")
    }
    let (left, right) = (a.map(\.rows), b.map(\.rows))
    let meanCost = ReelTotals.meanCost(of: a + b) ?? 0
    let keys = (left + right).reduce(into: Set<TotalKey>()) { $0.formUnion($1.keys) }
    rows = keys.sorted().map { key in
      GroupTotalDifference(
        key, left.map { $0[key] }, right.map { $0[key] }, hasTimes: hasTimes, meanCost: meanCost)
    }
    countTests = correct(\.counts)
    timeTests = correct(\.meanNanoseconds)
    rows = TotalOrder.impact.sorted(rows)
    if rows.contains(where: \.isSignificant) {
      verdict = .changed
    } else if isPowerless {
      verdict = .tooFewReels
    }
  }

  /// Why the reels of a side may not be recordings of the same.
  private static func limits(
    _ side: String, _ totals: [ReelTotals], _ metadata: [Metadata]
  ) -> [String] {
    var limits: [String] = []
    if let first = metadata.first,
      let odd = metadata.dropFirst().lazy.compactMap({ other in
        ConfigurationDifference.between(first, other).first { $0.rank < .tool }
      }).first
    {
      limits.append("the reels of \(side) differ among themselves in \(odd.path)")
    }
    let trimmed = totals.count { $0.trimmedRange != nil }
    if trimmed > 0 {
      limits.append("trimmed are \(trimmed) reels of \(side): their totals are of what is left")
    }
    return limits
  }

  /// Corrects the p values of all rows together.
  ///
  /// - Returns: how many different tests there are.
  private mutating func correct(
    _ path: WritableKeyPath<GroupTotalDifference, GroupSamples?>
  ) -> Int {
    var numbers: [[Int]: Int] = [:]
    var values: [Double] = []
    var tests: [(row: Int, number: Int)] = []
    for row in rows.indices {
      guard let samples = rows[row][keyPath: path], let test = samples.test, !samples.isConstant
      else { continue }
      let pattern = samples.rankPattern
      let number = numbers[pattern] ?? values.count
      if number == values.count {
        numbers[pattern] = number
        values.append(test.p)
      }
      tests.append((row, number))
    }
    let corrected = RankTest.holm(values)
    for (row, number) in tests {
      rows[row][keyPath: path]?.correctedP = corrected[number]
      rows[row][keyPath: path]?.isSignificant = corrected[number] <= alpha
    }
    return values.count
  }

  /// Whether there is something to test, counts or times, and no p can be small enough.
  private var isPowerless: Bool {
    [countTests, timeTests].contains { $0 > 0 && smallestP * Double($0) > alpha }
  }

  /// How many reels on each side could show a change at the level of significance; `nil` when it
  /// takes more than a hundred.
  public var sufficientReels: Int? {
    let tests = Double(max(1, countTests, timeTests))
    return (1...Self.mostReels).first { RankTest.smallestP($0, $0) * tests <= alpha }
  }
}

/// One row of totals in all reels of two groups.
public struct GroupTotalDifference: Codable, Equatable, Sendable {
  /// Which table it belongs to.
  public var place: ReelTotals.Place
  /// The reason's name, the place in perf's spelling, the kick's cause or the vector.
  public var name: String
  /// What the data sheet calls the place: `COM1 THR`.
  public var label: String?
  /// Whether its times are idle times: HLT.
  public var isIdle: Bool
  /// The counts.
  public var counts: GroupSamples?
  /// The mean handling times in nanoseconds; of interrupts, how long they waited.
  ///
  /// Only of the reels that have some of the row; `nil` when a reel has no times at all.
  public var meanNanoseconds: GroupSamples?
  /// By how much the median of the total handling times changed, as of
  /// ``TotalDifference/impactNanoseconds``; `nil` when a reel has no times.
  public var impactNanoseconds: Double?

  /// Whether the counts or the times changed significantly.
  public var isSignificant: Bool {
    counts?.isSignificant == true || meanNanoseconds?.isSignificant == true
  }

  init(_ key: TotalKey, _ a: [ExitRow?], _ b: [ExitRow?], hasTimes: Bool, meanCost: Double) {
    place = key.place
    name = key.name
    label = (a + b).lazy.compactMap { $0?.label }.first
    isIdle = key.isIdle
    let counts = GroupSamples(a.map { $0?.samples ?? 0 }, b.map { $0?.samples ?? 0 })
    self.counts = counts
    guard hasTimes else { return }
    func means(_ rows: [ExitRow?]) -> [UInt64] {
      rows.compactMap { TotalDifference.Times($0)?.meanNanoseconds }
    }
    func total(_ rows: [ExitRow?]) -> Double {
      GroupSamples.median(rows.map { $0?.handling.totalNanoseconds ?? 0 }) ?? 0
    }
    meanNanoseconds = GroupSamples(means(a), means(b), isTested: !isIdle)
    impactNanoseconds =
      isIdle
      ? ((counts.delta ?? 0).magnitude * meanCost).rounded() : (total(b) - total(a)).magnitude
  }
}

/// One number of all reels of two groups, and whether it changed.
public struct GroupSamples: Codable, Equatable, Sendable {
  /// The first side's, in the order of its reels.
  public var a: [UInt64]
  /// The second side's.
  public var b: [UInt64]
  /// The median of the first side; `nil` when it has none.
  public var medianA: Double?
  /// The median of the second side.
  public var medianB: Double?
  /// The second median minus the first.
  public var delta: Double?
  /// The delta relative to the first, in percent; `nil` when that is 0.
  public var percent: Double?
  /// The test; `nil` when a side has none, or the number is not tested.
  public var test: RankTest?
  /// The test's p, corrected for all tests made; `nil` when all reels are equal.
  public var correctedP: Double?
  /// Whether the corrected p is at most the level of significance.
  public var isSignificant = false

  init(_ a: [UInt64], _ b: [UInt64], isTested: Bool = true) {
    self.a = a
    self.b = b
    medianA = Self.median(a)
    medianB = Self.median(b)
    if let medianA, let medianB {
      delta = medianB - medianA
      percent = medianA == 0 ? nil : 100 * (medianB - medianA) / medianA
    }
    test = isTested ? RankTest(a, b) : nil
  }

  /// The middle value, or the mean of the two in the middle; `nil` of none.
  static func median(_ values: [UInt64]) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    let (low, high) = (sorted[(sorted.count - 1) / 2], sorted[sorted.count / 2])
    return (Double(low) + Double(high)) / 2
  }

  /// Whether all reels have the same.
  public var isConstant: Bool { Set(a + b).count < 2 }

  /// How the reels rank, or the other way round: equal patterns are the same test.
  var rankPattern: [Int] {
    let ranks = RankTest.doubledRanks(of: a + b)
    let reversed = ranks.map { 2 * (ranks.count + 1) - $0 }
    // The number of the first side's values tells apart times that some reels lack.
    return [a.count] + (ranks.lexicographicallyPrecedes(reversed) ? ranks : reversed)
  }
}

extension TotalOrder {
  /// The rows by table, the significant ones first, and in this order in each.
  public func sorted(_ rows: [GroupTotalDifference]) -> [GroupTotalDifference] {
    sorted(rows) { row in
      let count = (row.counts?.delta ?? 0).magnitude
      return Weights(
        key: TotalKey(place: row.place, name: row.name), isFirst: row.isSignificant,
        impact: row.impactNanoseconds ?? count, count: count,
        percent: row.counts?.percent?.magnitude ?? .infinity,
        time: (row.meanNanoseconds?.delta ?? 0).magnitude)
    }
  }
}
