internal import Bytes
public import Trace

/// A stretch of a reel from one keyframe to a later one, replayed by itself.
public struct ReplaySegment: Equatable, Sendable {
  /// Its place in the plan, from 1.
  public var number: Int
  /// How many segments the plan has.
  public var count: Int
  /// The keyframe it starts from.
  public var startKeyframe: UInt64
  /// Where that keyframe stands.
  ///
  /// The first segment begins with this event, each other one after it.
  public var startEvent: EventIndex
  /// The keyframe it ends with; `nil` for the last segment, which goes to the end of the reel.
  public var endKeyframe: UInt64?
  /// The last event in it.
  public var endEvent: EventIndex

  /// Whether it holds no event, since there are fewer keyframes than segments.
  public var isEmpty: Bool { number > 1 && startEvent == endEvent }

  /// How many events are in it.
  public var eventCount: UInt64 { endEvent - startEvent + (number == 1 ? 1 : 0) }

  /// What a replayer does to replay it.
  public var range: ReplayRange {
    ReplayRange(
      keyframe: number == 1 ? nil : startKeyframe,
      lastEvent: endKeyframe == nil ? nil : endEvent)
  }
}

/// How a reel is split into segments at its keyframes.
///
/// It depends on the reel and the number of segments alone, so that workers that know nothing of
/// each other agree. Segments are balanced by what their replay is expected to cost.
public struct SegmentPlan: Sendable {
  /// The segments in order; together they hold every event once.
  public let segments: [ReplaySegment]
  /// How many segments could hold events: one more than there are keyframes between first and last
  /// event.
  public let stretchCount: Int
  /// A guess at how long one replay of the whole takes, in nanoseconds.
  public let expectedNanoseconds: UInt64

  /// What going through an event costs besides the guest's own time, in nanoseconds: a guess.
  private static let eventNanoseconds: UInt64 = 3_000
  /// Looking for the end of a sealed segment takes longer than running to it did.
  private static let landingFactor = 4

  private struct Cut {
    var keyframe: UInt64
    var event: EventIndex
    /// The expected cost of all events up to here.
    var cost: UInt64
  }

  /// Splits a reel; reads all its events once.
  ///
  /// - Parameter count: how many segments, at least 1.
  /// - Throws: a ``TraceError`` when the reel holds no events, has no keyframe, or is damaged.
  public init(_ reel: Reel, count: Int) throws(TraceError) {
    self.init(try Survey(reel), count: count)
  }

  /// As many segments as keep `jobs` workers busy to the end, at most as many as there can be.
  ///
  /// A worker costs its start and the restoring of a keyframe, so short replays are not split
  /// further than there are workers.
  ///
  /// - Throws: as ``init(_:count:)``.
  public init(_ reel: Reel, jobs: Int) throws(TraceError) {
    let survey = try Survey(reel)
    let worthwhile = Int(clamping: survey.cost / 2_000_000_000)
    self.init(
      survey, count: min(survey.cuts.count + 1, max(jobs, min(4 * jobs, worthwhile))))
  }

  private init(_ survey: Survey, count: Int) {
    stretchCount = survey.cuts.count + 1
    expectedNanoseconds = survey.cost
    segments = Self.segments(of: survey, count: max(1, count))
  }

  /// Where a reel can be split.
  private struct Survey {
    var start: Cut
    /// The keyframes between the first event and the last; what stands at either end splits nothing.
    var cuts: [Cut]
    var last: EventIndex
    var cost: UInt64 = 0

    init(_ reel: Reel) throws(TraceError) {
      let known = Set(reel.keyframeNumbers)
      guard let base = known.min() else {
        throw .missing(what: "keyframe, so there is no state to replay from")
      }
      guard let first = try reel.firstEvent() else { throw .missing(what: "events to replay") }
      start = Cut(keyframe: base, event: first, cost: 0)
      cuts = []
      var cursor = EventCursor(reel)
      while let event = try cursor.next() {
        if event.kind == .keyframe, known.contains(event.address), event.address != base {
          cuts.append(Cut(keyframe: event.address, event: cursor.index, cost: cost))
        }
        cost.add(SegmentPlan.cost(of: event))
      }
      last = cursor.index
      cuts.removeAll { [last] in $0.event <= first || $0.event >= last }
    }
  }

  private static func cost(of event: Event) -> UInt64 {
    var cost = eventNanoseconds
    for _ in 0..<(event.kind == .kick ? landingFactor : 1) { cost.add(event.sliceNanoseconds) }
    return event.kind.isExit ? cost : eventNanoseconds
  }

  /// Cuts at the keyframes nearest to equal shares of the cost; segments that are too many are empty
  /// and stand at the end.
  private static func segments(of survey: Survey, count: Int) -> [ReplaySegment] {
    let (cuts, last, cost) = (survey.cuts, survey.last, survey.cost)
    var segments: [ReplaySegment] = []
    var left = survey.start
    var next = 0
    let filled = min(count, cuts.count + 1)
    for number in 1..<filled {
      let share = cost.dividedEvenly(number, of: filled)
      var right = cuts[next]
      next += 1
      // Each segment to come needs a keyframe of its own.
      while cuts.count - next > filled - 1 - number,
        distance(cuts[next].cost, share) <= distance(right.cost, share)
      {
        right = cuts[next]
        next += 1
      }
      segments.append(segment(number, count, left, to: right.keyframe, right.event))
      left = right
    }
    segments.append(segment(filled, count, left, to: nil, last))
    let end = Cut(keyframe: left.keyframe, event: last, cost: cost)
    while segments.count < count {
      segments.append(segment(segments.count + 1, count, end, to: nil, last))
    }
    return segments
  }

  private static func segment(
    _ number: Int, _ count: Int, _ left: Cut, to keyframe: UInt64?, _ end: EventIndex
  ) -> ReplaySegment {
    ReplaySegment(
      number: number, count: count, startKeyframe: left.keyframe, startEvent: left.event,
      endKeyframe: keyframe, endEvent: end)
  }

  private static func distance(_ left: UInt64, _ right: UInt64) -> UInt64 {
    left > right ? left - right : right - left
  }
}

extension UInt64 {
  /// `number` of `count` equal parts.
  fileprivate func dividedEvenly(_ number: Int, of count: Int) -> UInt64 {
    UInt64(count).dividingFullWidth(multipliedFullWidth(by: UInt64(number))).quotient
  }
}

extension Reel {
  /// 64 bits that tell this reel from every other one, an altered copy of itself included: a digest of
  /// the header and of what each block's header says of its content.
  public var identity: UInt64 {
    var digest = RunningDigest.initial
    digest.absorb(bytes: header.encoded())
    digest.absorb(byteCount)
    for block in blocks {
      digest.absorb(UInt64(block.header.type.rawValue) << 32 | UInt64(block.header.storedSize))
      digest.absorb(block.header.checksum)
    }
    return digest.value
  }
}
