/// How two sequences of signatures fit together: what both have in order, and what only one has.
///
/// Signatures that stand in both sequences only once in the same neighbourhood are anchors
/// (patience diff); between anchors the shortest edit script is sought (Myers, "An O(ND) difference
/// algorithm", 1986) as long as it is short, and else the longest ``CommonSubsequence`` of stretches
/// that are. Time and memory are bounded: of what is longer one stretch is said to replace the other.
public struct SequenceAlignment: Equatable, Sendable {
  /// A stretch of both sequences.
  public struct Piece: Equatable, Sendable {
    /// Where it lies in the first.
    public var a: Range<Int>
    /// Where it lies in the second.
    public var b: Range<Int>
    /// Whether both have it; otherwise the second has `b` in place of `a`, and either may be empty.
    public var isEqual: Bool

    /// Makes a piece.
    public init(a: Range<Int>, b: Range<Int>, isEqual: Bool) {
      self.a = a
      self.b = b
      self.isEqual = isEqual
    }
  }

  /// The pieces in order; they cover both sequences, and equal ones alternate with others.
  public private(set) var pieces: [Piece] = []
  /// Stretches that were given up as having nothing in common, because looking further would have
  /// cost too much.
  public private(set) var unsearched = 0

  /// Aligns two sequences.
  public init(_ a: [UInt64], _ b: [UInt64]) {
    var search = AlignmentSearch(a, b)
    search.run()
    unsearched = search.unsearched
    for piece in search.matches { add(piece) }
    close(a.count, b.count)
  }

  private mutating func add(_ match: AlignmentSearch.Match) {
    close(match.a, match.b)
    if let last = pieces.indices.last, pieces[last].isEqual {
      pieces[last].a = pieces[last].a.lowerBound..<match.a + match.count
      pieces[last].b = pieces[last].b.lowerBound..<match.b + match.count
    } else {
      pieces.append(
        Piece(
          a: match.a..<match.a + match.count, b: match.b..<match.b + match.count, isEqual: true))
    }
  }

  /// Puts what lies before a place into a piece of its own.
  private mutating func close(_ a: Int, _ b: Int) {
    let (endA, endB) = (pieces.last?.a.upperBound ?? 0, pieces.last?.b.upperBound ?? 0)
    guard a > endA || b > endB else { return }
    pieces.append(Piece(a: endA..<a, b: endB..<b, isEqual: false))
  }
}

/// The search for matches, region by region.
private struct AlignmentSearch {
  struct Match {
    var a: Int
    var b: Int
    var count: Int
  }

  private struct Region {
    var a: Range<Int>
    var b: Range<Int>
    /// The index of the next window of signatures to look for anchors with.
    var window: Int
  }

  /// How many signatures in a row make an anchor: long ones first, since loops repeat short ones.
  private static let windows = [64, 16, 4, 1]
  /// The longest edit script sought between two anchors.
  private static let maximumEdits = 1024

  private let a: [UInt64]
  private let b: [UInt64]
  private(set) var matches: [Match] = []
  private(set) var unsearched = 0
  /// What may still be spent on longest common subsequences.
  private var cells = CommonSubsequence.maximumCells

  init(_ a: [UInt64], _ b: [UInt64]) {
    self.a = a
    self.b = b
  }

  /// Works from the first region to the last, so that matches come in order.
  mutating func run() {
    var regions = [Region(a: 0..<a.count, b: 0..<b.count, window: 0)]
    while var region = regions.popLast() {
      takePrefix(&region)
      let suffix = suffix(&region)
      if suffix.count > 0 { regions.append(suffixRegion(suffix)) }
      guard !region.a.isEmpty, !region.b.isEmpty else { continue }
      if region.a.count + region.b.count <= Self.maximumEdits {
        takeShortest(region)
      } else if region.window < Self.windows.count {
        regions += split(region).reversed()
      } else {
        takeShortest(region)
      }
    }
  }

  /// A region that is all match, for the order's sake.
  private func suffixRegion(_ match: Match) -> Region {
    Region(
      a: match.a..<match.a + match.count, b: match.b..<match.b + match.count, window: 0)
  }

