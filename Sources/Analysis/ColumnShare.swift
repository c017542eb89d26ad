internal import Trace

/// What one column takes of all event blocks.
public struct ColumnShare: Codable, Equatable, Sendable {
  /// The column's name as TRACE-FORMAT has it, `column-N`, or `headers`: block headers and
  /// directories.
  public var name: String
  /// Its bytes in the file.
  public var storedBytes: UInt64 = 0
  /// Its bytes before compression.
  public var rawBytes: UInt64 = 0
  /// Its share of the event blocks' bytes in the file, in percent.
  public var percent: Double = 0

  /// The columns in the order of their numbers; those of damaged blocks are left out.
  static func shares(of reel: Reel) -> [ColumnShare] {
    var columns: [UInt16: ColumnShare] = [:]
    var headers = ColumnShare(name: "headers")
    for block in reel.eventBlocks {
      guard let sizes = try? reel.columnSizes(of: block) else { continue }
      var rest = UInt64(BlockHeader.byteCount) + UInt64(block.header.storedSize)
      for size in sizes {
        let name = EventColumn(rawValue: size.id)?.name ?? "column-\(size.id)"
        columns[size.id, default: ColumnShare(name: name)].storedBytes += UInt64(size.storedSize)
        columns[size.id]?.rawBytes += UInt64(size.rawSize)
        rest -= min(rest, UInt64(size.storedSize))
      }
      headers.storedBytes += rest
      headers.rawBytes += rest
    }
    var shares = [headers] + columns.sorted { $0.key < $1.key }.map(\.value)
    let whole = shares.reduce(0.0) { $0 + Double($1.storedBytes) }
    for index in shares.indices where whole > 0 {
      shares[index].percent = 100 * Double(shares[index].storedBytes) / whole
    }
    return shares
  }
}
