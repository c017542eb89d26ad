public import Analysis

/// The CSV of `stats`: one row for each row of a table, all times in nanoseconds.
public enum StatisticsCSV {
  private static let times = [
    "samples", "total_ns", "min_ns", "max_ns", "mean_ns", "rsd_percent", "p50_ns", "p90_ns",
    "p99_ns", "p999_ns",
  ]

  /// The heading and the rows of one grouping and of the host-made exits.
  ///
  /// - Parameter limit: the most rows of each; `nil` for all.
  public static func render(
    _ statistics: ExitStatistics, grouping: ExitGrouping = .vmexit,
    sortKey: ExitSortKey = .sample, limit: Int? = nil
  ) -> String {
    let headings =
      ["event", "name", "label", "samples", "samples_percent", "time_percent"]
      + times.map { "handling_" + $0 } + times.map { "guest_" + $0 }
    var lines = [headings.joined(separator: ",")]
    for (rows, event) in [
      (statistics.rows(of: grouping), grouping.rawValue), (statistics.hostMade, "host"),
    ] {
      let sorted = sortKey.sorted(rows)
      lines += sorted.prefix(limit ?? sorted.count).map { line($0, event: event) }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func line(_ row: ExitRow, event: String) -> String {
    let cells =
      [
        event, row.name, row.label ?? "", String(row.samples),
        NumberText.fixed(row.samplesPercent, decimals: 4),
        NumberText.fixed(row.timePercent, decimals: 4),
      ] + self.cells(row.handling) + self.cells(row.inGuest)
    return cells.map(EscapedText.csv).joined(separator: ",")
  }

  private static func cells(_ times: DurationSummary) -> [String] {
    [
      String(times.samples), String(times.totalNanoseconds), String(times.minimumNanoseconds),
      String(times.maximumNanoseconds), String(times.meanNanoseconds),
      NumberText.fixed(times.relativeErrorPercent, decimals: 4), String(times.p50Nanoseconds),
      String(times.p90Nanoseconds), String(times.p99Nanoseconds), String(times.p999Nanoseconds),
    ]
  }
}