  private mutating func takePrefix(_ region: inout Region) {
    let limit = min(region.a.count, region.b.count)
    var count = 0
    while count < limit, a[region.a.lowerBound + count] == b[region.b.lowerBound + count] {
      count += 1
    }
    guard count > 0 else { return }
    matches.append(Match(a: region.a.lowerBound, b: region.b.lowerBound, count: count))
    region.a = region.a.lowerBound + count..<region.a.upperBound
    region.b = region.b.lowerBound + count..<region.b.upperBound
  }

  private func suffix(_ region: inout Region) -> Match {
    let limit = min(region.a.count, region.b.count)
    var count = 0
    while count < limit, a[region.a.upperBound - 1 - count] == b[region.b.upperBound - 1 - count] {
      count += 1
    }
    region.a = region.a.lowerBound..<region.a.upperBound - count
    region.b = region.b.lowerBound..<region.b.upperBound - count
    return Match(a: region.a.upperBound, b: region.b.upperBound, count: count)
  }
}

// MARK: Anchors

extension AlignmentSearch {
  /// A window of signatures that stands once in each side of a region.
  private struct Anchor {
    var a: Int
    var b: Int
  }

  /// Cuts a region at its anchors: matches, and what lies between them, in order.
  private func split(_ region: Region) -> [Region] {
    let width = Self.windows[region.window]
    let anchors = longestChain(commonWindows(region, width))
    guard !anchors.isEmpty else {
      return [Region(a: region.a, b: region.b, window: region.window + 1)]
    }
    var parts: [Region] = []
    var (endA, endB) = (region.a.lowerBound, region.b.lowerBound)
    for anchor in anchors {
      // Windows overlap: what the match before covers already needs no second.
      guard anchor.a + width > endA, anchor.b + width > endB else { continue }
      let skip = max(0, endA - anchor.a, endB - anchor.b)
      let (startA, startB) = (anchor.a + skip, anchor.b + skip)
      parts.append(part(endA..<startA, endB..<startB, of: region))
      (endA, endB) = (anchor.a + width, anchor.b + width)
      parts.append(Region(a: startA..<endA, b: startB..<endB, window: 0))
    }
    parts.append(part(endA..<region.a.upperBound, endB..<region.b.upperBound, of: region))
    return parts
  }

  /// What lies between two anchors: a much smaller neighbourhood has anchors of its own.
  private func part(_ a: Range<Int>, _ b: Range<Int>, of region: Region) -> Region {
    let isSmaller = a.count + b.count <= (region.a.count + region.b.count) / 2
    return Region(a: a, b: b, window: isSmaller ? 0 : region.window + 1)
  }

  /// The windows that stand exactly once in each side, by their place in the first.
  private func commonWindows(_ region: Region, _ width: Int) -> [Anchor] {
    let left = uniqueWindows(a, region.a, width)
    let right = uniqueWindows(b, region.b, width)
    var common: [Anchor] = []
    var next = 0
    for window in left {
      while next < right.count, right[next].hash < window.hash { next += 1 }
      guard next < right.count else { break }
      let (i, j) = (window.place, right[next].place)
      guard right[next].hash == window.hash, a[i..<i + width] == b[j..<j + width] else { continue }
      common.append(Anchor(a: i, b: j))
    }
    return common.sorted { $0.a < $1.a }
  }

  /// The windows of a stretch that stand in it once, by their hashes.
  private func uniqueWindows(
    _ sequence: [UInt64], _ range: Range<Int>, _ width: Int
  ) -> [(hash: UInt64, place: Int)] {
    guard range.count >= width else { return [] }
    let base: UInt64 = 0x9e37_79b9_7f4a_7c15
    var leaving: UInt64 = 1
    for _ in 1..<width { leaving &*= base }
    var hash: UInt64 = 0
    var windows: [(hash: UInt64, place: Int)] = []
    windows.reserveCapacity(range.count - width + 1)
    for place in range {
      hash = hash &* base &+ sequence[place]
      let first = place - width + 1
      guard first >= range.lowerBound else { continue }
      windows.append((hash, first))
      hash &-= sequence[first] &* leaving
    }
    windows.sort { $0.hash < $1.hash }
    return windows.indices.filter { index in
      (index == 0 || windows[index - 1].hash != windows[index].hash)
        && (index == windows.count - 1 || windows[index + 1].hash != windows[index].hash)
    }.map { windows[$0] }
  }

