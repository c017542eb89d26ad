/// Counts the durations of a table's first rows in whatever steps they come, as those of kernel
/// exits do: one that comes again takes an addition, another pushes the one in its place out.
struct DurationCache: Sendable {
  /// Rows with places: they take 64 KiB each.
  static let maximumRows = 64
  private static let slotBits: UInt64 = 11
  private static let slotCount = 1 << Int(slotBits)

  /// A duration and how often it came.
  struct Entry: Sendable {
    var nanoseconds: UInt64 = 0
    var count: UInt64 = 0
  }

  /// What was pushed out of a row, of the time in the guest or of that of handling.
  struct Evicted {
    var row: Int
    var isInGuest: Bool
    var entry: Entry
  }

  private var entries: [Entry] = []

  /// Makes room for rows up to this one.
  mutating func reserve(_ row: Int) {
    let count = (min(row, Self.maximumRows - 1) + 1) * 2 * Self.slotCount
    guard entries.count < count else { return }
    entries += repeatElement(Entry(), count: count - entries.count)
  }

  /// Counts both times of a batch's exits.
  ///
  /// - Parameters:
  ///   - rows: each exit's row, reserved.
  ///   - evicted: gets what is not counted here any more, or cannot be.
  mutating func add(_ batch: borrowing ExitBatch, rows: [Int], evicted: inout [Evicted]) {
    let rows = rows.span.extracting(..<batch.count)
    let (handling, inGuest) = (batch.handling.span, batch.inGuest.span)
    var entries = entries.mutableSpan
    for exit in rows.indices {
      let row = rows[exit]
      guard row < Self.maximumRows else {
        let times = (Entry(nanoseconds: handling[exit], count: 1), inGuest[exit])
        evicted.append(Evicted(row: row, isInGuest: false, entry: times.0))
        evicted.append(
          Evicted(row: row, isInGuest: true, entry: Entry(nanoseconds: times.1, count: 1)))
        continue
      }
      let slot = Self.slot(row, isInGuest: false, handling[exit])
      if entries[slot].nanoseconds != handling[exit] {
        evicted.append(Evicted(row: row, isInGuest: false, entry: entries[slot]))
        entries[slot] = Entry(nanoseconds: handling[exit])
      }
      entries[slot].count &+= 1
      let other = Self.slot(row, isInGuest: true, inGuest[exit])
      if entries[other].nanoseconds != inGuest[exit] {
        evicted.append(Evicted(row: row, isInGuest: true, entry: entries[other]))
        entries[other] = Entry(nanoseconds: inGuest[exit])
      }
      entries[other].count &+= 1
    }
  }

  /// Where a duration of a row is counted.
  ///
  /// Fibonacci hashing: neighbours, and multiples of a thousand, spread evenly.
  @inline(__always)
  private static func slot(_ row: Int, isInGuest: Bool, _ nanoseconds: UInt64) -> Int {
    let hash = (nanoseconds &* 0x9e37_79b9_7f4a_7c15) >> (64 - slotBits)
    return (row &* 2 &+ (isInGuest ? 1 : 0)) &* slotCount &+ Int(truncatingIfNeeded: hash)
  }

  /// Moves the counts of a row into accumulators.
  mutating func flush(
    _ row: Int, handling: inout DurationAccumulator, inGuest: inout DurationAccumulator
  ) {
    let base = row * 2 * Self.slotCount
    guard base < entries.count else { return }
    for slot in base..<base + Self.slotCount {
      handling.add(entries[slot].nanoseconds, count: entries[slot].count)
      entries[slot].count = 0
      let other = slot + Self.slotCount
      inGuest.add(entries[other].nanoseconds, count: entries[other].count)
      entries[other].count = 0
    }
  }
}
