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

  /// The exits to show.
  public var grouping = ExitGrouping.vmexit
  /// The order of the rows.
  public var sortKey = ExitSortKey.sample
  /// The time to show.
  public var view = View.handling
  /// The most rows of a table to show; `nil` for all.
  public var limit: Int?
  /// Whether to add percentile columns.
  public var showsPercentiles = false

  /// Shows exits by reason, most samples first, with handling times.
  public init() {}

  /// The whole report.
  public func render(_ statistics: ExitStatistics) -> String {
    var lines = ["# " + statistics.scope]
    let what = view == .handling ? "handling an exit" : "in the guest before an exit"
    lines.append(
      statistics.totals.timesAreStripped
        ? "# times: stripped from this reel" : "# times: host time \(what)")
    lines.append("")
    lines += table(statistics.rows(of: grouping))
    if !statistics.hostMade.isEmpty {
      lines += ["", "Host-made exits (they differ between runs of equal guests):"]
      lines += table(statistics.hostMade)
    }
    if !statistics.interrupts.isEmpty {
      lines += ["", "Injected interrupts:"]
      lines += statistics.interrupts.map { "  vector \($0.vector)  \($0.count)" }
    }
    lines.append("")
    lines += KernelExitText.overview(statistics.kernel, limit: limit)
    lines.append("")
    lines += Self.totals(statistics.totals)
    return lines.joined(separator: "\n") + "\n"
  }

  private func table(_ rows: [ExitRow]) -> [String] {
    var headings = [
      "VM-EXIT", "Samples", "Samples%", "Time%", "Min Time", "Max Time",
      "Avg time (+- rsd%)",
    ]
    if showsPercentiles { headings += ["p50", "p90", "p99", "p99.9"] }
    let hasLabels = rows.contains { $0.label != nil }
    var table = TextTable(
      headings.map { ($0, .right) } + (hasLabels ? [("Name", .left)] : []))
    let time = rows.reduce(0.0) { $0 + Double(duration(of: $1).totalNanoseconds) }
    let sorted = sortKey.sorted(rows, by: view == .handling ? \.handling : \.inGuest)
    for row in sorted.prefix(limit.map { max(0, $0) } ?? sorted.count) {
      table.add(cells(of: row, time: time) + (hasLabels ? [row.label ?? ""] : []))
    }
    let hidden = sorted.count - min(sorted.count, limit.map { max(0, $0) } ?? sorted.count)
    return table.lines + (hidden > 0 ? ["(\(hidden) more rows)"] : [])
  }

  private func cells(of row: ExitRow, time: Double) -> [String] {
    let times = duration(of: row)
    let share = time > 0 ? 100 * Double(times.totalNanoseconds) / time : 0
    var cells = [
      row.name, String(row.samples), NumberText.percent(row.samplesPercent),
      time > 0 ? NumberText.percent(share) : "-",
    ]
    guard times.samples > 0 else {
      return cells + [String](repeating: "-", count: showsPercentiles ? 7 : 3)
    }
    cells += [
      NumberText.microseconds(times.minimumNanoseconds),
      NumberText.microseconds(times.maximumNanoseconds),
      NumberText.microseconds(times.meanNanoseconds)
        + " (+- \(NumberText.percent(times.relativeErrorPercent)))",
    ]
    guard showsPercentiles else { return cells }
    return cells
      + [
        times.p50Nanoseconds, times.p90Nanoseconds, times.p99Nanoseconds, times.p999Nanoseconds,
      ].map(NumberText.microseconds)
  }

  private func duration(of row: ExitRow) -> DurationSummary {
    view == .handling ? row.handling : row.inGuest
  }

  private static func totals(_ totals: StatisticsTotals) -> [String] {
    var lines = [
      "Total samples: \(totals.guestMadeExits) guest-made exits, "
        + "\(totals.hostMadeExits) host-made, \(totals.inputs) inputs, "
        + "\(totals.events) events in all",
      totals.timesAreStripped
        ? "Host time: stripped from this reel"
        : "Host time: \(NumberText.duration(totals.inGuestNanoseconds)) in the guest, "
          + "\(NumberText.duration(totals.handlingNanoseconds)) handling exits, "
          + "\(NumberText.duration(totals.durationNanoseconds)) recording",
      "Virtual time: \(NumberText.duration(totals.virtualTimeNanoseconds))",
      "Keyframes: \(Listing.counts(totals.keyframes)); "
        + NumberText.count(totals.sealedSegments, "sealed segment"),
      "Console bytes: \(Listing.counts(totals.consoleBytes))",
    ]
    if let ending = totals.ending {
      lines.append("End: \(EscapedText.terminal(ending.description))")
    }
    if totals.unusableTimes > 0 {
      lines.append("Times that ran backwards, left out: \(totals.unusableTimes)")
    }
    if totals.lostEvents > 0 {
      lines.append("Lost to damaged blocks: \(NumberText.count(totals.lostEvents, "event"))")
    }
    if totals.unreadableKeyframes > 0 {
      lines.append("Unreadable keyframes: \(totals.unreadableKeyframes)")
    }
    return lines
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