  /// The longest run of anchors that ascend in the second sequence too.
  private func longestChain(_ anchors: [Anchor]) -> [Anchor] {
    var ends: [Int] = []
    var before = [Int](repeating: -1, count: anchors.count)
    for index in anchors.indices {
      let length = ends.partition { anchors[$0].b < anchors[index].b }
      before[index] = length > 0 ? ends[length - 1] : -1
      if length == ends.count { ends.append(index) } else { ends[length] = index }
    }
    var chain: [Anchor] = []
    var index = ends.last ?? -1
    while index >= 0 {
      chain.append(anchors[index])
      index = before[index]
    }
    return chain.reversed()
  }
}

extension [Int] {
  /// How many leading elements meet a condition that no later one does.
  fileprivate func partition(where isBefore: (Int) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if isBefore(self[middle]) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

// MARK: The shortest edit script

extension AlignmentSearch {
  /// Takes the matches of the shortest edit script, unless it is too long.
  private mutating func takeShortest(_ region: Region) {
    if let script = shortestScript(region) {
      matches += script
    } else if let common = CommonSubsequence(a[region.a], b[region.b], upTo: cells) {
      cells -= common.cells
      for pair in common.pairs { add(region.a.lowerBound + pair.a, region.b.lowerBound + pair.b) }
    } else {
      unsearched += 1
    }
  }

  /// Adds a match of one signature, to the last one where it continues it.
  private mutating func add(_ a: Int, _ b: Int) {
    if let last = matches.indices.last, matches[last].a + matches[last].count == a,
      matches[last].b + matches[last].count == b
    {
      matches[last].count += 1
    } else {
      matches.append(Match(a: a, b: b, count: 1))
    }
  }

  /// Myers' greedy search: for each number of edits the furthest place on each diagonal.
  private func shortestScript(_ region: Region) -> [Match]? {
    let (n, m) = (region.a.count, region.b.count)
    let limit = min(n + m, Self.maximumEdits)
    var furthest = [Int](repeating: 0, count: 2 * limit + 3)
    var history: [[Int]] = []
    for edits in 0...limit {
      for diagonal in stride(from: -edits, through: edits, by: 2) {
        let slot = diagonal + limit + 1
        let isDown =
          diagonal == -edits || (diagonal != edits && furthest[slot - 1] < furthest[slot + 1])
        var x = isDown ? furthest[slot + 1] : furthest[slot - 1] + 1
        while x < n, x - diagonal < m, x - diagonal >= 0,
          a[region.a.lowerBound + x] == b[region.b.lowerBound + x - diagonal]
        {
          x += 1
        }
        furthest[slot] = x
        if x >= n, x - diagonal >= m {
          history.append(Array(furthest[(limit + 1 - edits)...(limit + 1 + edits)]))
          return backtrack(region, history)
        }
      }
      history.append(Array(furthest[(limit + 1 - edits)...(limit + 1 + edits)]))
    }
    return nil
  }

  /// Walks back from the end through what was furthest with ever fewer edits.
  private func backtrack(_ region: Region, _ history: [[Int]]) -> [Match] {
    var (x, y) = (region.a.count, region.b.count)
    var found: [Match] = []
    for edits in stride(from: history.count - 1, through: 0, by: -1) {
      let diagonal = x - y
      var (startX, startY) = (0, 0)
      if edits > 0 {
        let before = history[edits - 1]
        func reached(_ diagonal: Int) -> Int {
          abs(diagonal) <= edits - 1 ? before[diagonal + edits - 1] : -1
        }
        let isDown =
          diagonal == -edits
          || (diagonal != edits && reached(diagonal - 1) < reached(diagonal + 1))
        let previous = isDown ? diagonal + 1 : diagonal - 1
        startX = reached(previous)
        startY = startX - previous
        // The edit itself, before the matches that follow it.
        let (afterX, afterY) = isDown ? (startX, startY + 1) : (startX + 1, startY)
        if x > afterX {
          found.append(
            Match(
              a: region.a.lowerBound + afterX, b: region.b.lowerBound + afterY, count: x - afterX))
        }
      } else if x > 0 {
        found.append(Match(a: region.a.lowerBound, b: region.b.lowerBound, count: x))
      }
      (x, y) = (startX, startY)
    }
    return found.reversed()
  }
}
