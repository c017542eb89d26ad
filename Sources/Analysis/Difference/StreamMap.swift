public import Trace

/// How two deterministic streams fit together: all stretches that differ, without their events.
public struct StreamMap: Codable, Equatable, Sendable {
  /// A stretch that differs.
  public struct Stretch: Codable, Equatable, Sendable {
    /// What happened to the first stream.
    public var change: EventHunk.Change
    /// The first reel's events; empty before the event that follows when it has none.
    public var a: Range<EventIndex>
    /// The second reel's events, likewise.
    public var b: Range<EventIndex>
    /// The events of the deterministic streams in it.
    public var count: Int
  }

  /// The events of the first reel that were compared and aligned.
  public var a: Range<EventIndex>
  /// Those of the second.
  public var b: Range<EventIndex>
  /// The stretches, numbered as ``StreamHunks/hunks`` are.
  public var stretches: [Stretch] = []

  /// Nothing differs in these events.
  init(_ a: Range<EventIndex>, _ b: Range<EventIndex>) {
    self.a = a
    self.b = b
  }

  /// One stream ends at a place where the other goes on.
  init(beforeEndOfOneIn place: StreamWalk.Place, _ reelA: Reel, _ reelB: Reel) {
    a = 0..<max(place.left.index, reelA.eventCount)
    b = 0..<max(place.right.index, reelB.eventCount)
    let isLonger = place.left.event != nil
    let tailA = (isLonger ? place.left.index : a.upperBound)..<a.upperBound
    let tailB = (isLonger ? b.upperBound : place.right.index)..<b.upperBound
    stretches = [
      Stretch(
        change: isLonger ? .deleted : .inserted, a: tailA, b: tailB,
        count: Int(
          clamping: (tailA.upperBound - tailA.lowerBound) + (tailB.upperBound - tailB.lowerBound)))
    ]
  }

  /// The stretches in which both streams have the same events, in order, what is placed by the host
  /// left aside.
  public var common: [(a: Range<EventIndex>, b: Range<EventIndex>)] {
    var found: [(a: Range<EventIndex>, b: Range<EventIndex>)] = []
    var (startA, startB) = (a.lowerBound, b.lowerBound)
    func close(_ endA: EventIndex, _ endB: EventIndex) {
      guard startA < endA, startB < endB else { return }
      found.append((startA..<endA, startB..<endB))
    }
    for stretch in stretches where stretch.change != .moved {
      close(stretch.a.lowerBound, stretch.b.lowerBound)
      startA = max(startA, stretch.a.upperBound)
      startB = max(startB, stretch.b.upperBound)
    }
    close(a.upperBound, b.upperBound)
    return found
  }
}
