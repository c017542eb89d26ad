import FoundationEssentials
import Testing
import Trace

/// A reel in memory.
final class MemorySource: ReelSource {
  let bytes: [UInt8]
  init(_ bytes: [UInt8]) { self.bytes = bytes }
  var byteCount: UInt64 { UInt64(bytes.count) }
  func read(at offset: UInt64, count: Int) throws(TraceError) -> [UInt8] {
    Array(bytes[Int(offset)..<Int(offset) + count])
  }
}

extension TestDirectory {
  /// Writes a copy of a reel whose metadata says something else; every checksum is right.
  func alterMetadata(
    of name: String, to copy: String, _ change: (inout Metadata) throws -> Void
  ) throws {
    let bytes = try read(name)
    let reel = try Reel(MemorySource(bytes))
    let old = try JSONDecoder().decode(Metadata.self, from: Data(reel.metadataJSON))
    var new = old
    try change(&new)
    try #require(new != old)
    let first = try #require(reel.blocks.first)
    let end = FileHeader.byteCount + BlockHeader.byteCount + Int(first.header.storedSize)
    var encoder = BlockEncoder(pageKey: reel.header.pageKey)
    let block = encoder.block(.metadata, Array(try JSONEncoder().encode(new)))
    try write(bytes.prefix(FileHeader.byteCount) + block + bytes.dropFirst(end), to: copy)
  }
}
