public import Trace

/// A moment that two runs have in common: behind an event of each, between two instructions.
public struct CommonMoment: Codable, Equatable, Sendable {
  /// The first reel's event.
  public var a: EventIndex
  /// The second reel's event.
  public var b: EventIndex

  /// Makes a moment.
  public init(a: EventIndex, b: EventIndex) {
    self.a = a
    self.b = b
  }
}

/// Two keyframes, one of each reel, taken behind the same history.
public struct KeyframePair: Codable, Equatable, Sendable {
  /// The number of the first reel's keyframe.
  public var a: UInt64
  /// The number of the second reel's keyframe.
  public var b: UInt64
  /// The keyframes' marks.
  public var moment: CommonMoment
}

/// The moments that two reels have in common up to their first difference.
public struct CommonMoments {
  /// The most that are kept; of more the last ones are.
  static let maximumCount = 1 << 20

  private let a: Reel
  private let b: Reel
  private let mask: DifferenceMask
  private let end: (a: EventIndex?, b: EventIndex?)

  /// - Parameters:
  ///   - mask: what the comparison left out.
  ///   - difference: what it found; nothing behind it is common.
  public init(_ a: Reel, _ b: Reel, mask: DifferenceMask, before difference: FirstDifference?) {
    self.a = a
    self.b = b
    self.mask = mask
    end = (difference?.a?.index, difference?.b?.index)
  }

  /// The moments of one reel that is replayed twice.
  ///
  /// - Parameter end: the first event that is not common.
  public init(_ reel: Reel, before end: EventIndex) {
    (a, b) = (reel, reel)
    mask = DifferenceMask()
    self.end = (end, end)
  }

  /// The keyframes that were taken behind the same history, ascending.
  ///
  /// A keyframe after a kick is left out: the host chose where it is. The reels' first keyframes are
  /// a pair where both recordings begin with them.
  ///
  /// - Throws: ``ReelDifferenceError`` for a damaged keyframe.
  public func keyframePairs() throws(ReelDifferenceError) -> [KeyframePair] {
    var known: [History: Keyframe] = [:]
    try forEachKeyframe(of: b, .b, before: end.b) { known[$0] = $1 }
    var pairs: [KeyframePair] = []
    try forEachKeyframe(of: a, .a, before: end.a) { history, keyframe in
      guard let other = known[history] else { return }
      pairs.append(
        KeyframePair(
          a: keyframe.number, b: other.number,
          moment: CommonMoment(a: keyframe.eventIndex, b: other.eventIndex)))
    }
    return pairs
  }

  /// The moments behind a place that both streams have reached, ascending, without the place itself.
  ///
  /// Only events behind which an instruction has ended are among them: not a read before its answer.
  ///
  /// - Parameters:
  ///   - start: a place in both, such as a pair of keyframes; `nil` for the beginning.
  ///   - last: the first reel's event to end with; `nil` for the first difference.
  /// - Throws: ``ReelDifferenceError`` for a damaged block.
  public func moments(
    after start: CommonMoment?, upTo last: EventIndex = .max
  ) throws(ReelDifferenceError) -> [CommonMoment] {
    let alignment = try StreamAlignment(a, b)
    let isRedacted = !a.header.hasConsole || !b.header.hasConsole
    let begin = start.map { CommonMoment(a: $0.a &+ 1, b: $0.b &+ 1) }
    var left = ComparedStream(
      a, from: begin?.a ?? alignment.a, mask: mask, isRedacted: isRedacted)
    var right = ComparedStream(
      b, from: begin?.b ?? alignment.b, mask: mask, isRedacted: isRedacted)
    var moments: [CommonMoment] = []
    while true {
      try ReelDifference.reading(.a) { () throws(TraceError) in try left.advance() }
      try ReelDifference.reading(.b) { () throws(TraceError) in try right.advance() }
      guard let event = left.event, right.event != nil, left.index <= last,
        isBefore(left.index, end.a), isBefore(right.index, end.b)
      else { return moments }
      if event.kind.expectsInput { continue }
      if moments.count == Self.maximumCount { moments.removeFirst(Self.maximumCount / 2) }
      moments.append(CommonMoment(a: left.index, b: right.index))
    }
  }

  private func isBefore(_ index: EventIndex, _ end: EventIndex?) -> Bool {
    end.map { index < $0 } ?? true
  }

  /// What tells that two keyframes were taken behind the same exits and inputs.
  private struct History: Hashable {
    var exits: UInt64
    /// Zero where a reel was stripped of digests, or they are not compared.
    var digest: UInt64
  }

  private func forEachKeyframe(
    of reel: Reel, _ side: ReelDifferenceError.Side, before end: EventIndex?,
    _ body: (History, Keyframe) -> Void
  ) throws(ReelDifferenceError) {
    let hasDigests =
      a.header.hasConsole && b.header.hasConsole && !mask.fields.contains(.check)
    try ReelDifference.reading(side) { () throws(TraceError) in
      for number in reel.keyframeNumbers {
        let keyframe = try reel.keyframe(number)
        if let end, keyframe.eventIndex > end { break }
        guard keyframe.kind != .seal else { continue }
        body(
          History(exits: keyframe.guestMadeExits, digest: hasDigests ? keyframe.digest : 0),
          keyframe)
      }
    }
  }
}
