internal import Histogram

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
  /// The median; like the other percentiles at most 1 % off.
  public var p50Nanoseconds: UInt64 = 0
  /// The 90th percentile.
  public var p90Nanoseconds: UInt64 = 0
  /// The 99th percentile.
  public var p99Nanoseconds: UInt64 = 0
  /// The 99.9th percentile.
  public var p999Nanoseconds: UInt64 = 0

  /// Nothing.
  public init() {}
}

/// A range of durations and how many samples lie in it.
public struct DurationBucket: Codable, Equatable, Sendable {
  /// The shortest duration of the bucket.
  public var fromNanoseconds: UInt64
  /// The longest.
  public var toNanoseconds: UInt64
  /// The samples.
  public var samples: UInt64
}

/// Gathers the samples of one ``DurationSummary`` in bounded memory.
///
/// The first samples are kept as they are, since most keys never have more; then they go into an
/// HDR histogram of two significant digits.
struct DurationAccumulator: Sendable {
  private static let earlyLimit = 32
  /// 73 years: what is longer is no time.
  private static let longest: UInt64 = 1 << 61

  private(set) var count: UInt64 = 0
  private(set) var total: UInt64 = 0
  private var early: [UInt64] = []
  private var histogram: Histogram<UInt64>?
  private var minimum = UInt64.max
  private var maximum: UInt64 = 0
  /// Exact: 2³² samples of 2⁴⁸ ns fit; beyond, it wraps and the deviation means nothing.
  private var squares: UInt128 = 0

  /// Adds one sample.
  @inline(__always)
  mutating func add(_ nanoseconds: UInt64) {
    let value = min(nanoseconds, Self.longest)
    count &+= 1
    total = total.addingSaturated(value)
    minimum = min(minimum, value)
    maximum = max(maximum, value)
    squares &+= UInt128(value) &* UInt128(value)
    if histogram?.record(value) == nil { addEarly(value) }
  }

  /// Adds a sample that came `count` times.
  mutating func add(_ nanoseconds: UInt64, count number: UInt64) {
    var more = number
    while more > 0, histogram == nil {
      add(nanoseconds)
      more -= 1
    }
    guard more > 0 else { return }
    let value = min(nanoseconds, Self.longest)
    minimum = min(minimum, value)
    maximum = max(maximum, value)
    count &+= more
    let (sum, overflow) = value.multipliedReportingOverflow(by: more)
    total = total.addingSaturated(overflow ? .max : sum)
    squares &+= UInt128(value) &* UInt128(value) &* UInt128(more)
    histogram?.record(value, count: more)
  }

  private mutating func addEarly(_ value: UInt64) {
    early.append(value)
    guard early.count == Self.earlyLimit else { return }
    var histogram = Histogram<UInt64>(
      highestTrackableValue: 1 << 16, numberOfSignificantValueDigits: .two)
    histogram.autoResize = true
    for value in early { histogram.record(value) }
    early = []
    self.histogram = histogram
  }

  /// The summary of the samples so far.
  var summary: DurationSummary {
    guard count > 0 else { return DurationSummary() }
    let mean = Double(total) / Double(count)
    let relative = mean > 0 ? 100 * deviation(mean) / mean : 0
    var summary = DurationSummary()
    summary.samples = count
    summary.totalNanoseconds = total
    summary.minimumNanoseconds = minimum
    summary.maximumNanoseconds = maximum
    summary.meanNanoseconds = UInt64(exactly: mean.rounded()) ?? .max
    summary.relativeErrorPercent = relative / Double(count).squareRoot()
    summary.relativeDeviationPercent = relative
    let sorted = early.sorted()
    summary.p50Nanoseconds = percentile(50, sorted)
    summary.p90Nanoseconds = percentile(90, sorted)
    summary.p99Nanoseconds = percentile(99, sorted)
    summary.p999Nanoseconds = percentile(99.9, sorted)
    return summary
  }

  /// Of the samples, not of what they stand for: n − 1 in the divisor.
  private func deviation(_ mean: Double) -> Double {
    guard count > 1 else { return 0 }
    let (number, sum) = (UInt128(count), UInt128(total))
    let (product, overflow) = squares.multipliedReportingOverflow(by: number)
    guard !overflow, product >= sum &* sum else {
      return max(0, Double(squares) / Double(count) - mean * mean).squareRoot()
    }
    let spread = Double(product &- sum &* sum)
    return (spread / Double(count) / Double(count - 1)).squareRoot()
  }

  /// A percentile is never outside what was seen.
  private func percentile(_ percent: Double, _ sorted: [UInt64]) -> UInt64 {
    if let histogram {
      return min(max(histogram.valueAtPercentile(percent), minimum), maximum)
    }
    let rank = (percent / 100 * Double(sorted.count)).rounded(.up)
    return sorted.isEmpty ? 0 : sorted[min(max(Int(rank), 1), sorted.count) - 1]
  }

  /// The samples by powers of two, from the shortest that occurs to the longest.
  var buckets: [DurationBucket] {
    var counts = [UInt64](repeating: 0, count: 65)
    for value in early { counts[64 - value.leadingZeroBitCount] += 1 }
    if let histogram {
      for recorded in histogram.recordedValues() {
        counts[64 - recorded.value.leadingZeroBitCount] &+= recorded.count
      }
    }
    guard let first = counts.firstIndex(where: { $0 > 0 }),
      let last = counts.lastIndex(where: { $0 > 0 })
    else { return [] }
    return (first...last).map { bits in
      let end = UInt64.max >> UInt64(64 - max(bits, 1))
      return DurationBucket(
        fromNanoseconds: bits == 0 ? 0 : end / 2 + 1, toNanoseconds: bits == 0 ? 0 : end,
        samples: counts[bits])
    }
  }
}

extension UInt64 {
  /// The sum, or the largest value where the sum would overflow.
  func addingSaturated(_ other: UInt64) -> UInt64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
