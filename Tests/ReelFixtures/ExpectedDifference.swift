public import Trace

/// What must be found between a reel and its mutation.
public struct ExpectedDifference: Equatable, Sendable {
  /// A stretch that differs.
  public struct Hunk: Equatable, Sendable, CustomStringConvertible {
    /// Its first event in the original, or the one that follows where it has none of it.
    public var firstA: EventIndex
    /// How many events of the original it has.
    public var countA: Int
    /// Likewise in the mutation.
    public var firstB: EventIndex
    /// How many events of the mutation it has.
    public var countB: Int

    /// Makes a hunk.
    public init(firstA: EventIndex, countA: Int, firstB: EventIndex, countB: Int) {
      (self.firstA, self.countA, self.firstB, self.countB) = (firstA, countA, firstB, countB)
    }

    /// Both sides: `-12,1 +12,0`.
    public var description: String { "-\(firstA),\(countA) +\(firstB),\(countB)" }
  }

  /// The original's event at the first difference; `nil` where its stream has ended, or both are
  /// equal.
  public var a: EventIndex?
  /// The mutation's.
  public var b: EventIndex?
  /// The fields in which these two differ.
  public var fields: [String] = []
  /// Events the streams have in common before.
  public var commonEvents = 0
  /// The stretches that differ in more than digests and timestamps.
  ///
  /// One that could stand at several places stands at the last of them, so that it begins where the
  /// streams part.
  public var hunks: [Hunk] = []

  /// Whether the streams are equal.
  public var isEqual: Bool { a == nil && b == nil }
}

extension ExpectedDifference {
  /// Compares index by index, and places each splice.
  ///
  /// `nil` when a splice is nothing but another, or reaches its neighbour.
  init?(_ a: ComparedStream, _ b: ComparedStream, _ splices: [EventSplice]) {
    commonEvents =
      zip(a.entries, b.entries).enumerated()
      .first { !$1.0.differences(from: $1.1).isEmpty }?.offset
      ?? min(a.entries.count, b.entries.count)
    if commonEvents < max(a.entries.count, b.entries.count) {
      self.a = commonEvents < a.entries.count ? a.indexes[commonEvents] : nil
      self.b = commonEvents < b.entries.count ? b.indexes[commonEvents] : nil
    }
    if self.a != nil, self.b != nil {
      fields = a.entries[commonEvents].differences(from: b.entries[commonEvents])
    }
    guard let hunks = Self.hunks(a, b, splices) else { return nil }
    self.hunks = hunks
  }

  private static func hunks(
    _ a: ComparedStream, _ b: ComparedStream, _ splices: [EventSplice]
  ) -> [Hunk]? {
    var found: [Hunk] = []
    var (offset, lastEnd) = (0, 0)
    for splice in splices {
      let lower = a.count(before: splice.range.lowerBound)
      let upper = a.count(before: splice.range.upperBound)
      let inserted = splice.entries.count { $0.isCompared }
      var stretch = Stretch(a: lower..<upper, b: lower + offset..<lower + offset + inserted)
      guard lower >= lastEnd else { return nil }
      offset += inserted - (upper - lower)
      stretch.settle(a.entries, b.entries)
      lastEnd = stretch.a.upperBound
      guard !stretch.a.isEmpty || !stretch.b.isEmpty else { continue }
      found.append(
        Hunk(
          firstA: a.index(at: stretch.a.lowerBound), countA: stretch.a.count,
          firstB: b.index(at: stretch.b.lowerBound), countB: stretch.b.count))
    }
    return found
  }
}

/// A splice as positions in both streams.
private struct Stretch {
  var a: Range<Int>
  var b: Range<Int>

  /// Drops what both sides begin and end with, and moves what only one has as far back as it goes.
  mutating func settle(_ left: [EditedReel.Entry], _ right: [EditedReel.Entry]) {
    while let i = a.first, let j = b.first, left[i].isAlike(right[j]) {
      (a, b) = (a.dropFirst(), b.dropFirst())
    }
    while let i = a.last, let j = b.last, left[i].isAlike(right[j]) {
      (a, b) = (a.dropLast(), b.dropLast())
    }
    if a.isEmpty {
      while b.upperBound < right.count, !b.isEmpty,
        right[b.lowerBound].isAlike(right[b.upperBound])
      {
        move()
      }
    } else if b.isEmpty {
      while a.upperBound < left.count, left[a.lowerBound].isAlike(left[a.upperBound]) { move() }
    }
  }

  private mutating func move() {
    a = a.lowerBound + 1..<a.upperBound + 1
    b = b.lowerBound + 1..<b.upperBound + 1
  }
}
