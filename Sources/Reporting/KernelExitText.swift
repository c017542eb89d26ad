public import Analysis

/// Which table of kernel exits to show.
public enum KernelExitTable: String, Sendable, CaseIterable {
  /// By reason.
  case kernel
  /// Faults of nested paging by guest page.
  case npf
}

/// The exits the host's kernel saw, as text and CSV.
public enum KernelExitText {
  /// Pages shown in the summary when no limit is asked for.
  private static let shownPages = 10

  /// One table under the line that says where it comes from.
  ///
  /// - Parameter limit: the most rows; `nil` for all.
  public static func render(
    _ statistics: KernelExitStatistics, _ table: KernelExitTable, limit: Int? = nil
  ) -> String {
    let lines = table == .kernel ? reasons(statistics, limit) : pages(statistics, limit)
    return (["# " + heading(statistics), ""] + lines + [""] + losses(statistics))
      .joined(separator: "\n") + "\n"
  }

  /// What the overview says: the source, the reasons, the pages with the most faults.
  static func overview(_ statistics: KernelExitStatistics, limit: Int?) -> [String] {
    var lines = ["K" + heading(statistics).dropFirst()]
    if !statistics.reasons.isEmpty { lines += reasons(statistics, limit) }
    if !statistics.faultPages.isEmpty {
      let faults = statistics.faultPages.reduce(0) { $0 &+ $1.faults }
      lines += [
        "",
        "Nested-paging faults by guest page (\(faults) in "
          + NumberText.count(UInt64(statistics.faultPages.count), "page") + "):",
      ]
      lines += pages(statistics, limit ?? shownPages)
    }
    return lines + losses(statistics)
  }

  private static func heading(_ statistics: KernelExitStatistics) -> String {
    "kernel exits: " + statistics.source.sentence
  }

  private static func reasons(_ statistics: KernelExitStatistics, _ limit: Int?) -> [String] {
    var table = TextTable([
      ("KERNEL-EXIT", .right), ("Samples", .right), ("Samples%", .right), ("In kernel", .right),
      ("To runner", .right), ("Kicked", .right), ("Avg guest time", .right),
      ("Avg kernel time", .right), ("Kernel time", .right),
    ])
    let rows = statistics.reasons
    for row in rows.prefix(limit ?? rows.count) {
      table.add([
        EscapedText.terminal(row.name), String(row.samples),
        NumberText.percent(row.samplesPercent), String(row.handled), String(row.returned),
        String(row.interrupted), mean(row.inGuest), mean(row.inKernel),
        row.inKernel.samples == 0 ? "-" : NumberText.duration(row.inKernel.totalNanoseconds),
      ])
    }
    return table.lines + more(rows.count, limit)
  }

  private static func pages(_ statistics: KernelExitStatistics, _ limit: Int?) -> [String] {
    var table = TextTable([
      ("GUEST PAGE", .right), ("Faults", .right), ("Writes", .right), ("Fetches", .right),
    ])
    let rows = statistics.faultPages
    for row in rows.prefix(limit ?? rows.count) {
      table.add([
        row.page.description, String(row.faults), String(row.writes), String(row.fetches),
      ])
    }
    return table.lines + more(rows.count, limit)
  }

  private static func more(_ count: Int, _ limit: Int?) -> [String] {
    let hidden = count - min(count, limit ?? count)
    return hidden > 0 ? ["(\(hidden) more rows)"] : []
  }

  private static func mean(_ time: DurationSummary) -> String {
    time.samples == 0 ? "-" : NumberText.microseconds(time.meanNanoseconds)
  }

  private static func losses(_ statistics: KernelExitStatistics) -> [String] {
    var lines: [String] = []
    if statistics.faultsWithoutAddress > 0 {
      lines.append("Nested-paging faults with address unknown: \(statistics.faultsWithoutAddress)")
    }
    if statistics.otherFaults > 0 {
      lines.append("Nested-paging faults in further pages: \(statistics.otherFaults)")
    }
    if statistics.lostToDamage > 0 {
      lines.append("Kernel exits lost to damaged blocks: \(statistics.lostToDamage)")
    }
    return lines
  }

  /// One table as CSV, times in nanoseconds.
  public static func csv(
    _ statistics: KernelExitStatistics, _ table: KernelExitTable, limit: Int? = nil
  ) -> String {
    var lines: [[String]]
    switch table {
    case .kernel:
      lines = [
        [
          "isa", "code", "name", "samples", "samples_percent", "handled", "returned",
          "interrupted", "guest_total_ns", "guest_mean_ns", "kernel_samples", "kernel_total_ns",
          "kernel_mean_ns", "kernel_max_ns",
        ]
      ]
      lines += statistics.reasons.prefix(limit ?? statistics.reasons.count).map(cells)
    case .npf:
      lines = [["page", "faults", "writes", "fetches"]]
      lines += statistics.faultPages.prefix(limit ?? statistics.faultPages.count).map {
        [$0.page.description, String($0.faults), String($0.writes), String($0.fetches)]
      }
    }
    return lines.map { $0.map(EscapedText.csv).joined(separator: ",") + "\n" }.joined()
  }

  private static func cells(_ row: KernelExitRow) -> [String] {
    [row.isa, row.code.description, row.name, String(row.samples)]
      + [NumberText.fixed(row.samplesPercent, decimals: 4)]
      + [
        row.handled, row.returned, row.interrupted, row.inGuest.totalNanoseconds,
        row.inGuest.meanNanoseconds, row.inKernel.samples, row.inKernel.totalNanoseconds,
        row.inKernel.meanNanoseconds, row.inKernel.maximumNanoseconds,
      ].map { String($0) }
  }
}
