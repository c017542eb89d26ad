internal import Trace

extension GuestAlignment {
  /// Moves what only one stream has to the place where most of the rest fits.
  ///
  /// One event more in a row of equal ones may be any of them. What signatures leave out tells which:
  /// interrupts between them, then RIPs, then digests. Where that leaves a choice it is the last, so
  /// that a stretch begins where an index by index comparison finds the first difference. Each common
  /// stretch is looked at twice at most.
  mutating func settle(_ a: StreamSignatures, _ b: StreamSignatures) {
    for index in pieces.indices where pieces[index].relation == .other {
      if pieces[index].b.isEmpty {
        slide(index, Fit(owner: a, other: b), \.a, \.b)
      } else if pieces[index].a.isEmpty {
        slide(index, Fit(owner: b, other: a), \.b, \.a)
      }
    }
    pieces.removeAll { $0.a.isEmpty && $0.b.isEmpty }
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
    for moved in 0..<room {
      // Going forth the first of the stretch takes the place of the one behind it; back, the last
      // that of the one before.
      let offset = step > 0 ? moved : -moved - 1
      let (leaving, entering) =
        step > 0
        ? (stretch.upperBound + offset, stretch.lowerBound + offset)
        : (stretch.lowerBound + offset, stretch.upperBound + offset)
      guard fit.isEqual(leaving, entering) else { break }
      gain += fit.score(entering, place + offset) - fit.score(leaving, place + offset)
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

  func score(_ own: Int, _ others: Int) -> Int {
    (owner.placed(before: own).elementsEqual(other.placed(before: others)) ? 4 : 0)
      + (owner.rips[own] == other.rips[others] ? 2 : 0)
      + (owner.checks[own] == other.checks[others] ? 1 : 0)
  }
}

extension StreamSignatures {
  /// The signatures of what the host placed right before one of the guest's events.
  fileprivate func placed(before position: Int) -> [UInt64] {
    var (low, high) = (0, placed.count)
    while low < high {
      let middle = (low + high) / 2
      if placed[middle].position < position { low = middle + 1 } else { high = middle }
    }
    return placed[low...].prefix { $0.position == position }.map(\.signature)
  }
}
