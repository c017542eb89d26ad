internal import Bytes
internal import ReelFixtures
internal import Trace

extension FuzzTarget {
  /// Inputs to begin with, made of a reel's bytes; empty for the targets that read no reels.
  public func seeds(from file: [UInt8]) -> [[UInt8]] {
    guard let reel = try? Reel(MemorySource(file)) else { return [] }
    switch self {
    case .header: return [Array(file.prefix(FileHeader.byteCount))]
    case .metadata: return [reel.metadataJSON]
    case .index: return [Self.indexSeed(reel)]
    case .multiboot, .elf, .bzImage, .symbols, .assertion, .import: return []
    case .reel:
      let records = reel.blocks.compactMap { record(of: $0, in: reel) }
      return [[1] + records.joined(), [0xff] + file]
    case .events, .kernelExits, .keyframes, .totals:
      let records = reel.blocks.compactMap { record(of: $0, in: reel) }
      // Alone, and in a row: order is checked between blocks.
      let capture: [[UInt8]] = self == .keyframes ? [[1] + Self.capture] : []
      return records.map { [1] + $0 } + capture + [[1] + records.prefix(8).joined()]
    }
  }

  /// A capture of two pages.
  private static let capture: [UInt8] = [0, 0, 0, 0, 4, 0, 0, 7, 1, 9]

  /// A block as ``ReelAssembly`` takes it; `nil` when its type is not wanted or it is too large.
  private func record(of block: BlockDescriptor, in reel: Reel) -> [UInt8]? {
    let header = block.header
    let index = parts.firstIndex { part in
      if case .block(header.type) = part { true } else { false }
    }
    guard let index, header.type != .index, header.type != .footer,
      header.eventCount <= UInt16.max, var contents = try? reel.uncompressedBytes(of: block)
    else { return nil }
    if header.type == .events || header.type == .kernelExits {
      contents = ColumnList.input(from: contents) ?? []
    }
    guard !contents.isEmpty, contents.count <= UInt16.max else { return nil }
    var writer = ByteWriter()
    writer.append(UInt8(index))
    writer.append(ReelAssembly.hasFields)
    writer.append(UInt16(header.eventCount))
    writer.append(UInt16(contents.count))
    writer.append(header.firstEvent)
    writer.append(header.firstTime)
    writer.append(header.lastTime)
    writer.append(header.number)
    writer.append(bytes: contents)
    return writer.bytes
  }

  private static func indexSeed(_ reel: Reel) -> [UInt8] {
    var writer = ByteWriter()
    var pool: [UInt8] = []
    let listed = reel.blocks.filter {
      ![.metadata, .end, .index, .footer].contains($0.header.type)
        && $0.header.storedSize <= UInt16.max
    }.prefix(255)
    writer.append(UInt8(listed.count))
    for block in listed {
      let header = block.header
      writer.append(UInt8(truncatingIfNeeded: header.type.rawValue))
      writer.append(UInt8(1))
      writer.append(UInt16(header.storedSize))
      writer.append(header.rawSize)
      writer.append(header.firstEvent)
      writer.append(header.eventCount)
      writer.append(header.number)
      writer.append(header.firstTime)
      writer.append(header.lastTime)
      // Where ``IndexedReel`` puts a header, the pool's bytes are passed over.
      pool += [UInt8](repeating: 0, count: BlockHeader.byteCount)
      pool += (try? reel.storedBytes(of: block)) ?? []
    }
    return writer.bytes + pool
  }
}
