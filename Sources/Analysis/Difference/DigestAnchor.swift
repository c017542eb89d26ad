internal import Trace

/// A pair of events up to which two reels are alike, found without reading all of either.
///
/// A whole digest covers everything before it. Where the same digest stands in both reels their
/// histories are therefore the same (up to a chance of 2⁻⁶⁴), however many host-made events lie
/// between; so the last common digest is found by bisecting the blocks of one reel.
struct DigestAnchor {
  /// The event with the digest in the first reel.
  var a: EventIndex
  /// The event with the same digest in the second.
  var b: EventIndex

  /// The latest common digest the bisection finds; `nil` when there is none.
  static func last(of a: Reel, _ b: Reel) throws(TraceError) -> DigestAnchor? {
    let blocks = a.eventBlocks
    var search = DigestSearch(b)
    var found: DigestAnchor?
    var (low, high) = (0, blocks.count)
    while low < high {
      let middle = (low + high) / 2
      if let anchor = try search.lastCommon(in: try a.events(of: blocks[middle])) {
        found = anchor
        low = middle + 1
      } else {
        high = middle
      }
    }
    return found
  }
}

/// Looks for digests in a reel near where they should be.
private struct DigestSearch {
  private let reel: Reel
  private let blocks: [BlockDescriptor]
  private var digests: [Int: [UInt64: EventIndex]] = [:]

  init(_ reel: Reel) {
    self.reel = reel
    blocks = reel.eventBlocks
  }

  /// The last event of the block whose digest stands in the other reel too.
  mutating func lastCommon(in block: EventBlock) throws(TraceError) -> DigestAnchor? {
    let near = neighbours(of: block)
    for (position, event) in block.events.enumerated().reversed()
    where event.flags.contains(.fullDigest) {
      for number in near {
        if let match = try digests(ofBlock: number)[event.digest] {
          return DigestAnchor(a: block.firstEvent &+ UInt64(position), b: match)
        }
      }
    }
    return nil
  }

  /// The blocks of the other reel that hold the same indexes, and one more on either side.
  private func neighbours(of block: EventBlock) -> Range<Int> {
    let last = block.firstEvent &+ UInt64(block.events.count)
    let begin =
      blocks.firstIndex {
        $0.header.firstEvent &+ UInt64($0.header.eventCount) > block.firstEvent
      } ?? blocks.count
    let end = blocks.firstIndex { $0.header.firstEvent >= last } ?? blocks.count
    let lower = max(0, begin - 1)
    return lower..<max(lower, min(blocks.count, end + 1))
  }

  private mutating func digests(
    ofBlock number: Int
  ) throws(TraceError) -> [UInt64: EventIndex] {
    if let known = digests[number] { return known }
    let block = try reel.events(of: blocks[number])
    var found: [UInt64: EventIndex] = [:]
    for (position, event) in block.events.enumerated()
    where event.flags.contains(.fullDigest) {
      found[event.digest] = block.firstEvent &+ UInt64(position)
    }
    digests[number] = found
    return found
  }
}
