internal import Trace

/// A pair of events up to which two reels are alike, found without reading all of either.
///
/// A whole digest covers everything before it. Where the same digest stands in both reels their
/// histories are therefore the same (up to a chance of 2⁻⁶⁴), however many host-made events lie
/// between. Digests are set side by side in their order, so that one that stands in a reel twice, as
/// in an edited one, leads nowhere else.
struct DigestAnchor {
  /// The event with the digest in the first reel.
  var a: EventIndex
  /// The event with the same digest in the second.
  var b: EventIndex

  /// The latest common digest; `nil` when there is none.
  static func last(of a: Reel, _ b: Reel) throws(TraceError) -> DigestAnchor? {
    let (left, right) = (try StoredDigests(a), try StoredDigests(b))
    guard let (skipA, skipB) = left.common(right) else { return nil }
    let count = min(left.values.count - skipA, right.values.count - skipB)
    guard
      let last = (0..<count).last(where: { left.values[skipA + $0] == right.values[skipB + $0] }),
      let indexA = try left.index(of: skipA + last, in: a),
      let indexB = try right.index(of: skipB + last, in: b)
    else { return nil }
    return DigestAnchor(a: indexA, b: indexB)
  }
}

/// The whole digests of a reel, in order.
private struct StoredDigests {
  private(set) var values: [UInt64] = []
  /// The number of the first digest of each block.
  private var starts: [Int] = []

  init(_ reel: Reel) throws(TraceError) {
    for block in reel.eventBlocks {
      starts.append(values.count)
      values += try reel.column(.digest, of: block) ?? []
    }
  }

  /// How many of each reel's first digests the other lacks, since it was trimmed; `nil` when none is
  /// common.
  func common(_ other: StoredDigests) -> (Int, Int)? {
    guard let first = values.first, let otherFirst = other.values.first else { return nil }
    if let skipped = other.values.firstIndex(of: first) { return (0, skipped) }
    return values.firstIndex(of: otherFirst).map { ($0, 0) }
  }

  /// The event that carries a digest.
  func index(of number: Int, in reel: Reel) throws(TraceError) -> EventIndex? {
    guard let block = starts.lastIndex(where: { $0 <= number }) else { return nil }
    var left = number - starts[block]
    let events = try reel.events(of: reel.eventBlocks[block])
    for (position, event) in events.events.enumerated() where event.flags.contains(.fullDigest) {
      if left == 0 { return events.firstEvent &+ UInt64(position) }
      left -= 1
    }
    return nil
  }
}
