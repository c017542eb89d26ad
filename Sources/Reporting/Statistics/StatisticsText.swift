public import Analysis

/// The text of `stats`: perf's table, then what perf cannot show.
public struct StatisticsText {
  /// Which of an exit's two times a table shows.
  public enum View: String, Sendable, CaseIterable {
    /// From leaving the guest to entering it again.
    case handling
    /// From entering the guest to leaving it.
    case guest
  }

  /// The order of the rows.
  public var sortKey = ExitSortKey.sample
  /// The columns; `nil` for those that suit the table.
  public var fields: [StatisticsField]?
  /// The time to show.
  public var view = View.handling
  /// The most rows of a table to show; `nil` for all.
  public var limit: Int?
  /// Whether to show nothing but the table that was asked for.
  public var isTableOnly = false
  /// Whether to write Markdown instead of plain text.
  public var isMarkdown = false

  /// Shows exits most samples first, with handling times.
  public init() {}

  /// The whole report.
  public func render(_ statistics: ExitStatistics) -> String {
    var lines = heading(statistics)
    lines += table(statistics.table)
    lines += histograms(statistics.table)
    if !isTableOnly {
      lines += section(
        "Host-made exits (they differ between runs of equal guests):", statistics.hostMade)
      lines += section("Injected interrupts, and how long they waited:", statistics.interrupts)
      lines += section("HLTs by what ended them:", statistics.halts)
      lines += section("Exits the host's kernel saw:", statistics.kernelExits)
      lines += StandingOutText.lines(statistics.findings, isMarkdown: isMarkdown)
    }
    lines += ["", list("Kernel exits: \(statistics.kernel.sentence)")]
    lines += totals(statistics.totals, statistics.population).map(list)
    lines += missing(statistics).map(list)
    return lines.joined(separator: "\n") + "\n"
  }

  private func heading(_ statistics: ExitStatistics) -> [String] {
    let what =
      statistics.table.event == .irq
      ? "from pending to injected"
      : view == .handling ? "handling an exit" : "in the guest before an exit"
    let lines = [
      statistics.scope,
      statistics.totals.timesAreStripped
        ? "times: stripped from this reel" : "times: host time \(what)",
    ]
    return lines.map { isMarkdown ? $0 + "  " : "# " + $0 } + [""]
  }

  private func section(_ title: String, _ table: ExitTable) -> [String] {
    guard !table.rows.isEmpty else { return [] }
    return isMarkdown
      ? ["", "### " + title, ""] + self.table(table) : ["", title] + self.table(table)
  }

  private func list(_ line: String) -> String { isMarkdown ? "- " + line : line }

  /// One table, in the order and with the columns asked for.
  func table(_ table: ExitTable) -> [String] {
    let fields = fields ?? StatisticsField.standard(for: table)
    let names = table.dimensions.map { $0 == .reason ? "VM-EXIT" : $0.rawValue.uppercased() }
    var text = TextTable(
      names.map { ($0, .right) }
        + fields.flatMap { field in
          field.headings.map { ($0, field == .name ? .left : .right) }
        })
    let time = view == .handling ? \ExitRow.handling : \ExitRow.inGuest
    let whole = table.rows.reduce(UInt64(0)) { sum, row in
      let (total, overflow) = sum.addingReportingOverflow(row[keyPath: time].totalNanoseconds)
      return overflow ? .max : total
    }
    let sorted = sortKey.sorted(table.rows, by: time)
    let shown = sorted.prefix(max(0, limit ?? sorted.count))
    for row in shown {
      text.add(
        row.cells.map { EscapedText.terminal($0) }
          + fields.flatMap { $0.cells(row, row[keyPath: time], whole: whole) })
    }
    let hidden = sorted.count - shown.count
    return (isMarkdown ? text.markdownLines : text.lines)
      + (hidden > 0 ? (isMarkdown ? [""] : []) + ["(\(hidden) more rows)"] : [])
      + (table.foldedSamples > 0
        ? ["(\(table.foldedSamples) samples in `other`: too many keys)"] : [])
  }

