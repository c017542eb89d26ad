public import Analysis

/// The CSV of `stats`: a line for each row of a table, all times in nanoseconds.
public enum StatisticsCSV {
  private static let times = [
    "samples", "total_ns", "min_ns", "max_ns", "mean_ns", "rsd_percent", "p50_ns", "p90_ns",
    "p99_ns", "p999_ns",
  ]

  /// The heading and the rows of the table asked for.
  ///
  /// - Parameters:
  ///   - limit: the most rows; `nil` for all.
  ///   - view: which of a row's two times the rows are sorted by.
  public static func render(
    _ table: ExitTable, sortKey: ExitSortKey = .sample, limit: Int? = nil,
    view: StatisticsText.View = .handling
  ) -> String {
    let headings =
      ["event"] + table.dimensions.map(\.rawValue)
      + ["label", "samples", "samples_percent", "time_percent", "bytes"]
      + times.map { "handling_" + $0 } + times.map { "guest_" + $0 }
      + ["handled_by_kernel", "returned", "interrupted"]
    let sorted = sortKey.sorted(table.rows, by: view == .handling ? \.handling : \.inGuest)
    let lines =
      [headings] + sorted.prefix(max(0, limit ?? sorted.count)).map { cells($0, table.event) }
    return text(lines)
  }

  private static func cells(_ row: ExitRow, _ event: ExitFilter) -> [String] {
    [event.rawValue] + row.cells
      + [
        row.label ?? "", String(row.samples), NumberText.fixed(row.samplesPercent, decimals: 4),
        NumberText.fixed(row.timePercent, decimals: 4), String(row.byteCount),
      ] + cells(row.handling) + cells(row.inGuest)
      + [row.outcomes?.handledByKernel, row.outcomes?.returned, row.outcomes?.interrupted]
      .map { $0.map(String.init) ?? "" }
  }

  private static func cells(_ times: DurationSummary) -> [String] {
    [
      String(times.samples), String(times.totalNanoseconds), String(times.minimumNanoseconds),
      String(times.maximumNanoseconds), String(times.meanNanoseconds),
      NumberText.fixed(times.relativeErrorPercent, decimals: 4), String(times.p50Nanoseconds),
      String(times.p90Nanoseconds), String(times.p99Nanoseconds), String(times.p999Nanoseconds),
    ]
  }

  /// The rows of a series of intervals.
  public static func render(
    _ cells: [IntervalSeries.Cell], dimensions: [ExitDimension]
  ) -> String {
    let headings =
      ["start_ns"] + dimensions.map(\.rawValue)
      + ["samples", "handling_total_ns", "handling_max_ns", "guest_total_ns"]
    return text(
      [headings]
        + cells.map { cell in
          [String(cell.startNanoseconds)] + cell.cells
            + [
              cell.samples, cell.handlingNanoseconds, cell.maximumNanoseconds,
              cell.guestNanoseconds,
            ].map { String($0) }
        })
  }

  /// Slow exits.
  public static func render(_ exits: [SlowExits.Exit]) -> String {
    let headings = [
      "event", "reason", "place", "vcpu", "rip", "symbol", "exit_ns", "handling_ns", "guest_ns",
    ]
    return text(
      [headings]
        + exits.map { exit in
          [
            String(exit.index), exit.reason, exit.place, String(exit.vcpu), exit.rip.description,
            exit.symbol ?? "", String(exit.exitNanoseconds), String(exit.handlingNanoseconds),
            String(exit.guestNanoseconds),
          ]
        })
  }

  private static func text(_ lines: [[String]]) -> String {
    lines.map { $0.map(EscapedText.csv).joined(separator: ",") + "\n" }.joined()
  }
}
