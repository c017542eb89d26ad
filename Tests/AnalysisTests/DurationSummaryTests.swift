import Testing

@testable import Analysis

/// The bar of percentiles: at most 1 % off the exact ones, whatever the durations.
@Suite struct DurationSummaryTests {
  /// Deterministic numbers (xorshift64*).
  private struct Source: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state ^= state >> 12
      state ^= state << 25
      state ^= state >> 27
      return state &* 0x2545_f491_4f6c_dd1d
    }
  }

  enum Shape: String, CaseIterable, Sendable {
    case logUniform, bimodal, constant, tiny, huge, ascending, mostlyZero, rareOutlier
  }

  private func durations(_ shape: Shape, _ count: Int, seed: UInt64) -> [UInt64] {
    var source = Source(state: seed)
    let constant = source.next() >> 40
    return (0..<count).map { index in
      switch shape {
      case .logUniform: source.next() >> UInt64.random(in: 24...63, using: &source)
      case .bimodal:
        Bool.random(using: &source)
          ? .random(in: 1_000...1_200, using: &source)
          : .random(in: 3_000_000...9_000_000, using: &source)
      case .constant: constant
      case .tiny: .random(in: 0..<100, using: &source)
      case .huge: .random(in: 1 << 44...1 << 47, using: &source)
      case .ascending: UInt64(index) * 16
      case .mostlyZero: index.isMultiple(of: 50) ? source.next() >> 30 : 0
      case .rareOutlier: index.isMultiple(of: 1000) ? 5_000_000_000 : 2_000 + source.next() % 64
      }
    }
  }

  static let counts = [
    1, 2, 3, 10, 31, 32, 33, 34, 40, 60, 99, 100, 101, 999, 1000, 1001, 10_000, 100_000,
  ]

  /// The sample at the nearest rank: the smallest that so many percent do not exceed.
  private func exact(_ perMille: Int, _ sorted: [UInt64]) -> UInt64 {
    sorted[max(1, (sorted.count * perMille + 999) / 1000) - 1]
  }

  @Test("Percentiles are within 1 % of the sorted samples'", arguments: Shape.allCases)
  func percentiles(shape: Shape) {
    for count in Self.counts {
      for seed: UInt64 in [1, 2, 3] {
        let samples = durations(shape, count, seed: seed)
        let summary = summary(of: samples)
        let sorted = samples.sorted()
        for (perMille, found) in [
          (500, summary.p50Nanoseconds), (900, summary.p90Nanoseconds),
          (990, summary.p99Nanoseconds), (999, summary.p999Nanoseconds),
        ] {
          let wanted = exact(perMille, sorted)
          let error = found > wanted ? found - wanted : wanted - found
          #expect(
            Double(error) <= Double(wanted) * 0.01,
            "\(count) samples, p\(perMille): \(found), not \(wanted)")
        }
        #expect(summary.minimumNanoseconds == sorted.first)
        #expect(summary.maximumNanoseconds == sorted.last)
        #expect(summary.samples == UInt64(count))
      }
    }
  }

  @Test(
    "Mean and deviation are those of the two passes over the samples", arguments: Shape.allCases)
  func meanAndDeviation(shape: Shape) {
    for count in Self.counts {
      let samples = durations(shape, count, seed: 7)
      let summary = summary(of: samples)
      #expect(summary.totalNanoseconds == samples.reduce(0, +))
      let mean = samples.reduce(0.0) { $0 + Double($1) } / Double(count)
      #expect(abs(Double(summary.meanNanoseconds) - mean) <= 0.5 + mean * 1e-12)
      let spread = samples.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
      let deviation = count > 1 ? (spread / Double(count - 1)).squareRoot() : 0
      let relative = mean > 0 ? 100 * deviation / mean : 0
      #expect(
        abs(summary.relativeDeviationPercent - relative) <= 1e-6 * max(1, relative),
        "\(count): \(summary.relativeDeviationPercent), not \(relative)")
      let error = relative / Double(count).squareRoot()
      #expect(abs(summary.relativeErrorPercent - error) <= 1e-6 * max(1, error))
    }
  }

  @Test("Buckets hold every sample where it belongs", arguments: Shape.allCases)
  func buckets(shape: Shape) {
    for count in [1, 31, 33, 10_000] {
      let samples = durations(shape, count, seed: 11)
      var accumulator = DurationAccumulator()
      for sample in samples { accumulator.add(sample) }
      let buckets = accumulator.buckets
      #expect(buckets.reduce(0) { $0 + $1.samples } == UInt64(count))
      // An entry of the histogram stands for durations less than 1 % apart, so a sample may lie
      // beyond the border of its bucket, but no further than that.
      for bucket in buckets {
        let (from, to) = (
          Double(bucket.fromNanoseconds) * 0.99, Double(bucket.toNanoseconds) * 1.01
        )
        #expect(bucket.samples <= samples.count { (from...to).contains(Double($0)) })
      }
    }
  }

  @Test("No durations, however long, trap or overflow")
  func extremes() {
    var accumulator = DurationAccumulator()
    for _ in 0..<100 { accumulator.add(.max) }
    accumulator.add(0)
    let summary = accumulator.summary
    #expect(summary.samples == 101 && summary.minimumNanoseconds == 0)
    #expect(summary.totalNanoseconds == .max)
    #expect(summary.maximumNanoseconds >= 1 << 61)
    #expect(summary.p50Nanoseconds <= summary.maximumNanoseconds)
    #expect(DurationAccumulator().summary == DurationSummary())
  }

  private func summary(of samples: [UInt64]) -> DurationSummary {
    var accumulator = DurationAccumulator()
    for sample in samples { accumulator.add(sample) }
    return accumulator.summary
  }
}
