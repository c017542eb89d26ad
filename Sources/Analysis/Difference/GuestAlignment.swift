internal import Trace

/// How the guest's own events of two streams fit together, what the host placed left aside.
///
/// Events that are equal in kind, place and data are fitted first; in what lies between, those equal
/// in kind and place are pairs with other data.
struct GuestAlignment {
  enum Relation {
    /// Equal, but for what signatures leave out.
    case common
    /// Pairs with other data.
    case changed
    /// Only in one stream, or other events in place of some.
    case other
  }

  struct Piece {
    var a: Range<Int>
    var b: Range<Int>
    var relation: Relation
  }

  /// In order; they cover both streams.
  var pieces: [Piece] = []
  /// Stretches given up as having nothing in common.
  private(set) var unsearched = 0

  init(_ a: StreamSignatures, _ b: StreamSignatures) {
    let alignment = SequenceAlignment(a.signatures, b.signatures)
    for piece in alignment.pieces {
      if piece.isEqual {
        add(Piece(a: piece.a, b: piece.b, relation: .common))
      } else if piece.a.isEmpty || piece.b.isEmpty {
        add(Piece(a: piece.a, b: piece.b, relation: .other))
      } else {
        refine(Piece(a: piece.a, b: piece.b, relation: .other), a, b)
      }
    }
    settle(a, b)
  }

  /// Finds the pairs with other data in what both streams have instead of one another.
  mutating func refine(
    _ piece: Piece, _ a: StreamSignatures, _ b: StreamSignatures
  ) {
    let outlines = SequenceAlignment(Array(a.outlines[piece.a]), Array(b.outlines[piece.b]))
    unsearched += outlines.unsearched
    for part in outlines.pieces {
      let startA = piece.a.lowerBound + part.a.lowerBound
      let startB = piece.b.lowerBound + part.b.lowerBound
      guard part.isEqual else {
        add(
          Piece(
            a: startA..<startA + part.a.count, b: startB..<startB + part.b.count, relation: .other))
        continue
      }
      for offset in 0..<part.a.count {
        let (left, right) = (startA + offset, startB + offset)
        let isCommon = a.signatures[left] == b.signatures[right]
        add(
          Piece(
            a: left..<left + 1, b: right..<right + 1, relation: isCommon ? .common : .changed))
      }
    }
  }

  /// Adds a piece behind the others, or to the last when that is of its relation.
  mutating func add(_ piece: Piece) {
    guard let last = pieces.indices.last, pieces[last].relation == piece.relation else {
      pieces.append(piece)
      return
    }
    pieces[last].a = pieces[last].a.lowerBound..<piece.a.upperBound
    pieces[last].b = pieces[last].b.lowerBound..<piece.b.upperBound
  }

  /// The place in the first stream before which a place in the second lies.
  ///
  /// - Parameter piece: the piece the place before lay in; the search goes on from it.
  func placeInFirst(of position: Int, from piece: inout Int) -> Int {
    while piece < pieces.count, pieces[piece].b.upperBound < position { piece += 1 }
    guard piece < pieces.count else { return pieces.last?.a.upperBound ?? 0 }
    let found = pieces[piece]
    return min(found.a.lowerBound + (position - found.b.lowerBound), found.a.upperBound)
  }

  /// The places in the second stream that a place in the first may be: several where the second has
  /// events more there, or has others.
  ///
  /// - Parameter piece: the piece the place before lay in; the search goes on from it.
  func places(of position: Int, from piece: inout Int) -> ClosedRange<Int> {
    while piece < pieces.count, pieces[piece].a.upperBound < position { piece += 1 }
    var (low, high) = (Int.max, 0)
    var next = piece
    while next < pieces.count, pieces[next].a.lowerBound <= position {
      let found = pieces[next]
      if found.relation == .other {
        low = min(low, found.b.lowerBound)
        high = max(high, found.b.upperBound)
      } else {
        let place = found.b.lowerBound + (position - found.a.lowerBound)
        low = min(low, place)
        high = max(high, place)
      }
      next += 1
    }
    return low <= high ? low...high : high...high
  }
}
