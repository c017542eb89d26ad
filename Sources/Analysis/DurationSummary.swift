/// How long something took, over all its samples; nanoseconds throughout.
public struct DurationSummary: Codable, Equatable, Sendable {
  /// The number of samples.
  public var samples: UInt64 = 0
  /// Their sum; stops at 2⁶⁴ − 1.
  public var totalNanoseconds: UInt64 = 0
  /// The shortest.
  public var minimumNanoseconds: UInt64 = 0
  /// The longest.
  public var maximumNanoseconds: UInt64 = 0
  /// The mean, rounded.
  public var meanNanoseconds: UInt64 = 0
  /// What perf prints as `+- %`: the standard error of the mean, relative to the mean.
  public var relativeErrorPercent: Double = 0
  /// The standard deviation of the samples relative to the mean, in percent.
  public var relativeDeviationPercent: Double = 0
  /// The median; like the other percentiles at most 0.8 % off.
  public var p50Nanoseconds: UInt64 = 0
  /// The 90th percentile.
  public var p90Nanoseconds: UInt64 = 0
  /// The 99th percentile.
  public var p99Nanoseconds: UInt64 = 0
  /// The 99.9th percentile.
  public var p999Nanoseconds: UInt64 = 0
}

/// Gathers the samples of one ``DurationSummary`` in bounded memory (Welford's method).
struct DurationAccumulator: Sendable {
  private var histogram = LogHistogram()
  private var total: UInt64 = 0
  private var minimum = UInt64.max
  private var maximum: UInt64 = 0
  private var mean = 0.0
  private var squares = 0.0

  /// Adds one sample.
  mutating func add(_ nanoseconds: UInt64) {
    histogram.add(nanoseconds)
    total = total.addingSaturated(nanoseconds)
    minimum = min(minimum, nanoseconds)
    maximum = max(maximum, nanoseconds)
    let delta = Double(nanoseconds) - mean
    mean += delta / Double(histogram.count)
    squares += delta * (Double(nanoseconds) - mean)
  }

  /// The summary of the samples so far.
  var summary: DurationSummary {
    let count = histogram.count
    guard count > 0 else { return DurationSummary() }
    let deviation = count > 1 ? (squares / Double(count - 1)).squareRoot() : 0
    let relative = mean > 0 ? 100 * deviation / mean : 0
    return DurationSummary(
      samples: count, totalNanoseconds: total, minimumNanoseconds: minimum,
      maximumNanoseconds: maximum,
      meanNanoseconds: UInt64(exactly: mean.rounded()) ?? .max,
      relativeErrorPercent: relative / Double(count).squareRoot(),
      relativeDeviationPercent: relative,
      p50Nanoseconds: clamped(0.5), p90Nanoseconds: clamped(0.9), p99Nanoseconds: clamped(0.99),
      p999Nanoseconds: clamped(0.999))
  }

  /// A percentile is never outside what was seen.
  private func clamped(_ share: Double) -> UInt64 {
    min(max(histogram.percentile(share), minimum), maximum)
  }
}

extension UInt64 {
  /// The sum, or the largest value where the sum would overflow.
  func addingSaturated(_ other: UInt64) -> UInt64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
