public import Analysis

/// The comparison of `stats --baseline`.
public enum BaselineText {
  /// A table of all rows and a line that sums it up.
  ///
  /// - Parameter limit: the most rows; `nil` for all.
  public static func render(
    _ comparison: BaselineComparison, limit: Int? = nil, isMarkdown: Bool = false
  ) -> String {
    var table = TextTable(
      comparison.dimensions.map { ($0 == .reason ? "VM-EXIT" : $0.rawValue.uppercased(), .right) }
        + [
          ("Baseline", .right), ("Samples", .right), ("Change", .right), ("Mean then", .right),
          ("Mean now", .right), ("Change", .right), ("Worse", .left),
        ])
    let shown = comparison.rows.prefix(limit ?? comparison.rows.count)
    for row in shown {
      table.add(
        row.cells.map { EscapedText.terminal($0) } + [
          String(row.baselineSamples), String(row.samples), change(row.samplesPercent),
          time(row.baselineMeanNanoseconds), time(row.meanNanoseconds), meanChange(row),
          row.regressions.map(\.rawValue).joined(separator: ", "),
        ])
    }
    let hidden = comparison.rows.count - shown.count
    let lines =
      (isMarkdown ? table.markdownLines : table.lines)
      + (hidden > 0 ? ["(\(hidden) more rows)"] : [])
    return (lines + ["", sentence(comparison)]).joined(separator: "\n") + "\n"
  }

  /// `worse: 2 of 14 rows grew by more than 5 %`, or that none did.
  public static func sentence(_ comparison: BaselineComparison) -> String {
    let count = comparison.regressions.count
    let threshold = NumberText.fixed(comparison.thresholdPercent, decimals: 1)
    return count == 0
      ? "no worse: none of \(comparison.rows.count) rows grew by more than \(threshold) %"
      : "worse: \(count) of \(comparison.rows.count) rows grew by more than \(threshold) %"
  }

  private static func change(_ percent: Double?) -> String {
    guard let percent else { return "new" }
    return (percent > 0 ? "+" : "") + NumberText.percent(percent)
  }

  /// Nothing where there is no mean to compare with, though the row itself is old.
  private static func meanChange(_ row: BaselineComparison.Row) -> String {
    if row.baselineSamples == 0 { return "new" }
    guard row.samples > 0, row.meanPercent != nil else { return "-" }
    return change(row.meanPercent)
  }

  private static func time(_ nanoseconds: UInt64) -> String {
    nanoseconds == 0 ? "-" : NumberText.microseconds(nanoseconds)
  }
}
