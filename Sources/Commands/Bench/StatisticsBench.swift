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
    let directory = try BenchDirectory(in: options.common.directory)
    let paths = try BenchReel.write(options.counts, seed: options.seed, in: directory)
    try options.measure(
      "stats", zip(paths, options.counts).map { StatisticsBench(path: $0, eventCount: $1) })
  }
}

/// Measures counting a reel's exits against reading it alone.
private struct StatisticsBench: ReelBench {
  private static let reading = BenchVariant(name: "whole events", unit: .nanosecondsPerEvent)
  private static let counting = BenchVariant(
    name: "stats", unit: .nanosecondsPerEvent, reference: reading.name)

  let path: String
  let eventCount: UInt64
  var samples = BenchSamples()

  mutating func round() throws {
    let repetitions = BenchReel.repetitions(of: eventCount)
    let start = BenchClock.process()
    for _ in 0..<repetitions { _ = try BenchReel.scan(try BenchReel.open(path)) }
    let middle = BenchClock.process()
    for _ in 0..<repetitions { try perform() }
    let end = BenchClock.process()
    let events = Double(eventCount * repetitions)
    samples.add(Self.reading, Double(middle - start) / events)
    samples.add(Self.counting, Double(end - middle) / events)
  }

  func perform() throws {
    let statistics = try BenchReel.failing { try ExitStatistics(try BenchReel.open(path)) }
    guard statistics.totals.events > 0 else {
      throw CommandFailure("bench stats found no events in its reel")
    }
  }
}
