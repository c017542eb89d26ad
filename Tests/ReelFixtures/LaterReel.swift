internal import Bytes
internal import Trace

/// A reel as a later minor version may write it: with a metadata key, a block type and columns that
/// this version does not know.
public enum LaterReel {
  /// The minor version it says it has.
  public static let minor: UInt16 = 7
  /// The column that is added to all events and kernel exits.
  public static let column: UInt16 = 300

  /// Makes one of a whole reel.
  public static func make(of bytes: [UInt8], columnIsRequired: Bool) throws -> [UInt8] {
    let reel = try Reel(MemorySource(bytes))
    var header = reel.header
    header.minor = minor
    var encoder = BlockEncoder(pageKey: header.pageKey)
    var copy = header.encoded()
    for block in reel.blocks {
      switch block.header.type {
      case .metadata:
        let json = Array(#"{"later":{"key":1},"#.utf8) + reel.metadataJSON.dropFirst()
        copy += encoder.block(.metadata, json) + encoder.block(BlockType(rawValue: 77), [1, 2, 3])
      case .events, .kernelExits:
        let stored = adding(to: try reel.storedBytes(of: block), isRequired: columnIsRequired)
        var header = block.header
        header.rawSize += UInt32(stored.added)
        header.storedSize = UInt32(stored.bytes.count)
        header.checksum = UInt64(CRC32.checksum(stored.bytes))
        copy += encoder.block(copying: header, stored: stored.bytes)
      case .end, .index, .footer:
        break
      default:
        copy += encoder.block(copying: block.header, stored: try reel.storedBytes(of: block))
      }
    }
    return copy + (reel.end.map { encoder.end($0) } ?? [])
  }

  /// The stored bytes of columns with one more, the last, in an encoding of the later version.
  private static func adding(
    to stored: [UInt8], isRequired: Bool
  ) -> (bytes: [UInt8], added: Int) {
    let count = UInt16(stored[0]) | UInt16(stored[1]) << 8
    let directoryEnd = 2 + 12 * Int(count)
    let content: [UInt8] = [5, 6, 7]
    var entry = ByteWriter()
    entry.append(column)
    entry.append(bytes: [9, isRequired ? 1 : 0])
    entry.append(UInt32(content.count))
    entry.append(UInt32(content.count))
    var directory = ByteWriter()
    directory.append(count + 1)
    directory.append(bytes: stored[2..<directoryEnd] + entry.bytes)
    return (
      directory.bytes + stored[directoryEnd...] + content, entry.bytes.count + content.count
    )
  }
}
