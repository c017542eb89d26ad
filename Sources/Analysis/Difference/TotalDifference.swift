/// How often something happened in each of two reels, and what it cost.
///
/// Its *impact* is by how much handling it changed what the run costs: the change of the handling
/// time, when both reels have times. HLT's handling time is idle time and would swamp all others, so
/// a HLT counts as what the other guest-made exits of both reels cost on average. Without times the
/// impact is the change of the count.
public struct TotalDifference: Codable, Equatable, Sendable {
  /// What handling the exits of one reel took; of interrupts, how long they waited.
  public struct Times: Codable, Equatable, Sendable {
    /// Exits whose time is known: all but the last.
    public var samples: UInt64
    /// The sum.
    public var totalNanoseconds: UInt64
    /// The mean, rounded.
    public var meanNanoseconds: UInt64
    /// The median.
    public var p50Nanoseconds: UInt64
    /// The 99th percentile.
    public var p99Nanoseconds: UInt64

    /// What a row of a table says; `nil` when it has no times.
    init?(_ row: ExitRow?) {
      guard let summary = row?.handling, summary.samples > 0 else { return nil }
      samples = summary.samples
      totalNanoseconds = summary.totalNanoseconds
      meanNanoseconds = summary.meanNanoseconds
      p50Nanoseconds = summary.p50Nanoseconds
      p99Nanoseconds = summary.p99Nanoseconds
    }
  }

  /// Which table it belongs to.
  public var place: ReelTotals.Place
  /// The reason's name, the place in perf's spelling, the kick's cause or the vector.
  public var name: String
  /// What the data sheet calls the place: `COM1 THR`.
  public var label: String?
  /// Whether its times are idle times: HLT.
  public var isIdle: Bool
  /// The count in the first reel.
  public var a: UInt64
  /// The count in the second reel.
  public var b: UInt64
  /// The second minus the first.
  public var delta: Int64
  /// The delta relative to the first, in percent; `nil` when the first has none.
  public var percent: Double?
  /// The times in the first reel; `nil` when it has none.
  public var timesA: Times?
  /// The times in the second reel.
  public var timesB: Times?
  /// The change of the total time; `nil` unless both reels have times.
  public var deltaNanoseconds: Int64?
  /// The impact in nanoseconds; `nil` unless both reels have times.
  public var impactNanoseconds: UInt64?

  /// Compares two rows, either of which may be missing.
  ///
  /// - Parameters:
  ///   - hasTimes: whether both reels have times.
  ///   - meanCost: what a HLT counts as, in nanoseconds.
  init(_ key: TotalKey, _ a: ExitRow?, _ b: ExitRow?, hasTimes: Bool, meanCost: Double) {
    place = key.place
    name = key.name
    label = a?.label ?? b?.label
    isIdle = key.isIdle
    self.a = a?.samples ?? 0
    self.b = b?.samples ?? 0
    delta = Int64(clamping: self.b) - Int64(clamping: self.a)
    percent = self.a == 0 ? nil : 100 * Double(delta) / Double(self.a)
    guard hasTimes else { return }
    timesA = Times(a)
    timesB = Times(b)
    let change =
      Int64(clamping: timesB?.totalNanoseconds ?? 0)
      - Int64(clamping: timesA?.totalNanoseconds ?? 0)
    deltaNanoseconds = change
    impactNanoseconds =
      isIdle
      ? UInt64(exactly: (Double(delta.magnitude) * meanCost).rounded()) ?? .max : change.magnitude
  }

  /// All rows of two reels, by impact.
  public static func between(_ a: ReelTotals, _ b: ReelTotals) -> [TotalDifference] {
    let (left, right) = (a.rows, b.rows)
    let hasTimes = a.hasTimes && b.hasTimes
    let meanCost = ReelTotals.meanCost(of: [a, b]) ?? 0
    return TotalOrder.impact.sorted(
      Set(left.keys).union(right.keys).map {
        TotalDifference($0, left[$0], right[$0], hasTimes: hasTimes, meanCost: meanCost)
      })
  }

  /// Whether the guests did the same as often: what the host made does not count.
  static func haveEqualCounts(_ totals: [TotalDifference]) -> Bool {
    totals.allSatisfy { $0.delta == 0 || $0.place.isHostMade }
  }
}

/// What to order the rows of each table of totals by; equal ones by their names.
public enum TotalOrder: String, Sendable, CaseIterable {
  /// The impact, largest first, then the change of the count.
  case impact
  /// The change of the count, largest first.
  case count
  /// The change of the count relative to the first side, what it has none of first.
  case percent
  /// The change of the total time, largest first, idle time too.
  case time
  /// The name.
  case name

  /// The rows by table, and in this order in each.
  public func sorted(_ rows: [TotalDifference]) -> [TotalDifference] {
    sorted(rows) { row in
      let count = Double(row.delta.magnitude)
      return Weights(
        key: TotalKey(place: row.place, name: row.name),
        impact: row.impactNanoseconds.map { Double($0) } ?? count, count: count,
        percent: row.percent?.magnitude ?? .infinity,
        time: row.deltaNanoseconds.map { Double($0.magnitude) } ?? 0)
    }
  }

  /// What a row of either kind weighs.
  struct Weights {
    var key: TotalKey
    /// Whether it stands before all rows of its table that are not.
    var isFirst = false
    var impact: Double
    var count: Double
    var percent: Double
    var time: Double
  }

  /// Rows of any kind by table, and in this order in each.
  func sorted<Row>(_ rows: [Row], by weights: (Row) -> Weights) -> [Row] {
    rows.map { (row: $0, weights: weights($0)) }
      .sorted { isBefore($0.weights, $1.weights) }
      .map(\.row)
  }

  private func isBefore(_ left: Weights, _ right: Weights) -> Bool {
    if left.key.place != right.key.place { return left.key < right.key }
    if left.isFirst != right.isFirst { return left.isFirst }
    let (first, second): (Double, Double) =
      switch self {
      case .impact: (left.impact, right.impact)
      case .count: (left.count, right.count)
      case .percent: (left.percent, right.percent)
      case .time: (left.time, right.time)
      case .name: (0, 0)
      }
    if first != second { return first > second }
    if self != .name, left.count != right.count { return left.count > right.count }
    return left.key < right.key
  }
}
