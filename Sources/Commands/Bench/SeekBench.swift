internal import ArgumentParser
internal import SyntheticReels
internal import Trace

/// `vmreel bench seek`: how long it takes to open a reel and to jump to an event.
struct BenchSeekCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "seek",
    abstract: "Milliseconds to open reels of several sizes, and to jump to an event.",
    discussion: """
      A jump opens the reel, finds the last keyframe before a random event, reads all pages of its \
      map, and then the event. Times are elapsed times. The reference reads the events from the \
      beginning up to one in the middle.

      Example:
        vmreel bench seek --events 1m --jumps 50
      """)

  @Option(
    name: .long,
    help: ArgumentHelp("Events in the reel to jump in, from 100 to 10m.", valueName: "n"))
  var events = EventCount(1_000_000)

  @Option(name: .long, help: ArgumentHelp("Jumps in a round, at least 1.", valueName: "n"))
  var jumps = 40

  @OptionGroup var options: SyntheticBenchOptions

  mutating func validate() throws {
    guard EventCount.range.contains(events.value) else {
      throw ValidationError("--events must be from 100 to 10m")
    }
    guard (1...100_000).contains(jumps) else {
      throw ValidationError("--jumps must be from 1 to 100000")
    }
  }

  func run() throws {
    let directory = try BenchDirectory(in: options.common.directory)
    var measurements: [BenchMeasurement] = []
    for count in options.counts {
      let path = try makeReel(count, in: directory)
      var samples = BenchSamples()
      for _ in 0..<options.common.rounds {
        samples.add(BenchVariant(name: "open", unit: .milliseconds), try SeekBench.open(path))
      }
      measurements += samples.measurements(of: "\(count) events", events: count)
    }
    let path = try makeReel(events.value, in: directory)
    var bench = SeekBench(
      path: path, eventCount: events.value, jumps: jumps, seed: options.seed)
    for round in 1...options.common.rounds {
      StandardError.note("jumps: round \(round) of \(options.common.rounds)")
      try bench.round()
    }
    measurements += bench.samples.measurements(
      of: "\(events.value) events", events: events.value)
    try BenchReport("seek", rounds: options.common.rounds, seed: options.seed, measurements)
      .print(as: options.common.format)
  }

  private func makeReel(_ count: UInt64, in directory: BenchDirectory) throws -> String {
    var configuration = SyntheticReel.Configuration()
    configuration.seed = options.seed
    configuration.eventCount = count
    configuration.keyframeInterval = 10_000
    let path = directory.path + "/seek.reel"
    StandardError.note("\(count) events")
    try BenchReel.write(configuration, to: path)
    return path
  }
}

/// Jumps around in one reel.
struct SeekBench {
  private static let scan = "scan to the middle"

  let path: String
  let eventCount: UInt64
  let jumps: Int
  private(set) var samples = BenchSamples()
  private var random: LinearCongruence

  init(path: String, eventCount: UInt64, jumps: Int, seed: UInt64) {
    self.path = path
    self.eventCount = eventCount
    self.jumps = jumps
    random = LinearCongruence(state: seed)
  }

  mutating func round() throws {
    var times: [Double] = []
    var pages = 0
    for _ in 0..<jumps {
      let target = random.next() % eventCount
      let start = BenchClock.elapsed()
      pages += try jump(to: target)
      times.append(Double(BenchClock.elapsed() - start) / 1e6)
    }
    guard pages > 0 else { throw CommandFailure("the bench's keyframes have no pages") }
    times.sort()
    let start = BenchClock.elapsed()
    _ = try BenchReel.scan(try BenchReel.open(path), below: eventCount / 2)
    samples.add(
      BenchVariant(name: Self.scan, unit: .milliseconds),
      Double(BenchClock.elapsed() - start) / 1e6)
    add("jump p50", times[times.count / 2])
    add("jump p95", times[min(times.count - 1, times.count * 95 / 100)])
    add("jump max", times[times.count - 1])
  }

  private mutating func add(_ name: String, _ milliseconds: Double) {
    samples.add(
      BenchVariant(name: name, unit: .milliseconds, reference: Self.scan), milliseconds)
  }

  /// Reads what a replay from the last keyframe before an event starts with.
  ///
  /// - Returns: the pages of the keyframe's map.
  private func jump(to target: EventIndex) throws -> Int {
    try BenchReel.failing {
      let reel = try BenchReel.open(path)
      guard let number = reel.lastKeyframe(notAfter: target) else {
        throw CommandFailure("the bench's reel has no keyframe before event \(target)")
      }
      var (pages, sum): (Int, UInt64) = (0, 0)
      try reel.forEachPage(of: try reel.pageMap(at: number)) { _, content in
        pages += 1
        sum &+= UInt64(content.first ?? 0)
      }
      Blackhole.consume(sum)
      var cursor = EventCursor(reel, from: target)
      guard try cursor.next() != nil, cursor.index == target else {
        throw CommandFailure("the bench's reel has no event \(target)")
      }
      return pages
    }
  }

  /// Milliseconds to open a reel.
  static func open(_ path: String) throws -> Double {
    let start = BenchClock.elapsed()
    _ = try BenchReel.open(path)
    return Double(BenchClock.elapsed() - start) / 1e6
  }
}

/// Knuth's MMIX generator; its upper half is good enough to choose events.
struct LinearCongruence {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state >> 32
  }
}
