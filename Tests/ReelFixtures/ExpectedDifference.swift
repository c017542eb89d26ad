public import Trace

/// What must be found between a reel and its mutation.
public struct ExpectedDifference: Equatable, Sendable {
  /// The original's event at the first difference; `nil` where its stream has ended, or both are
  /// equal.
  public var a: EventIndex?
  /// The mutation's.
  public var b: EventIndex?
  /// The fields in which these two differ.
  public var fields: [String] = []
  /// Events the streams have in common before.
  public var commonEvents = 0
  /// The stretches that differ in more than digests, timestamps and RIPs that are shifted.
  ///
  /// One that could stand at several places stands where most of the rest agrees, digests included,
  /// and at the last such place: there it begins where the streams part.
  public var hunks: [ExpectedHunk] = []

  /// Whether the streams are equal.
  public var isEqual: Bool { a == nil && b == nil }
}

/// A stretch that differs.
public struct ExpectedHunk: Equatable, Sendable, CustomStringConvertible {
  /// What happened, as `diff` calls it.
  public var change: String
  /// Its first event in the original, or the guest's own event that follows where it has none of it.
  public var firstA: EventIndex
  /// How many events of the original it has.
  public var countA: Int
  /// Likewise in the mutation.
  public var firstB: EventIndex
  /// How many events of the mutation it has.
  public var countB: Int

  /// Makes a hunk.
  public init(
    _ change: String, firstA: EventIndex, countA: Int, firstB: EventIndex, countB: Int
  ) {
    self.change = change
    (self.firstA, self.countA, self.firstB, self.countB) = (firstA, countA, firstB, countB)
  }

  /// All of it: `deleted -12,1 +12,0`.
  public var description: String { "\(change) -\(firstA),\(countA) +\(firstB),\(countB)" }
}

extension ExpectedDifference {
  /// Compares index by index, and places each splice.
  ///
  /// `nil` when a splice reaches its neighbour.
  init?(_ a: ExpectedStream, _ b: ExpectedStream, _ splices: [EventSplice]) {
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
    guard let stretches = Stretch.settled(splices, a, b) else { return nil }
    hunks = stretches.map { $0.hunk(a, b) }
  }
}

/// A splice as positions in both streams.
private struct Stretch {
  var a: Range<Int>
  var b: Range<Int>
  /// Whether an interrupt goes from `a` to `b`.
  var isMove = false

  /// The stretches of splices, in order; those that are left of two halves of a move are one.
  static func settled(
    _ splices: [EventSplice], _ a: ExpectedStream, _ b: ExpectedStream
  ) -> [Stretch]? {
    var found: [Stretch] = []
    var half: Stretch?
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
      if splice.isHalfOfMove {
        guard let other = half else {
          half = stretch
          continue
        }
        let (gone, come) = other.a.isEmpty ? (stretch, other) : (other, stretch)
        stretch = Stretch(a: gone.a, b: come.b, isMove: true)
        half = nil
      }
      if let last = found.indices.last, found[last].goesOn(in: stretch, a, b) {
        found[last].a = found[last].a.lowerBound..<stretch.a.upperBound
        found[last].b = found[last].b.lowerBound..<stretch.b.upperBound
      } else {
        found.append(stretch)
      }
    }
    return found
  }

  /// Drops what both sides begin and end with, and moves what only one has to where most of the rest agrees,
  /// the last such place.
  private mutating func settle(_ left: [EditedReel.Entry], _ right: [EditedReel.Entry]) {
    while let i = a.first, let j = b.first, left[i].isAlike(right[j]) {
      (a, b) = (a.dropFirst(), b.dropFirst())
    }
    while let i = a.last, let j = b.last, left[i].isAlike(right[j]) {
      (a, b) = (a.dropLast(), b.dropLast())
    }
    guard a.isEmpty != b.isEmpty else { return }
    let (owner, range) = a.isEmpty ? (right, b) : (left, a)
    var offsets = 0...0
    while range.upperBound + offsets.upperBound < owner.count,
      owner[range.lowerBound + offsets.upperBound]
        .isAlike(owner[range.upperBound + offsets.upperBound])
    {
      offsets = offsets.lowerBound...offsets.upperBound + 1
    }
    while range.lowerBound + offsets.lowerBound > 0,
      owner[range.lowerBound + offsets.lowerBound - 1]
        .isAlike(owner[range.upperBound + offsets.lowerBound - 1])
    {
      offsets = offsets.lowerBound - 1...offsets.upperBound
    }
    let agreeing = offsets.map { agreement(left, right, at: $0, of: offsets) }
    guard let most = agreeing.max(), let last = agreeing.lastIndex(of: most) else { return }
    move(by: offsets.lowerBound + last)
  }

  private mutating func move(by distance: Int) {
    a = a.lowerBound + distance..<a.upperBound + distance
    b = b.lowerBound + distance..<b.upperBound + distance
  }

  /// How many of the common events that it could stand among agree in all fields when it stands at one place.
  private func agreement(
    _ left: [EditedReel.Entry], _ right: [EditedReel.Entry], at offset: Int,
    of offsets: ClosedRange<Int>
  ) -> Int {
    let before = (offsets.lowerBound..<offset).count {
      left[a.lowerBound + $0].differences(from: right[b.lowerBound + $0]).isEmpty
    }
    let behind = (offset..<offsets.upperBound).count {
      left[a.upperBound + $0].differences(from: right[b.upperBound + $0]).isEmpty
    }
    return before + behind
  }

  private var isChange: Bool { a.count == b.count && !isMove }

  /// Whether another stretch of changed events follows with none of the guest's own between.
  private func goesOn(in next: Stretch, _ left: ExpectedStream, _ right: ExpectedStream) -> Bool {
    isChange && next.isChange
      && left.entries[a.upperBound..<next.a.lowerBound].allSatisfy(\.isPlacedByHost)
      && ![left.entries[a.lowerBound], left.entries[next.a.lowerBound]].contains {
        $0.isPlacedByHost
      }
  }

  func hunk(_ left: ExpectedStream, _ right: ExpectedStream) -> ExpectedHunk {
    let change =
      isMove ? "moved" : a.isEmpty ? "inserted" : b.isEmpty ? "deleted" : "changed"
    return ExpectedHunk(
      change, firstA: left.index(of: a), countA: left.ownCount(a), firstB: right.index(of: b),
      countB: right.ownCount(b))
  }
}

extension ExpectedStream {
  /// The index of a stretch's first event; of the guest's own that follows, when there is none.
  fileprivate func index(of range: Range<Int>) -> EventIndex {
    guard range.isEmpty else { return indexes[range.lowerBound] }
    let next = (range.lowerBound..<entries.count).first { !entries[$0].isPlacedByHost }
    return next.map { indexes[$0] } ?? end
  }

  /// The guest's own events of a stretch; of one that the host placed, that.
  fileprivate func ownCount(_ range: Range<Int>) -> Int {
    let own = entries[range].count { !$0.isPlacedByHost }
    return own == 0 ? range.count : own
  }
}
