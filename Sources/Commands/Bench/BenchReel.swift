internal import Analysis
internal import Synchronization
internal import SyntheticReels
internal import Trace
internal import TraceIO

/// Synthetic reels as files.
enum BenchReel {
  /// Records a synthetic reel with the writer that recordings use.
  ///
  /// - Parameter isInBenchDirectory: whether a signal removes it anyway, with all else there.
  /// - Throws: ``CommandFailure`` when it cannot be written.
  static func write(
    _ configuration: SyntheticReel.Configuration, to path: String, overwrite: Bool = true,
    isInBenchDirectory: Bool = true
  ) throws {
    var reel = SyntheticReel(configuration)
    try failing {
      let writer = try makeWriter(configuration, path: path, overwrite: overwrite)
      let unfinished = isInBenchDirectory ? nil : UnfinishedOutput(path + ".part")
      defer { withExtendedLifetime(unfinished) {} }
      _ = try writer.finish(reel.record(to: writer))
    }
  }

  /// Records a reel of each size.
  ///
  /// - Returns: their paths.
  static func write(
    _ counts: [UInt64], seed: UInt64, in directory: BenchDirectory
  ) throws -> [String] {
    try counts.map { count in
      var configuration = SyntheticReel.Configuration()
      configuration.seed = seed
      configuration.eventCount = count
      let path = directory.path + "/\(count).reel"
      try write(configuration, to: path)
      return path
    }
  }

  static func makeWriter(
    _ configuration: SyntheticReel.Configuration, path: String, overwrite: Bool = true
  ) throws -> ReelWriter {
    try ReelWriter(
      path: path, overwrite: overwrite, header: FileHeader(pageKey: pageKey),
      metadataJSON: try metadataJSON(configuration))
  }

  /// Not random: the same seed gives the same bytes.
  static let pageKey = [UInt8](0..<16)

  static func metadataJSON(_ configuration: SyntheticReel.Configuration) throws -> [UInt8] {
    try JSONText.encode(configuration.metadata(tool: "vmreel \(VMReel.version)"), pretty: false)
  }

  static func open(_ path: String) throws -> Reel {
    try failing { try Reel(try ReelFile(path: path)) }
  }

  /// Names trouble with a reel in one sentence.
  static func failing<T>(_ body: () throws -> T) throws -> T {
    do {
      return try body()
    } catch let error as FileError {
      throw CommandFailure(error.description)
    } catch let error as TraceError {
      throw CommandFailure("the bench's reel cannot be read: \(error.description)")
    } catch let error as ReelDifferenceError {
      throw CommandFailure("the bench's reel cannot be read: \(error.error.description)")
    }
  }

  /// How often a round does its work on a reel: on a short one so often that the clock's grain and
  /// what a first time costs do not show.
  static func repetitions(of eventCount: UInt64) -> UInt64 { max(1, 20_000 / eventCount) }

  /// Walks all events; what is read goes into a sum, so that no field may be skipped.
  ///
  /// - Returns: the number of events.
  static func scan(_ reel: Reel, from first: EventIndex = 0, below end: EventIndex = .max) throws
    -> UInt64
  {
    try failing {
      var cursor = EventCursor(reel, from: first)
      var count: UInt64 = 0
      var sum: UInt64 = 0
      while let event = try cursor.next() {
        if cursor.index >= end { break }
        count += 1
        sum &+= event.address &+ event.value &+ event.rip &+ event.exitTime
        sum &+= UInt64(event.kind.rawValue) &+ UInt64(event.check)
      }
      Blackhole.consume(sum)
      return count
    }
  }
}

/// Where results go that only have to be computed.
enum Blackhole {
  private static let last = Atomic<UInt64>(0)

  /// Takes a result, so that the compiler may not leave out computing it.
  static func consume(_ value: UInt64) { last.store(value, ordering: .relaxed) }
}
