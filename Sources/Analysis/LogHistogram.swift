/// Counts durations in log-linear buckets, so that percentiles need bounded memory.
///
/// Durations below 128 ns have a bucket each; above, each power of two is cut into 64 buckets and
/// a percentile is the middle of its bucket: at most 0.8 % from the true value. A row of 64
/// buckets is allocated when first used; there are at most 59 rows (about 30 KiB).
struct LogHistogram: Sendable {
  private static let bitsPerRow = 6
  private var rows: [[UInt64]] = []
  private(set) var count: UInt64 = 0

  /// Counts one duration.
  mutating func add(_ nanoseconds: UInt64) {
    let (row, column) = Self.place(of: nanoseconds)
    while rows.count <= row { rows.append([]) }
    if rows[row].isEmpty {
      rows[row] = [UInt64](repeating: 0, count: 1 << Self.bitsPerRow)
    }
    rows[row][column] &+= 1
    count &+= 1
  }

  /// The duration that the given share of all (0…1) does not exceed; 0 when there are none.
  func percentile(_ share: Double) -> UInt64 {
    guard count > 0 else { return 0 }
    let wanted = max(1, UInt64((Double(count) * min(max(share, 0), 1)).rounded(.up)))
    var seen: UInt64 = 0
    for (row, columns) in rows.enumerated() {
      for (column, number) in columns.enumerated() where number > 0 {
        seen &+= number
        if seen >= wanted { return Self.middle(row: row, column: column) }
      }
    }
    return 0
  }

  /// Row 0 holds 0–63, row r holds the values with 6 + r significant bits.
  private static func place(of value: UInt64) -> (row: Int, column: Int) {
    let bits = UInt64.bitWidth - value.leadingZeroBitCount
    guard bits > bitsPerRow else { return (0, Int(value)) }
    let shift = bits - bitsPerRow - 1
    return (bits - bitsPerRow, Int(value >> UInt64(shift)) & ((1 << bitsPerRow) - 1))
  }

  private static func middle(row: Int, column: Int) -> UInt64 {
    guard row > 0 else { return UInt64(column) }
    let shift = UInt64(row - 1)
    let low = (UInt64(column) | 1 << UInt64(bitsPerRow)) << shift
    return low &+ (1 << shift) / 2
  }
}
