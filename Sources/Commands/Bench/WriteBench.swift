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
    let benches = options.counts.map { count in
      var configuration = SyntheticReel.Configuration()
      configuration.seed = options.seed
      configuration.eventCount = count
      // A big first keyframe would be most of what a short recording costs.
      configuration.basePageCount = 64
      return WriteBench(path: directory.path + "/write.reel", configuration)
    }
    try options.measure("write", benches)
  }
}

/// Records one synthetic reel again and again.
struct WriteBench: ReelBench {
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
  /// Events compressed at once for the zstd reference: as many as the writer puts in a block.
  private static let referenceBlockSize = 32_768
  /// Events the zstd reference is measured on at most.
  private static let referenceLimit = 4 * referenceBlockSize

  let path: String
  let configuration: SyntheticReel.Configuration
  var samples = BenchSamples()
  private let copy = EventCopy()
  private let columns = RawColumns()

  init(path: String, _ configuration: SyntheticReel.Configuration) {
    self.path = path
    self.configuration = configuration
  }

  func perform() throws { try BenchReel.write(configuration, to: path) }

  /// What one round adds up.
  private struct Costs {
    var append: UInt64 = 0
    var copy: UInt64 = 0
    var zstd: UInt64 = 0
    var zstdEvents = 0
    var zstdExits = 0
    var zstdBytes = 0
    /// What is to be compressed next.
    var events: [Event] = []
    var payload: [UInt8] = []
  }

  mutating func round() throws {
    var costs = Costs()
    var reel = SyntheticReel(configuration)
    var batch = SyntheticBatch()
    let others = BenchClock.otherThreads()
    let size = try BenchReel.failing {
      let writer = try BenchReel.makeWriter(configuration, path: path)
      while reel.nextBatch(&batch) {
        let start = BenchClock.thread()
        batch.appendEvents(to: writer)
        costs.append += BenchClock.thread() - start
        batch.appendRest(to: writer)
        costs.copy += copy.copy(batch.events)
        if costs.zstdEvents < Self.referenceLimit { compress(batch, &costs) }
      }
      compress(&costs)
      return try writer.finish(reel.end).stored
    }
    let writing = max(others, BenchClock.otherThreads()) - others
    try add(costs, writing: writing, stored: size, end: reel.end)
  }

  private func compress(_ batch: SyntheticBatch, _ costs: inout Costs) {
    costs.events += batch.events
    costs.payload += batch.payload
    if costs.events.count >= Self.referenceBlockSize { compress(&costs) }
  }

  private func compress(_ costs: inout Costs) {
    guard !costs.events.isEmpty else { return }
    columns.set(costs.events, payload: costs.payload)
    costs.zstd += columns.compress()
    costs.zstdBytes += columns.compressedByteCount
    costs.zstdEvents += costs.events.count
    costs.zstdExits += costs.events.count { $0.kind.isExit }
    costs.events.removeAll(keepingCapacity: true)
    costs.payload.removeAll(keepingCapacity: true)
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
  }
}
