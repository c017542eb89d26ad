public import Analysis

/// A column of the tables of `stats`, in perf's words where it has one.
public enum StatisticsField: String, Sendable, CaseIterable {
  /// Samples.
  case sample
  /// Their share.
  case percentSample = "percent_sample"
  /// The share of the time.
  case percentTime = "percent_time"
  /// The shortest.
  case minimum = "min_t"
  /// The longest.
  case maximum = "max_t"
  /// The mean, with its relative error.
  case mean = "mean_t"
  /// The median.
  case p50
  /// 90th percentile.
  case p90
  /// 99th percentile.
  case p99
  /// 99.9th percentile.
  case p999
  /// All of it.
  case time
  /// Bytes moved.
  case bytes
  /// What became of kernel exits: handled by the kernel alone, returned to the runner, kicked.
  case outcomes
  /// The data sheet's name of the place.
  case name

  /// The columns of a table for which none are asked.
  public static func standard(for table: ExitTable) -> [StatisticsField] {
    var fields: [StatisticsField] = [
      .sample, .percentSample, .percentTime, .minimum, .maximum, .mean, .p50, .p90, .p99, .p999,
      .time,
    ]
    if table.event != .vmexit, table.rows.contains(where: { $0.byteCount > 0 }) {
      fields.append(.bytes)
    }
    if table.rows.contains(where: { $0.outcomes != nil }) { fields.append(.outcomes) }
    if table.rows.contains(where: { $0.label != nil }) { fields.append(.name) }
    return fields
  }

  var headings: [String] {
    switch self {
    case .sample: ["Samples"]
    case .percentSample: ["Samples%"]
    case .percentTime: ["Time%"]
    case .minimum: ["Min Time"]
    case .maximum: ["Max Time"]
    case .mean: ["Avg time (+- rsd%)"]
    case .p50: ["p50"]
    case .p90: ["p90"]
    case .p99: ["p99"]
    case .p999: ["p99.9"]
    case .time: ["Total time"]
    case .bytes: ["Bytes"]
    case .outcomes: ["In kernel", "To runner", "Kicked"]
    case .name: ["Name"]
    }
  }

  func cells(_ row: ExitRow, _ time: DurationSummary, whole: UInt64) -> [String] {
    switch self {
    case .sample: return [String(row.samples)]
    case .percentSample: return [NumberText.percent(row.samplesPercent)]
    case .bytes: return [row.byteCount == 0 ? "-" : String(row.byteCount)]
    case .outcomes:
      let outcomes = row.outcomes
      return [outcomes?.handledByKernel, outcomes?.returned, outcomes?.interrupted]
        .map { $0.map(String.init) ?? "-" }
    case .name: return [row.label ?? ""]
    default: return [time.samples == 0 ? "-" : timeCell(time, whole: whole)]
    }
  }

  private func timeCell(_ time: DurationSummary, whole: UInt64) -> String {
    switch self {
    case .percentTime:
      whole == 0
        ? "-" : NumberText.percent(100 * Double(time.totalNanoseconds) / Double(whole))
    case .minimum: NumberText.microseconds(time.minimumNanoseconds)
    case .maximum: NumberText.microseconds(time.maximumNanoseconds)
    case .mean:
      NumberText.microseconds(time.meanNanoseconds)
        + " (+- \(NumberText.percent(time.relativeErrorPercent)))"
    case .p50: NumberText.microseconds(time.p50Nanoseconds)
    case .p90: NumberText.microseconds(time.p90Nanoseconds)
    case .p99: NumberText.microseconds(time.p99Nanoseconds)
    case .p999: NumberText.microseconds(time.p999Nanoseconds)
    case .time: NumberText.duration(time.totalNanoseconds)
    default: "-"
    }
  }
}
