internal import ArgumentParser
internal import SyntheticReels
internal import Trace

/// `vmreel bench read`: what reading an event costs.
struct BenchReadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "read",
    abstract: "Nanoseconds per event of reading reels of several sizes; memory.",
    discussion: """
      Synthetic reels are read from beginning to end. Times are CPU times of all threads, so the \
      rates are those of one core. References are a copy of the same events in memory, and zstd -d \
      of their fields as plain columns, compressed before. One column alone is read, too.

      Example:
        vmreel bench read --sizes 100k,1m --rounds 3
      """)

  @OptionGroup var options: SyntheticBenchOptions

  func run() throws {
    let directory = try BenchDirectory(in: options.common.directory)
    let paths = try BenchReel.write(options.counts, seed: options.seed, in: directory)
    try options.measure(
      "read", zip(paths, options.counts).map { ReadBench(path: $0, eventCount: $1) })
  }
}

/// Reads one reel again and again.
struct ReadBench: ReelBench {
  private static let copying = BenchVariant(name: "memcpy", unit: .nanosecondsPerEvent)
  private static let zstd = BenchVariant(name: "zstd -d", unit: .nanosecondsPerEvent)
  private static let whole = BenchVariant(
    name: "whole events", unit: .nanosecondsPerEvent, reference: zstd.name)
  private static let rate = BenchVariant(
    name: "whole events, rate", unit: .millionEventsPerSecond)
  /// Event blocks the references are measured on.
  private static let referenceBlocks = 4

  let path: String
  let eventCount: UInt64
  var samples = BenchSamples()
  private let copy = EventCopy()
  private let columns = RawColumns()

  init(path: String, eventCount: UInt64) {
    self.path = path
    self.eventCount = eventCount
  }

  func perform() throws { _ = try BenchReel.scan(try BenchReel.open(path)) }

  mutating func round() throws {
    let start = BenchClock.process()
    let repetitions = BenchReel.repetitions(of: eventCount)
    for _ in 0..<repetitions {
      let read = try BenchReel.scan(try BenchReel.open(path))
      guard read == eventCount else {
        throw CommandFailure("the bench's reel has \(read) events, not \(eventCount)")
      }
    }
    let spent = Double(BenchClock.process() - start)
    let read = eventCount * repetitions
    try measureReferences()
    samples.add(Self.whole, spent / Double(read))
    samples.add(Self.rate, Double(read) / spent * 1000)
    try scanColumn(.kind, repetitions)
    try scanColumn(.address, repetitions)
  }

  /// Reads one column of all blocks, and nothing else.
  private mutating func scanColumn(_ column: EventColumn, _ repetitions: UInt64) throws {
    let start = BenchClock.process()
    for _ in 0..<repetitions {
      let reel = try BenchReel.open(path)
      var (count, sum): (UInt64, UInt64) = (0, 0)
      for block in reel.eventBlocks {
        guard let entries = try BenchReel.failing({ try reel.column(column, of: block) }) else {
          // A column of zeros is not there.
          count += UInt64(block.header.eventCount)
          continue
        }
        count += UInt64(entries.count)
        for entry in entries { sum &+= entry }
      }
      guard count == eventCount else {
        throw CommandFailure("the column \(column.name) has \(count) entries, not \(eventCount)")
      }
      Blackhole.consume(sum)
    }
    let spent = Double(BenchClock.process() - start)
    let read = eventCount * repetitions
    let name = "column \(column.name)"
    samples.add(
      BenchVariant(name: name, unit: .nanosecondsPerEvent, reference: Self.copying.name),
      spent / Double(read))
    samples.add(
      BenchVariant(name: name + ", rate", unit: .millionEventsPerSecond),
      Double(read) / spent * 1000)
  }

  private mutating func measureReferences() throws {
    let reel = try BenchReel.open(path)
    var (copied, decompressed, events): (UInt64, UInt64, Int) = (0, 0, 0)
    for block in reel.eventBlocks.prefix(Self.referenceBlocks) {
      let decoded = try BenchReel.failing { try reel.events(of: block) }
      columns.set(decoded.events, payload: decoded.payload)
      _ = columns.compress()
      decompressed += columns.decompress()
      copied += copy.copy(decoded.events)
      events += decoded.events.count
    }
    samples.add(Self.copying, Double(copied) / Double(max(1, events)))
    samples.add(Self.zstd, Double(decompressed) / Double(max(1, events)))
  }
}
