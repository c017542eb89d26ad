internal import ArgumentParser
internal import Replay
internal import Trace

/// Which part of a reel `replay` re-executes, and in how many processes.
struct ReplayRangeOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Begin at the last keyframe at or before this event, not at the first.", valueName: "event"))
  var from: UInt64?

  @Option(
    name: .long,
    help: ArgumentHelp("Compare up to and with this event, not to the end.", valueName: "event"))
  var until: UInt64?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Replay part I of N parts of about equal cost, each from one keyframe to another; "
        + "`vmreel join` makes one verdict of their results (--format json).", valueName: "i/n"))
  var segment: SegmentChoice?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Replay in this many processes at a time, from different keyframes; one verdict.",
      valueName: "n"))
  var jobs: Int?

  @Flag(name: .customLong("dies-with-input"), help: .hidden)
  var diesWithInput = false

  /// Whether anything but the whole reel in this process is asked for.
  var isGiven: Bool { from != nil || until != nil || segment != nil || jobs != nil }

  mutating func validate() throws {
    guard jobs.map({ (1...1024).contains($0) }) ?? true else {
      throw ValidationError("--jobs must be from 1 to 1024")
    }
    guard segment == nil || jobs == nil,
      segment == nil && jobs == nil || from == nil && until == nil
    else {
      throw ValidationError(
        "--from and --until, --segment, and --jobs are three ways to choose; use one of them")
    }
    if let from, let until, from > until {
      throw ValidationError("--from \(from) comes after --until \(until)")
    }
  }
}

/// A segment as the command line names it: `2/8`.
struct SegmentChoice: ExpressibleByArgument {
  var number: Int
  var count: Int

  init?(argument: String) {
    let parts = argument.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let number = Int(parts[0]), let count = Int(parts[1]),
      (1...SegmentJoin.maximumCount).contains(count), (1...count).contains(number)
    else { return nil }
    self.number = number
    self.count = count
  }
}

/// The part of a reel that is replayed, worked out from the options and the reel.
struct ChosenRange {
  var range = ReplayRange.whole
  var scope = VerdictScope.whole
  /// The last event that is to be compared, when the range was given by events.
  var lastEvent: EventIndex = 0
  /// The segment that was chosen.
  var segment: ReplaySegment?
  /// How many segments could hold events, when a segment was chosen.
  var stretchCount = 1

  /// The whole reel.
  init() {}

  /// Works the options out.
  ///
  /// - Throws: ``CommandFailure`` when an event lies outside the reel.
  init(_ options: ReplayRangeOptions, in opened: OpenedReel) throws {
    if let choice = options.segment {
      let plan = try opened.reading { try SegmentPlan($0, count: choice.count) }
      let segment = plan.segments[choice.number - 1]
      self.segment = segment
      range = segment.range
      scope = choice.count == 1 ? .whole : .segment(segment)
      stretchCount = plan.stretchCount
      return
    }
    guard options.from != nil || options.until != nil else { return }
    self = try Self.events(from: options.from, until: options.until, in: opened)
  }

  /// From the last keyframe at or before an event to another event.
  static func events(
    from: EventIndex?, until: EventIndex?, in opened: OpenedReel
  ) throws -> ChosenRange {
    let (first, end) = try opened.reading { (try $0.firstEvent() ?? 0, $0.eventCount) }
    for event in [from, until].compactMap({ $0 }) where event < first || event >= end {
      throw CommandFailure(
        first == end
          ? "\(opened.path) holds no events"
          : "event \(event) lies outside \(opened.path), which holds events \(first) to \(end - 1)")
    }
    var chosen = ChosenRange()
    chosen.lastEvent = until ?? end - 1
    let base = try opened.reading { try $0.keyframe(atOrBefore: 0) }
    let start = try opened.reading { try $0.keyframe(atOrBefore: from ?? first) }
    if let from, start.eventIndex != from {
      StandardError.note(
        "note: starting at keyframe \(start.number), which is at event \(start.eventIndex), "
          + "\(from - min(from, start.eventIndex)) events before event \(from)")
    }
    let isFromBase = start.number == base.number
    // To the end of the reel, its end record is compared too.
    let isToEnd = chosen.lastEvent == end - 1
    chosen.range = ReplayRange(
      keyframe: isFromBase ? nil : start.number, lastEvent: isToEnd ? nil : chosen.lastEvent)
    chosen.scope = isFromBase && isToEnd ? .whole : .range
    return chosen
  }
}
