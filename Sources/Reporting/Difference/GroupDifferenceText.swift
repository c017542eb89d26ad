public import Analysis

/// The text of `diff` for several reels on each side.
public struct GroupDifferenceText {
  /// The most rows of a table.
  public var limit = 20
  /// Whether rows in which all reels have equal counts are shown.
  public var showsEqual = false

  /// Shows twenty rows of a table.
  public init() {}

  /// The whole report.
  public func render(_ difference: GroupDifference) -> String {
    var lines = configuration(difference.configuration)
    lines += difference.limits.map { "Note: \($0)." }
    lines += (lines.isEmpty ? [] : [""]) + method(difference)
    lines += tables(difference) + ["", Self.sentence(difference)]
    return lines.joined(separator: "\n") + "\n"
  }

  /// What the tests say together.
  public static func sentence(_ difference: GroupDifference) -> String {
    let level = Self.level(difference.alpha)
    let counts = difference.rows.count { $0.counts?.isSignificant == true }
    let times = difference.rows.count { $0.meanNanoseconds?.isSignificant == true }
    switch difference.verdict {
    case .changed:
      return "Changed at \(level): \(NumberText.count(UInt64(counts), "count")), "
        + "\(NumberText.count(UInt64(times), "mean time"))."
    case .same: return "No count and no mean time changed significantly at \(level)."
    case .tooFewReels:
      let need = difference.sufficientReels.map { "at least \($0)" } ?? "far more"
      return
        "Nothing changed significantly at \(level), and with so few reels not everything could: "
        + "give \(need) on each side."
    }
  }

  private func configuration(_ differences: [ConfigurationDifference]) -> [String] {
    guard !differences.isEmpty else { return [] }
    var lines = ["Configuration of the first reels differs:"]
    for entry in differences.prefix(limit) {
      lines.append("  " + EscapedText.terminal(entry.path))
      lines.append("    A  " + EscapedText.terminal(entry.a ?? "(absent)"))
      lines.append("    B  " + EscapedText.terminal(entry.b ?? "(absent)"))
    }
    if differences.count > limit { lines.append("  (\(differences.count - limit) more)") }
    return lines
  }

  private func method(_ difference: GroupDifference) -> [String] {
    let p = difference.method == .exact ? "exact" : "normal approximation"
    return [
      "\(difference.reelsA) reels against \(difference.reelsB): medians, and p of the two-sided "
        + "Mann-Whitney U test (\(p)).",
      "The smallest p possible with so many reels is \(Self.p(difference.smallestP)).",
      "\"Holm\" is p corrected for \(NumberText.count(UInt64(difference.countTests), "test")) of "
        + "counts, and for \(difference.timeTests) of mean times; rows that rank alike are one test.",
      "* marks what changed significantly, at \(Self.level(difference.alpha)).",
    ]
  }

  private func tables(_ difference: GroupDifference) -> [String] {
    let hasTimes = difference.rows.contains { $0.meanNanoseconds != nil }
    let columns = hasTimes ? 12 : 7
    var table = TextTable(alignments: [.left] + Array(repeating: .right, count: columns - 1))
    var hidden = 0
    for place in ReelTotals.Place.allCases {
      let rows = difference.rows.filter { $0.place == place }
      let shown = rows.filter { showsEqual || $0.isSignificant || $0.counts?.isConstant != true }
      hidden += rows.count - shown.count
      guard !shown.isEmpty else { continue }
      table.add(Array(repeating: "", count: columns))
      let heading = [TotalsColumn.heading(place), "A", "B", "Delta", "%", "p", "Holm"]
      let time = place == .vector ? "Wait" : "Mean"
      table.add(heading + (hasTimes ? ["\(time) A", "\(time) B", "%", "p", "Holm"] : []))
      for row in shown.prefix(limit) { table.add(cells(row, hasTimes: hasTimes)) }
      if shown.count > limit {
        table.add(["(\(shown.count - limit) more)"] + Array(repeating: "", count: columns - 1))
      }
    }
    guard hidden > 0 else { return table.lines }
    let rows = NumberText.count(
      UInt64(hidden), "row has the same count in all reels",
      "rows have the same counts in all reels")
    let remark = "(\(rows) and no significant time; --all shows \(hidden == 1 ? "it" : "them"))"
    return table.lines + ["", remark]
  }

  private func cells(_ row: GroupTotalDifference, hasTimes: Bool) -> [String] {
    let counts = row.counts
    let isGone = counts?.medianB == 0 && counts?.medianA != 0
    let isSame = counts?.medianA == 0 && counts?.medianB == 0
    let name = TotalsColumn.name(row.name, row.label, isIdle: row.isIdle && hasTimes)
    let first = [
      name, Self.median(counts?.medianA), Self.median(counts?.medianB),
      counts?.delta.map { Self.number($0, sign: true) } ?? "-",
      isGone ? "gone" : isSame ? "0.00" : TotalsColumn.percent(counts?.percent),
    ]
    guard hasTimes else { return first + tests(counts) }
    let times = row.meanNanoseconds
    func mean(_ value: Double?) -> String {
      value.map { NumberText.fixed($0 / 1000, decimals: 2) + "us" } ?? "-"
    }
    return first + tests(counts) + [
      mean(times?.medianA), mean(times?.medianB),
      times?.percent.map { TotalsColumn.signed($0, decimals: 2) } ?? "-",
    ] + tests(times)
  }

  private func tests(_ samples: GroupSamples?) -> [String] {
    guard let samples, let test = samples.test, let corrected = samples.correctedP else {
      return ["-", "-"]
    }
    return [Self.p(test.p), Self.p(corrected) + (samples.isSignificant ? "*" : "")]
  }

  private static func median(_ value: Double?) -> String {
    value.map { number($0, sign: false) } ?? "-"
  }

  /// Whole, or a half.
  private static func number(_ value: Double, sign: Bool) -> String {
    let decimals = value.rounded() == value ? 0 : 1
    return sign
      ? TotalsColumn.signed(value, decimals: decimals)
      : NumberText.fixed(value, decimals: decimals)
  }

  /// `0.05`, without zeros behind.
  private static func level(_ alpha: Double) -> String {
    var text = NumberText.fixed(alpha, decimals: 6)
    while text.last == "0" { text.removeLast() }
    return text
  }

  private static func p(_ value: Double) -> String {
    value < 0.0001 ? "<0.0001" : NumberText.fixed(value, decimals: 4)
  }
}
