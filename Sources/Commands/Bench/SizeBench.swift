internal import ArgumentParser
internal import SyntheticReels
internal import Trace
internal import TraceIO

/// `vmreel bench size`: what a reel's bytes are for.
struct BenchSizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "size",
    abstract: "Bytes per exit of reels, by type of block and by column of the events.",
    discussion: """
      Block headers are counted with their blocks. The reference is zstd -1 of the events' fields \
      as plain columns. Without reels a synthetic one of 100000 events is measured.

      Example:
        vmreel bench size traces/ticker.reel traces/mmio.reel
      """)

  @Argument(help: "The reels.")
  var reels: [String] = []

  @OptionGroup var common: BenchRounds

  func run() throws {
    var measurements: [BenchMeasurement] = []
    if reels.isEmpty {
      let directory = try BenchDirectory(in: common.directory)
      var configuration = SyntheticReel.Configuration()
      configuration.eventCount = 100_000
      let path = directory.path + "/size.reel"
      try BenchReel.write(configuration, to: path)
      measurements = try measure(path, as: "100000 events")
    }
    for path in reels {
      measurements += try measure(path, as: String(path.split(separator: "/").last ?? "-"))
    }
    try BenchReport("size", rounds: 1, seed: reels.isEmpty ? 1 : nil, measurements)
      .print(as: common.format)
  }

  private func measure(_ path: String, as subject: String) throws -> [BenchMeasurement] {
    let reel = try OpenedReel(path: path, notesStripping: false)
    return try reel.reading { try SizeBench(reel: $0).measurements(of: subject) }
  }
}

/// A reel's stored bytes by type of block.
struct ReelSizes {
  /// The types, in the order of their numbers.
  let types: [BlockType]
  private let stored: [BlockType: UInt64]

  init(_ reel: Reel) {
    var stored: [BlockType: UInt64] = [:]
    for block in reel.blocks {
      stored[block.header.type, default: 0] +=
        UInt64(BlockHeader.byteCount) + UInt64(block.header.storedSize)
    }
    self.stored = stored
    types = stored.keys.sorted { $0.rawValue < $1.rawValue }
  }

  func storedBytes(of type: BlockType) -> UInt64 { stored[type] ?? 0 }
}

/// Takes a reel's bytes apart.
struct SizeBench {
  private static let zstd = BenchVariant(name: "zstd -1", unit: .bytesPerExit)

  let reel: Reel

  func measurements(of subject: String) throws -> [BenchMeasurement] {
    let columns = RawColumns()
    var compressed = 0
    var exits = 0
    var events: UInt64 = 0
    for block in reel.eventBlocks {
      let decoded = try reel.events(of: block)
      columns.set(decoded.events, payload: decoded.payload)
      _ = columns.compress()
      compressed += columns.compressedByteCount
      exits += decoded.events.count { $0.kind.isExit }
      events += UInt64(decoded.events.count)
    }
    let perExit = 1 / Double(max(1, exits))
    var samples = BenchSamples()
    samples.add(Self.zstd, Double(compressed) * perExit)
    let sizes = ReelSizes(reel)
    for type in sizes.types {
      let variant = BenchVariant(
        name: type.name, unit: .bytesPerExit, reference: type == .events ? Self.zstd.name : nil)
      samples.add(variant, Double(sizes.storedBytes(of: type)) * perExit)
      if type == .events { try addColumns(to: &samples, perExit) }
    }
    samples.add(
      BenchVariant(name: "whole reel", unit: .bytesPerExit), Double(reel.byteCount) * perExit)
    return samples.measurements(of: subject, events: events)
  }

  /// The columns of the events, in the order of their numbers.
  private func addColumns(to samples: inout BenchSamples, _ perExit: Double) throws {
    var stored: [UInt16: Int] = [:]
    for block in reel.eventBlocks {
      for size in try reel.columnSizes(of: block) { stored[size.id, default: 0] += size.storedSize }
    }
    for (id, byteCount) in stored.sorted(by: { $0.key < $1.key }) {
      let name = EventColumn(rawValue: id)?.name ?? "column-\(id)"
      samples.add(
        BenchVariant(
          name: "events: \(name)", unit: .bytesPerExit, reference: BlockType.events.name),
        Double(byteCount) * perExit)
    }
  }
}
