/// The longest common subsequence of two sequences, by bit vectors.
///
/// Where the second has long bursts more, the shortest edit script is long, and searching by its length
/// takes too long; this takes the same time whatever the edits are. (Crochemore et al., "A fast and
/// practical bit-vector algorithm for the longest common subsequence problem", 2001.) In row j of bits
/// the ones clear are those where one element more of the first makes the common subsequence with j
/// elements of the second longer. Only some rows are kept, and those between made again.
struct CommonSubsequence {
  /// Pairs of elements compared at most, 64 at a time; for all stretches of two sequences.
  static let maximumCells = 1 << 34

  /// Pairs of elements compared.
  let cells: Int

  private let a: ArraySlice<UInt64>
  private let b: ArraySlice<UInt64>
  private let places: PlacesInWords
  private let words: Int
  /// Every so many rows one is kept.
  private let spacing: Int
  /// Those before the rows 0, ``spacing``, twice as many and so on.
  private var kept: [[UInt64]] = []

  /// Compares two sequences; `nil` when they have more pairs of elements than may be compared.
  init?(_ a: ArraySlice<UInt64>, _ b: ArraySlice<UInt64>, upTo limit: Int = maximumCells) {
    let (cells, isTooLong) = a.count.multipliedReportingOverflow(by: b.count)
    guard !isTooLong, cells <= limit else { return nil }
    self.cells = cells
    self.a = a
    self.b = b
    words = (a.count + 63) / 64
    spacing = max(1, Int(Double(b.count).squareRoot()))
    places = PlacesInWords(a)
    var row = [UInt64](repeating: .max, count: words)
    for (number, element) in b.enumerated() {
      if number % spacing == 0 { kept.append(row) }
      places.advance(&row, by: element)
    }
  }

  /// The pairs of places of common elements, ascending in both.
  var pairs: [(a: Int, b: Int)] {
    var found: [(a: Int, b: Int)] = []
    var column = a.count
    for block in kept.indices.reversed() {
      guard column > 0 else { break }
      let first = block * spacing
      let rows = rows(from: first)
      // Row 0 of the block is the one before the element `first`.
      var row = rows.count - 1
      while column > 0, row > 0 {
        if Self.isSet(rows[row], column - 1) {
          column -= 1
          continue
        }
        row -= 1
        guard Self.isSet(rows[row], column - 1) else { continue }
        column -= 1
        found.append((column, first + row))
      }
    }
    return found.reversed()
  }

  /// The row before an element of the second at which one is kept, and those up to the next.
  private func rows(from first: Int) -> [[UInt64]] {
    var rows = [kept[first / spacing]]
    for element in b.dropFirst(first).prefix(spacing) {
      var row = rows[rows.count - 1]
      places.advance(&row, by: element)
      rows.append(row)
    }
    return rows
  }

  /// Whether an element more of the first does not make the subsequence longer.
  private static func isSet(_ row: [UInt64], _ bit: Int) -> Bool {
    row[bit / 64] >> UInt64(bit % 64) & 1 == 1
  }
}

/// Where each element of a sequence stands, as masks of those words of a bit vector that have any.
private struct PlacesInWords {
  private var masks: [(word: Int, mask: UInt64)] = []
  private var ranges: [UInt64: Range<Int>] = [:]

  init(_ sequence: ArraySlice<UInt64>) {
    let ordered = sequence.enumerated().sorted {
      ($0.element, $0.offset) < ($1.element, $1.offset)
    }
    masks.reserveCapacity(ordered.count)
    for (place, element) in ordered {
      let (word, bit) = (place / 64, 1 << UInt64(place % 64) as UInt64)
      let range = ranges[element] ?? masks.count..<masks.count
      if !range.isEmpty, masks[masks.count - 1].word == word {
        masks[masks.count - 1].mask |= bit
      } else {
        masks.append((word, bit))
      }
      ranges[element] = range.lowerBound..<masks.count
    }
  }

  /// Makes the next row of one: row + (row & places) | row & ~places, as one long number.
  func advance(_ row: inout [UInt64], by element: UInt64) {
    guard let range = ranges[element] else { return }
    var (next, carry) = (0, false)
    for index in range {
      let (word, mask) = masks[index]
      while carry, next < word { carry = Self.add(&row[next], 0, carry, &next) }
      next = word
      carry = Self.add(&row[word], mask, carry, &next)
    }
    while carry, next < row.count { carry = Self.add(&row[next], 0, carry, &next) }
  }

  /// Adds in one word, and returns the carry.
  private static func add(
    _ bits: inout UInt64, _ mask: UInt64, _ carry: Bool, _ next: inout Int
  ) -> Bool {
    let (sum, overflow) = bits.addingReportingOverflow(bits & mask)
    let (carried, again) = sum.addingReportingOverflow(carry ? 1 : 0)
    bits = carried | (bits & ~mask)
    next += 1
    return overflow || again
  }
}
