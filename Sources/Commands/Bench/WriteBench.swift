internal import ArgumentParser
internal import SyntheticReels
internal import Trace
internal import TraceIO

/// `vmreel bench write`: what recording an event costs.
struct BenchWriteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "write",
    abstract: "Nanoseconds per event of recording, by thread; bytes per exit; memory.",
    discussion: """
      Synthetic reels of several sizes are recorded. Times are CPU times: of the thread that runs \
      the vCPU, which only appends, and of the writer's thread, keyframes of 64 changed pages \
      every 50000 events included. References are a copy of the same events in memory, and zstd -1 of their fields as plain columns.

      Example:
        vmreel bench write --sizes 10k,100k,1m --rounds 3
      """)

  @OptionGroup var options: SyntheticBenchOptions

  func run() throws {
    let directory = try BenchDirectory(in: options.common.directory)
    var measurements: [BenchMeasurement] = []
    for count in options.counts {
      var bench = WriteBench(path: directory.path + "/write.reel")
      bench.configuration.seed = options.seed
      bench.configuration.eventCount = count
      // A big first keyframe would be most of what a short recording costs.
      bench.configuration.basePageCount = 64
      for round in 1...options.common.rounds {
        StandardError.note("\(count) events: round \(round) of \(options.common.rounds)")
        try bench.round()
      }
      measurements += bench.samples.measurements(of: "\(count) events", events: count)
    }
    try BenchReport("write", rounds: options.common.rounds, seed: options.seed, measurements)
      .print(as: options.common.format)
  }
}

/// Records one synthetic reel again and again.
struct WriteBench {
  private static let copying = BenchVariant(name: "memcpy", unit: .nanosecondsPerEvent)
  private static let zstd = BenchVariant(name: "zstd -1", unit: .nanosecondsPerEvent)
  private static let append = BenchVariant(
    name: "append (vCPU's thread)", unit: .nanosecondsPerEvent, reference: copying.name)
  private static let writing = BenchVariant(
    name: "writer's thread", unit: .nanosecondsPerEvent, reference: zstd.name)
  private static let zstdSize = BenchVariant(name: "zstd -1, size", unit: .bytesPerExit)
  private static let eventSize = BenchVariant(
    name: "event blocks", unit: .bytesPerExit, reference: zstdSize.name)
  private static let reelSize = BenchVariant(name: "whole reel", unit: .bytesPerExit)
  private static let memory = BenchVariant(name: "resident at most", unit: .mebibytes)
  /// Batches the zstd reference is measured on: as many as are in a few event blocks.
  private static let referenceBatches = 16

  let path: String
  var configuration = SyntheticReel.Configuration()
  private(set) var samples = BenchSamples()
  private let copy = EventCopy()
  private let columns = RawColumns()

  init(path: String) { self.path = path }

  /// What one round adds up.
  private struct Costs {
    var append: UInt64 = 0
    var copy: UInt64 = 0
    var zstd: UInt64 = 0
    var zstdEvents = 0
    var zstdExits = 0
    var zstdBytes = 0
  }

  mutating func round() throws {
    var costs = Costs()
    var reel = SyntheticReel(configuration)
    var batch = SyntheticBatch()
    var batches = 0
    ResidentPeak.reset()
    let others = BenchClock.otherThreads()
    let size = try BenchReel.failing {
      let writer = try BenchReel.makeWriter(configuration, path: path)
      while reel.nextBatch(&batch) {
        let start = BenchClock.thread()
        batch.appendEvents(to: writer)
        costs.append += BenchClock.thread() - start
        batch.appendRest(to: writer)
        costs.copy += copy.copy(batch.events)
        if batches < Self.referenceBatches { compress(batch, &costs) }
        batches += 1
      }
      return try writer.finish(reel.end).stored
    }
    let writing = max(others, BenchClock.otherThreads()) - others
    try add(costs, writing: writing, stored: size, end: reel.end)
  }

  private func compress(_ batch: SyntheticBatch, _ costs: inout Costs) {
    columns.set(batch.events, payload: batch.payload)
    costs.zstd += columns.compress()
    costs.zstdBytes += columns.compressedByteCount
    costs.zstdEvents += batch.events.count
    costs.zstdExits += batch.events.count { $0.kind.isExit }
  }

  private mutating func add(
    _ costs: Costs, writing: UInt64, stored: UInt64, end: EndRecord
  ) throws {
    let events = Double(end.eventCount)
    let exits = Double(max(1, end.guestMadeExits))
    samples.add(Self.copying, Double(costs.copy) / events)
    samples.add(Self.append, Double(costs.append) / events)
    samples.add(Self.zstd, Double(costs.zstd) / Double(max(1, costs.zstdEvents)))
    samples.add(Self.writing, Double(writing) / events)
    samples.add(Self.zstdSize, Double(costs.zstdBytes) / Double(max(1, costs.zstdExits)))
    let sizes = ReelSizes(try BenchReel.open(path))
    samples.add(Self.eventSize, Double(sizes.storedBytes(of: .events)) / exits)
    samples.add(Self.reelSize, Double(stored) / exits)
    if let peak = ResidentPeak.mebibytes() { samples.add(Self.memory, peak) }
  }
}
