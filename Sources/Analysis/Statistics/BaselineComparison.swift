/// What a run does more of, or slower, than an older one: for a check in CI.
///
/// A row is worse when its samples grew by more than the threshold, or when its mean time did and
/// the growth is more than three standard errors, so that noise is not sold as change.
public struct BaselineComparison: Codable, Equatable, Sendable {
  /// The schema of the Codable form.
  public static let schemaName = "vmreel.stats-baseline/1"
  /// How many standard errors a mean must move by.
  private static let leastErrors = 3.0

  /// One row of either table.
  public struct Row: Codable, Equatable, Sendable {
    /// The value of each dimension.
    public var cells: [String]
    /// Samples in the baseline.
    public var baselineSamples: UInt64
    /// Samples now.
    public var samples: UInt64
    /// Mean time in the baseline, in nanoseconds.
    public var baselineMeanNanoseconds: UInt64
    /// Mean time now.
    public var meanNanoseconds: UInt64
    /// What is worse; empty when nothing is.
    public var regressions: [Regression]
    /// Samples now against then, in percent; `nil` when there were none.
    public var samplesPercent: Double? {
      baselineSamples == 0
        ? nil : 100 * (Double(samples) / Double(baselineSamples) - 1)
    }
    /// The mean now against then, in percent; `nil` when there was none.
    public var meanPercent: Double? {
      baselineMeanNanoseconds == 0
        ? nil : 100 * (Double(meanNanoseconds) / Double(baselineMeanNanoseconds) - 1)
    }
  }

  /// What can be worse about a row.
  public enum Regression: String, Codable, Sendable {
    /// More samples.
    case samples
    /// A longer mean time.
    case meanTime = "mean-time"
  }

  /// ``schemaName``.
  public var schema = Self.schemaName
  /// By how much a number may grow, in percent.
  public var thresholdPercent: Double
  /// What the rows are told apart by.
  public var dimensions: [ExitDimension]
  /// All rows of both tables: the regressions first, then by samples.
  public var rows: [Row] = []

  /// Compares two tables of the same dimensions.
  ///
  /// - Parameters:
  ///   - time: which of a row's two times counts; `nil` for samples only.
  ///   - threshold: in percent.
  public init(
    _ table: ExitTable, baseline: ExitTable, threshold: Double,
    time: KeyPath<ExitRow, DurationSummary>?
  ) {
    thresholdPercent = threshold
    dimensions = table.dimensions
    let old = Dictionary(baseline.rows.map { ($0.cells, $0) }) { first, _ in first }
    let new = Dictionary(table.rows.map { ($0.cells, $0) }) { first, _ in first }
    rows = Set(old.keys).union(new.keys).map { cells in
      Self.row(cells, old[cells], new[cells], threshold: threshold, time: time)
    }.sorted { left, right in
      if left.regressions.isEmpty != right.regressions.isEmpty { return right.regressions.isEmpty }
      if left.samples != right.samples { return left.samples > right.samples }
      return left.cells.lexicographicallyPrecedes(right.cells)
    }
  }

  /// The rows with something worse.
  public var regressions: [Row] { rows.filter { !$0.regressions.isEmpty } }

  private static func row(
    _ cells: [String], _ old: ExitRow?, _ new: ExitRow?, threshold: Double,
    time: KeyPath<ExitRow, DurationSummary>?
  ) -> Row {
    let before = time.flatMap { old?[keyPath: $0] } ?? DurationSummary()
    let after = time.flatMap { new?[keyPath: $0] } ?? DurationSummary()
    var row = Row(
      cells: cells, baselineSamples: old?.samples ?? 0, samples: new?.samples ?? 0,
      baselineMeanNanoseconds: before.meanNanoseconds, meanNanoseconds: after.meanNanoseconds,
      regressions: [])
    let factor = 1 + threshold / 100
    if Double(row.samples) > Double(row.baselineSamples) * factor {
      row.regressions.append(.samples)
    }
    if before.samples > 1, after.samples > 1,
      Double(after.meanNanoseconds) > Double(before.meanNanoseconds) * factor,
      isBeyondNoise(before, after)
    {
      row.regressions.append(.meanTime)
    }
    return row
  }

  private static func isBeyondNoise(_ before: DurationSummary, _ after: DurationSummary) -> Bool {
    let errors = [before, after].map {
      Double($0.meanNanoseconds) * $0.relativeErrorPercent / 100
    }
    let error = (errors[0] * errors[0] + errors[1] * errors[1]).squareRoot()
    let growth = Double(after.meanNanoseconds) - Double(before.meanNanoseconds)
    return growth > leastErrors * error
  }
}