  private func histograms(_ table: ExitTable) -> [String] {
    sortKey.sorted(table.rows).prefix(limit ?? table.rows.count).flatMap { row -> [String] in
      guard let buckets = row.histogram, !buckets.isEmpty else { return [] }
      return ["", "\(EscapedText.terminal(row.name)):"] + HistogramText.lines(buckets)
    }
  }

  private func missing(_ statistics: ExitStatistics) -> [String] {
    statistics.missingPhases.map {
      "Phase that never began: \(EscapedText.terminal($0))"
    }
  }

  private func totals(
    _ totals: StatisticsTotals, _ population: ExitStatistics.Population
  ) -> [String] {
    let hasEvents = population == .runner || population == .all
    var lines =
      hasEvents
      ? [
        "Total samples: \(totals.guestMadeExits) guest-made exits, "
          + "\(totals.hostMadeExits) host-made, \(totals.inputs) inputs, "
          + "\(totals.events) events in all"
      ] : []
    lines += [
      totals.timesAreStripped
        ? "Host time: stripped from this reel"
        : "Host time: \(NumberText.duration(totals.inGuestNanoseconds)) in the guest, "
          + "\(NumberText.duration(totals.handlingNanoseconds)) handling exits, "
          + "\(NumberText.duration(totals.durationNanoseconds)) recording"
          + (hasEvents
            ? ", \(NumberText.fixed(totals.exitsPerSecond, decimals: 0)) exits/s" : ""),
      "Virtual time: \(NumberText.duration(totals.virtualTimeNanoseconds))",
      "Keyframes: \(Listing.counts(totals.keyframes)); "
        + NumberText.count(totals.sealedSegments, "sealed segment"),
    ]
    if !isTableOnly {
      lines.append("Console bytes: \(Listing.counts(totals.consoleBytes))")
    }
    if let ending = totals.ending {
      lines.append("End: \(EscapedText.terminal(ending.description))")
    }
    lines += losses(totals)
    return lines
  }

  private func losses(_ totals: StatisticsTotals) -> [String] {
    let counts: [(UInt64, String)] = [
      (totals.unusableTimes, "Times that ran backwards, left out: "),
      (totals.lostEvents, "Events lost to damaged blocks: "),
      (totals.lostKernelExits, "Kernel exits lost to damaged blocks: "),
      (totals.unreadableKeyframes, "Unreadable keyframes: "),
      (totals.faultsWithoutAddress, "Nested-paging faults with address unknown: "),
    ]
    return counts.filter { $0.0 > 0 }.map { $0.1 + String($0.0) }
  }
}

/// What stands out, as text.
public enum StandingOutText {
  /// The findings under a heading; no lines when there are none.
  static func lines(_ findings: [StandingOut.Finding], isMarkdown: Bool) -> [String] {
    guard !findings.isEmpty else { return [] }
    let lines = findings.map { finding in
      "- \(NumberText.percent(finding.exitsPercent)): \(finding.sentence)"
        + (finding.handlingNanoseconds == 0
          ? "" : " (\(NumberText.duration(finding.handlingNanoseconds)))")
    }
    return ["", (isMarkdown ? "### " : "") + "What stands out:"] + (isMarkdown ? [""] : []) + lines
  }
}

/// Bars for the buckets of a histogram.
enum HistogramText {
  private static let barWidth = 40

  static func lines(_ buckets: [DurationBucket]) -> [String] {
    let most = buckets.map(\.samples).max() ?? 1
    var table = TextTable(alignments: [.right, .right, .left])
    for bucket in buckets {
      let length = Int((Double(bucket.samples) / Double(max(most, 1)) * 40).rounded())
      table.add([
        "\(NumberText.duration(bucket.fromNanoseconds)) – \(NumberText.duration(bucket.toNanoseconds))",
        String(bucket.samples),
        String(repeating: "#", count: bucket.samples > 0 ? max(1, min(length, barWidth)) : 0),
      ])
    }
    return table.lines
  }
}

/// Small lists in a line.
enum Listing {
  /// `base 1, seal 2`, by name; `none` when empty.
  static func counts(_ counts: [String: UInt64]) -> String {
    guard !counts.isEmpty else { return "none" }
    return counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
      .joined(separator: ", ")
  }
}
