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
    try AnalysisBench.run("stats", readsTwice: false, options) { reel, _ in
      let statistics = try ExitStatistics(reel)
      return statistics.totals.events
    }
  }
}

/// `vmreel bench diff`: what comparing an event costs.
struct BenchDiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Nanoseconds per event of comparing two equal reels of several sizes.",
    discussion: """
      Equal reels are the most work: each event is compared, and both are counted. Times are CPU \
      times of all threads. The reference reads the events of both reels and does nothing with \
      them.

      Example:
        vmreel bench diff --sizes 100k,1m --rounds 3
      """)

  @OptionGroup var options: SyntheticBenchOptions

  func run() throws {
    try AnalysisBench.run("diff", readsTwice: true, options) { first, second in
      let difference = try ReelDifference(first, second)
      guard difference.areEqual else {
        throw CommandFailure("two readings of the bench's reel differ; check the machine's memory")
      }
      return difference.commonEvents
    }
  }
}

/// Measures something that reads a reel against reading it alone.
struct AnalysisBench: ReelBench {
  /// The work on a reel and a second opening of it; its result must not be 0.
  typealias Work = (Reel, Reel) throws -> UInt64

  let name: String
  /// Whether two reels are read.
  let readsTwice: Bool
  let path: String
  let eventCount: UInt64
  let work: Work
  var samples = BenchSamples()

  /// Measures on a reel of each size.
  static func run(
    _ name: String, readsTwice: Bool, _ options: SyntheticBenchOptions, _ work: @escaping Work
  ) throws {
    let directory = try BenchDirectory(in: options.common.directory)
    let paths = try BenchReel.write(options.counts, seed: options.seed, in: directory)
    try options.measure(
      name,
      zip(paths, options.counts).map {
        AnalysisBench(name: name, readsTwice: readsTwice, path: $0, eventCount: $1, work: work)
      })
  }

  mutating func round() throws {
    let reading = BenchVariant(
      name: readsTwice ? "whole events of both" : "whole events", unit: .nanosecondsPerEvent)
    let start = BenchClock.process()
    let repetitions = BenchReel.repetitions(of: eventCount)
    for _ in 0..<(repetitions * (readsTwice ? 2 : 1)) {
      _ = try BenchReel.scan(try BenchReel.open(path))
    }
    samples.add(reading, Double(BenchClock.process() - start) / Double(eventCount * repetitions))

    let begin = BenchClock.process()
    for _ in 0..<repetitions { try perform() }
    let spent = BenchClock.process() - begin
    let variant = BenchVariant(
      name: name, unit: .nanosecondsPerEvent, reference: reading.name)
    samples.add(variant, Double(spent) / Double(eventCount * repetitions))
  }

  func perform() throws {
    let result = try BenchReel.failing {
      try work(try BenchReel.open(path), try BenchReel.open(path))
    }
    guard result > 0 else { throw CommandFailure("bench \(name) found no events in its reel") }
  }
}
