internal import Trace

/// How what the host placed in two streams fits together: by its places among the guest's events.
struct PlacedAlignment {
  /// One that differs: it is in the first stream, the second, or both.
  struct Step {
    var change: EventHunk.Change
    var a: Int?
    var b: Int?
    /// Its place among the guest's events of both streams.
    var placeA: Int
    var placeB: Int
    /// The guest's events between the two places.
    var distance = 0
    var isLater = false
  }

  /// Further apart, two are not the same.
  fileprivate static let maximumDistance = 4096
  /// Candidates looked at for each.
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
    var first = 0
    var common = 0
    for (number, event) in a.enumerated() {
      let target = targets[number]
      while first < b.count, b[first].position < target.lowerBound || isTaken[first] { first += 1 }
      let candidates = (first..<min(b.count, first + PlacedAlignment.maximumCandidates)).filter {
        !isTaken[$0] && b[$0].position <= target.upperBound
      }
      if let equal = candidates.first(where: { b[$0].signature == event.signature }) {
        isTaken[equal] = true
        common += 1
      } else if let similar = candidates.first(where: { b[$0].outline == event.outline }) {
        isTaken[similar] = true
        steps.append(
          PlacedAlignment.Step(
            change: .changed, a: number, b: similar, placeA: event.position,
            placeB: b[similar].position))
      } else {
        leftA.append(number)
      }
    }
    return common
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
        steps.append(
          PlacedAlignment.Step(
            change: .deleted, a: number, placeA: event.position, placeB: target.lowerBound))
        continue
      }
      isTaken[nearest.other] = true
      let placeB = b[nearest.other].position
      steps.append(
        PlacedAlignment.Step(
          change: .moved, a: number, b: nearest.other, placeA: event.position, placeB: placeB,
          distance: max(0, nearest.distance), isLater: placeB > target.upperBound))
    }
  }

  /// What is left of the second stream is in it alone.
  mutating func addInserted() {
    var piece = 0
    for other in b.indices where !isTaken[other] {
      let placeA = guest.placeInFirst(of: b[other].position, from: &piece)
      steps.append(
        PlacedAlignment.Step(
          change: .inserted, b: other, placeA: placeA, placeB: b[other].position))
    }
  }
}
