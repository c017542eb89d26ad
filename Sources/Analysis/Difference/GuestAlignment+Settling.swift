internal import Trace

extension GuestAlignment {
  /// Moves what only one stream has to the place where most of the rest fits.
  ///
  /// One event more in a row of equal ones may be any of them. What signatures leave out tells which:
  /// interrupts between them, then RIPs, then digests. Where that leaves a choice it is the last, so
  /// that a stretch begins where an index by index comparison finds the first difference. Each common
  /// stretch is looked at twice at most.
  mutating func settle(_ a: StreamSignatures, _ b: StreamSignatures) {
    join(a, b)
    for index in pieces.indices where pieces[index].relation == .other {
      if pieces[index].b.isEmpty {
        slide(index, Fit(owner: a, other: b), \.a, \.b)
      } else if pieces[index].a.isEmpty {
        slide(index, Fit(owner: b, other: a), \.b, \.a)
      }
    }
    pieces.removeAll { $0.a.isEmpty && $0.b.isEmpty }
  }

  /// Makes one of two neighbours, events that only the one stream has and events that only the other
  /// has, where all that is common between them could stand before or behind both: these are pairs.
  private mutating func join(_ a: StreamSignatures, _ b: StreamSignatures) {
    let all = pieces
    pieces = []
    for piece in all {
      add(piece)
      guard let joined = joined(pieces.suffix(3), a, b) else { continue }
      pieces.removeLast(3)
      for part in joined {
        if part.relation == .common { add(part) } else { refine(part, a, b) }
      }
    }
  }

  /// The three last pieces as two, in order; `nil` when they cannot be.
  private func joined(
    _ three: ArraySlice<Piece>, _ a: StreamSignatures, _ b: StreamSignatures
  ) -> [Piece]? {
    guard three.count == 3, let first = three.first, let last = three.last,
      first.relation == .other, last.relation == .other
    else { return nil }
    let common = three[three.startIndex + 1]
    guard common.relation == .common,
      first.a.isEmpty && last.b.isEmpty || first.b.isEmpty && last.a.isEmpty
    else { return nil }
    let count = common.a.count
    func repeats(_ piece: Piece, _ offsets: Range<Int>) -> Bool {
      let (own, range) = piece.a.isEmpty ? (b, piece.b) : (a, piece.a)
      return offsets.allSatisfy {
        own.signatures[range.lowerBound + $0] == own.signatures[range.upperBound + $0]
      }
    }
    if repeats(last, -count..<0) {
      return [
        Piece(
          a: first.a.lowerBound..<last.a.upperBound - count,
          b: first.b.lowerBound..<last.b.upperBound - count, relation: .other),
        Piece(
          a: last.a.upperBound - count..<last.a.upperBound,
          b: last.b.upperBound - count..<last.b.upperBound, relation: .common),
      ]
    }
    guard repeats(first, 0..<count) else { return nil }
    return [
      Piece(
        a: first.a.lowerBound..<first.a.lowerBound + count,
        b: first.b.lowerBound..<first.b.lowerBound + count, relation: .common),
      Piece(
        a: first.a.lowerBound + count..<last.a.upperBound,
        b: first.b.lowerBound + count..<last.b.upperBound, relation: .other),
    ]
  }

  private mutating func slide(
    _ index: Int, _ fit: Fit, _ own: WritableKeyPath<Piece, Range<Int>>,
    _ other: WritableKeyPath<Piece, Range<Int>>
  ) {
    let (stretch, place) = (pieces[index][keyPath: own], pieces[index][keyPath: other].lowerBound)
    let back = best(fit, stretch, place, room(index - 1, isLast: index - 1 == 0), step: -1)
    let forth = best(
      fit, stretch, place, room(index + 1, isLast: index + 2 == pieces.count), step: 1)
    let distance = back.gain > forth.gain ? -back.distance : forth.distance
    guard distance != 0 else { return }
    for side in [own, other] {
      let range = pieces[index][keyPath: side]
      let moved = range.lowerBound + distance..<range.upperBound + distance
      pieces[index][keyPath: side] = moved
      if index > 0 {
        let before = pieces[index - 1][keyPath: side]
        pieces[index - 1][keyPath: side] = before.lowerBound..<moved.lowerBound
      }
      if index + 1 < pieces.count {
        let behind = pieces[index + 1][keyPath: side]
        pieces[index + 1][keyPath: side] = moved.upperBound..<behind.upperBound
      }
    }
  }

  /// How far a stretch can go into a neighbour: stretches that differ stay apart.
  private func room(_ neighbour: Int, isLast: Bool) -> Int {
    guard pieces.indices.contains(neighbour), pieces[neighbour].relation == .common else {
      return 0
    }
    return pieces[neighbour].a.count - (isLast ? 0 : 1)
  }

  /// How far to go one way, and how much better the rest fits there; of equals the later place.
  private func best(
    _ fit: Fit, _ stretch: Range<Int>, _ place: Int, _ room: Int, step: Int
  ) -> (distance: Int, gain: Int) {
    var (found, gain) = ((distance: 0, gain: 0), 0)
    var (range, other) = (stretch, place)
    for moved in 0..<room {
      let next = range.lowerBound + step..<range.upperBound + step
      let upper = step > 0 ? (range, other) : (next, other - 1)
      guard fit.isEqual(upper.0.lowerBound, upper.0.upperBound) else { break }
      // Going forth the first of the stretch is common then, and the one behind it no longer.
      let change =
        fit.score(upper.0.lowerBound, upper.1) - fit.score(upper.0.upperBound + 1, upper.1 + 1)
      gain +=
        step * change + fit.score(behind: next, other + step) - fit.score(behind: range, other)
      (range, other) = (next, other + step)
      if step > 0 ? gain >= found.gain : gain > found.gain { found = (moved + 1, gain) }
    }
    return found
  }
}

/// How well events fit that have equal signatures.
private struct Fit {
  let owner: StreamSignatures
  let other: StreamSignatures

  func isEqual(_ first: Int, _ second: Int) -> Bool {
    owner.signatures[first] == owner.signatures[second]
  }

  /// A pair that is common.
  func score(_ own: Int, _ others: Int) -> Int {
    score(own, others, placed: own...own)
  }

  /// The pair behind a stretch: what the host placed in the stretch comes before it in the other.
  func score(behind stretch: Range<Int>, _ others: Int) -> Int {
    score(
      stretch.upperBound, others, placed: stretch.lowerBound...stretch.upperBound)
  }

  private func score(_ own: Int, _ others: Int, placed range: ClosedRange<Int>) -> Int {
    let isPlaced = owner.placed(in: range).elementsEqual(other.placed(in: others...others)) ? 4 : 0
    guard own < owner.rips.count, others < other.rips.count else { return isPlaced }
    return isPlaced + (owner.rips[own] == other.rips[others] ? 2 : 0)
      + (owner.checks[own] == other.checks[others] ? 1 : 0)
  }
}

extension StreamSignatures {
  /// The signatures of what the host placed right before some of the guest's events.
  fileprivate func placed(in range: ClosedRange<Int>) -> [UInt64] {
    var (low, high) = (0, placed.count)
    while low < high {
      let middle = (low + high) / 2
      if placed[middle].position < range.lowerBound { low = middle + 1 } else { high = middle }
    }
    return placed[low...].prefix { $0.position <= range.upperBound }.map(\.signature)
  }
}
