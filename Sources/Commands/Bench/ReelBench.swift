/// A bench that does something with a reel of one size again and again.
protocol ReelBench {
  /// The figures of the rounds so far.
  var samples: BenchSamples { get set }
  /// Does once what is measured, to see the memory it takes.
  func perform() throws
  /// Measures it, and what it is compared with.
  mutating func round() throws
}

extension SyntheticBenchOptions {
  /// Measures the benches, one for each of ``counts``, and prints the report.
  func measure(_ name: String, _ benches: [some ReelBench]) throws {
    // Memory comes first: later it would include what the references need.
    let peaks = try benches.map { bench in try ResidentPeak.mebibytes { try bench.perform() } }
    var measurements: [BenchMeasurement] = []
    for (index, count) in counts.enumerated() {
      var bench = benches[index]
      for round in 1...common.rounds {
        StandardError.note("\(count) events: round \(round) of \(common.rounds)")
        try bench.round()
      }
      if let peak = peaks[index] { bench.samples.add(ResidentPeak.variant, peak) }
      measurements += bench.samples.measurements(of: "\(count) events", events: count)
    }
    try BenchReport(name, rounds: common.rounds, seed: seed, measurements)
      .print(as: common.format)
  }
}
