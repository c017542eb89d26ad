internal import Trace

extension ReelVerifier {
  /// Bytes that are written as zero and ignored on reading: a later version may use them, so they
  /// are no damage, but somebody may have put them there.
  mutating func checkReservedBytes(of source: any ReelSource) {
    if let header = Self.bytes(FileHeader.byteCount, at: 0, of: source) {
      if header[24..<32].contains(where: { $0 != 0 })
        || header[48..<56].contains(where: { $0 != 0 })
      {
        note(.note, at: 0, "file header", "reserved bytes of the header are not zero")
      }
      if header[12..<16] != [64, 0, 0, 0] {
        note(.note, at: 0, "file header", "the header does not give its size as 64")
      }
    }
    for block in reel.blocks {
      guard let header = Self.bytes(BlockHeader.byteCount, at: block.offset, of: source) else {
        continue
      }
      if header[6] != 0 || header[7] != 0 || Self.hasReservedFields(block.header) {
        note(.note, block, "reserved fields of the block header are not zero")
      }
    }
  }

  private static func bytes(_ count: Int, at offset: UInt64, of source: any ReelSource) -> [UInt8]?
  {
    guard offset <= source.byteCount, UInt64(count) <= source.byteCount - offset else { return nil }
    return try? source.read(at: offset, count: count)
  }

  /// Whether a header has fields its type does not use; an unknown type may use any.
  private static func hasReservedFields(_ header: BlockHeader) -> Bool {
    let hasTimes = header.firstTime != 0 || header.lastTime != 0
    switch header.type {
    case .events, .kernelExits: return header.number != 0
    case .pages: return header.number != 0 || hasTimes
    case .keyframe: return header.eventCount != 0 || hasTimes
    case .footer: return header.eventCount != 0 || header.number != 0 || hasTimes
    case .end: return header.firstEvent != 0 || header.eventCount != 0 || hasTimes
    case .metadata, .hostTotals, .index:
      return header.firstEvent != 0 || header.eventCount != 0 || header.number != 0 || hasTimes
    default: return false
    }
  }
}
