internal import Trace

/// How what the host placed in two streams fits together: by its places among the guest's events.
struct PlacedAlignment {
  /// One that differs, in the first stream, the second, or both; or several in a row that only one
  /// stream has, with none of the guest's events between them.
  struct Step {
    var change: EventHunk.Change
    /// Those of the first stream; empty for none.
    var a: Range<Int> = 0..<0
    /// Those of the second.
    var b: Range<Int> = 0..<0
    /// Its place among the guest's events of both streams.
    var placeA: Int
    var placeB: Int
    /// The guest's events between the two places.
    var distance = 0
    var isLater = false
  }

  /// Further apart, two are not the same.
  fileprivate static let maximumDistance = 4096
  /// Candidates looked at for each, from either end of those at its place.
  fileprivate static let maximumCandidates = 64

  private(set) var steps: [Step] = []
  /// Those at the same place in both.
  private(set) var common = 0

  init(_ a: StreamSignatures, _ b: StreamSignatures, _ guest: GuestAlignment) {
    var search = PlacedSearch(a.placed, b.placed, guest)
    common = search.matchInPlace()
    search.matchMoved()
    search.addInserted()
    steps = search.steps
  }
}

/// The search for pairs.
private struct PlacedSearch {
  private let a: [StreamSignatures.Placed]
  private let b: [StreamSignatures.Placed]
  private let guest: GuestAlignment
  /// Where each of the first stream may be in the second.
  private let targets: [ClosedRange<Int>]
  private var isTaken: [Bool]
  private var leftA: [Int] = []
  private(set) var steps: [PlacedAlignment.Step] = []

  init(
    _ a: [StreamSignatures.Placed], _ b: [StreamSignatures.Placed], _ guest: GuestAlignment
  ) {
    self.a = a
    self.b = b
    self.guest = guest
    isTaken = [Bool](repeating: false, count: b.count)
    var piece = 0
    targets = a.map { guest.places(of: $0.position, from: &piece) }
  }

  /// Pairs those at the same place; returns how many are equal.
  mutating func matchInPlace() -> Int {
    // Equal ones before similar ones, which may be others' equals.
    let equal = match(Array(a.indices)) { $0.signature == $1.signature }
    let similar = match(equal.unmatched) { $0.outline == $1.outline }
    for (number, other) in similar.pairs {
      steps.append(
        PlacedAlignment.Step(
          change: .changed, a: number..<number + 1, b: other..<other + 1,
          placeA: a[number].position, placeB: b[other].position))
    }
    leftA = similar.unmatched
    return equal.pairs.count
  }

  /// Takes for each the first one of the second stream at its place that is like it.
  ///
  /// - Parameter numbers: those of the first stream, ascending.
  private mutating func match(
    _ numbers: [Int], _ areAlike: (StreamSignatures.Placed, StreamSignatures.Placed) -> Bool
  ) -> (pairs: [(a: Int, b: Int)], unmatched: [Int]) {
    var found: (pairs: [(a: Int, b: Int)], unmatched: [Int]) = ([], [])
    var (first, end) = (0, 0)
    for number in numbers {
      let target = targets[number]
      while first < b.count, b[first].position < target.lowerBound || isTaken[first] { first += 1 }
      end = max(end, first)
      while end < b.count, b[end].position <= target.upperBound { end += 1 }
      let head = first..<min(end, first + PlacedAlignment.maximumCandidates)
      let tail =
        max(head.upperBound, end - PlacedAlignment.maximumCandidates)..<max(head.upperBound, end)
      func isMatch(_ other: Int) -> Bool { !isTaken[other] && areAlike(a[number], b[other]) }
      guard let other = head.first(where: isMatch) ?? tail.first(where: isMatch) else {
        found.unmatched.append(number)
        continue
      }
      isTaken[other] = true
      found.pairs.append((number, other))
    }
    return found
  }

  /// Pairs the others with the nearest of their kind.
  mutating func matchMoved() {
    let leftB = b.indices.filter { !isTaken[$0] }
    var first = 0
    for number in leftA {
      let (event, target) = (a[number], targets[number])
      while first < leftB.count,
        isTaken[leftB[first]]
          || b[leftB[first]].position < target.lowerBound - PlacedAlignment.maximumDistance
      {
        first += 1
      }
      var nearest: (other: Int, distance: Int)?
      for other in leftB[first..<min(leftB.count, first + PlacedAlignment.maximumCandidates)]
      where !isTaken[other] && b[other].outline == event.outline {
        let position = b[other].position
        let distance = max(target.lowerBound - position, position - target.upperBound)
        if distance <= PlacedAlignment.maximumDistance, distance < nearest?.distance ?? .max {
          nearest = (other, distance)
        }
      }
      guard let nearest else {
        addDeleted(number, placeB: target.lowerBound)
        continue
      }
      isTaken[nearest.other] = true
      let placeB = b[nearest.other].position
      steps.append(
        PlacedAlignment.Step(
          change: .moved, a: number..<number + 1, b: nearest.other..<nearest.other + 1,
          placeA: event.position, placeB: placeB, distance: max(0, nearest.distance),
          isLater: placeB > target.upperBound))
    }
  }

  /// One that only the first stream has goes with the one right before it.
  private mutating func addDeleted(_ number: Int, placeB: Int) {
    if let last = steps.last, last.change == .deleted, last.a.upperBound == number,
      last.placeA == a[number].position
    {
      steps[steps.count - 1].a = last.a.lowerBound..<number + 1
      return
    }
    steps.append(
      PlacedAlignment.Step(
        change: .deleted, a: number..<number + 1, placeA: a[number].position, placeB: placeB))
  }

  /// What is left of the second stream is in it alone.
  mutating func addInserted() {
    var piece = 0
    for other in b.indices where !isTaken[other] {
      if let last = steps.last, last.change == .inserted, last.b.upperBound == other,
        last.placeB == b[other].position
      {
        steps[steps.count - 1].b = last.b.lowerBound..<other + 1
        continue
      }
      let placeA = guest.placeInFirst(of: b[other].position, from: &piece)
      steps.append(
        PlacedAlignment.Step(
          change: .inserted, b: other..<other + 1, placeA: placeA, placeB: b[other].position))
    }
  }
}
