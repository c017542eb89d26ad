internal import Analysis
internal import ArgumentParser
internal import SyntheticReels
internal import Trace

/// `vmreel bench diff`: what comparing an event costs.
struct BenchDiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Nanoseconds per event of comparing two reels of several sizes.",
    discussion: """
      Compared are equal reels, by digests as -q does and event by event; reels that differ in the \
      last hundredth only; reels that differ in one of a hundred events, which are aligned; and \
      reels that have nothing in common. Times are CPU times of all threads. The reference reads \
      the events of both reels and does nothing with them.

      Example:
        vmreel bench diff --sizes 100k,1m --rounds 3
      """)

  @OptionGroup var options: SyntheticBenchOptions

  func run() throws {
    let directory = try BenchDirectory(in: options.common.directory)
    try options.measure(
      "diff",
      try options.counts.map { try DiffBench($0, seed: options.seed, in: directory) })
  }
}

/// Compares reels of one size.
private struct DiffBench: ReelBench {
  private static let reading = BenchVariant(
    name: "whole events of both", unit: .nanosecondsPerEvent)
  /// Of a thousand writes, so that one of a hundred events is edited.
  private static let edits: UInt64 = 25
  private static let edited = "1 % edited"

  private let count: UInt64
  private let original: String
  private let others: [(name: String, path: String, isQuiet: Bool)]
  var samples = BenchSamples()

  init(_ count: UInt64, seed: UInt64, in directory: BenchDirectory) throws {
    self.count = count
    var configuration = SyntheticReel.Configuration()
    configuration.eventCount = count
    func write(_ name: String, seed: UInt64, edits: UInt64 = 0, from first: UInt64 = 0) throws
      -> String
    {
      configuration.seed = seed
      configuration.editsPerThousandWrites = edits
      configuration.firstEdit = first
      let path = "\(directory.path)/\(count)-\(name).reel"
      try BenchReel.write(configuration, to: path)
      return path
    }
    original = try write("original", seed: seed)
    others = [
      ("equal, by digests", original, true), ("equal", original, false),
      (
        "different at the end",
        try write("end", seed: seed, edits: 200, from: count - count / 100), false
      ),
      (Self.edited, try write("edited", seed: seed, edits: Self.edits), false),
      ("nothing in common", try write("other", seed: seed &+ 1), false),
    ]
  }

  mutating func round() throws {
    let repetitions = BenchReel.repetitions(of: count)
    let start = BenchClock.process()
    for _ in 0..<repetitions * 2 { _ = try BenchReel.scan(try BenchReel.open(original)) }
    add(Self.reading, BenchClock.process() - start, repetitions)
    for other in others {
      let begin = BenchClock.process()
      for _ in 0..<repetitions { try compare(other.path, isQuiet: other.isQuiet) }
      add(
        BenchVariant(
          name: other.name, unit: .nanosecondsPerEvent, reference: Self.reading.name),
        BenchClock.process() - begin, repetitions)
    }
  }

  /// Aligns the edited reel.
  func perform() throws {
    guard let edited = others.first(where: { $0.name == Self.edited }) else { return }
    try compare(edited.path, isQuiet: false)
  }

  private mutating func add(_ variant: BenchVariant, _ spent: UInt64, _ repetitions: UInt64) {
    samples.add(variant, Double(spent) / Double(count * repetitions))
  }

  private func compare(_ other: String, isQuiet: Bool) throws {
    var options = ReelDifference.Options()
    options.trustsDigests = isQuiet
    options.countsTotals = !isQuiet
    options.hunkLimit = isQuiet ? 0 : 20
    try BenchReel.failing {
      let difference = try ReelDifference(
        try BenchReel.open(original), try BenchReel.open(other), options: options)
      guard difference.areEqual || other != original else {
        throw CommandFailure("two readings of the bench's reel differ; check the machine's memory")
      }
    }
  }
}
