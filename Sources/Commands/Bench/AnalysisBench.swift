internal import Analysis
internal import ArgumentParser
internal import SyntheticReels
internal import Trace

/// `vmreel bench stats`: what counting an event costs.
struct BenchStatsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats",
    abstract: "Nanoseconds per event of counting exits in reels of several sizes.",
    discussion: """
      Times are CPU times of all threads. The reference reads the same reel's events and does \
      nothing with them.

      Example:
        vmreel bench stats --sizes 100k,1m --format json
      """)

  @OptionGroup var options: SyntheticBenchOptions

  func run() throws {
    try AnalysisBench(name: "stats", options: options) { reel in
      let statistics = try ExitStatistics(reel)
      return statistics.totals.events
    }.run()
  }
}

/// Measures something that reads reels against reading them alone.
struct AnalysisBench {
  var name: String
  var options: SyntheticBenchOptions
  /// The work on a reel; its result must not be 0.
  var work: (Reel) throws -> UInt64

  func run() throws {
    let directory = try BenchDirectory(in: options.common.directory)
    let paths = try BenchReel.write(options.counts, seed: options.seed, in: directory)
    let peaks = try paths.map { path in
      try ResidentPeak.mebibytes { try perform(path) }
    }
    var measurements: [BenchMeasurement] = []
    for (index, count) in options.counts.enumerated() {
      StandardError.note("\(count) events")
      var samples = BenchSamples()
      for _ in 0..<options.common.rounds { try round(paths[index], count, &samples) }
      if let peak = peaks[index] { samples.add(ResidentPeak.variant, peak) }
      measurements += samples.measurements(of: "\(count) events", events: count)
    }
    try BenchReport(name, rounds: options.common.rounds, seed: options.seed, measurements)
      .print(as: options.common.format)
  }

  private func round(_ path: String, _ count: UInt64, _ samples: inout BenchSamples) throws {
    let reading = BenchVariant(name: "whole events", unit: .nanosecondsPerEvent)
    let start = BenchClock.process()
    let repetitions = BenchReel.repetitions(of: count)
    for _ in 0..<repetitions {
      _ = try BenchReel.scan(try BenchReel.open(path))
    }
    samples.add(reading, Double(BenchClock.process() - start) / Double(count * repetitions))

    let begin = BenchClock.process()
    for _ in 0..<repetitions { try perform(path) }
    let spent = BenchClock.process() - begin
    let variant = BenchVariant(
      name: name, unit: .nanosecondsPerEvent, reference: reading.name)
    samples.add(variant, Double(spent) / Double(count * repetitions))
  }

  private func perform(_ path: String) throws {
    let result = try BenchReel.failing { try work(try BenchReel.open(path)) }
    guard result > 0 else { throw CommandFailure("bench \(name) found no events in its reel") }
  }
}
