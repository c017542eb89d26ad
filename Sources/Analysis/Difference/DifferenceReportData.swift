public import Trace

/// Everything a report of two reels' difference shows, as values.
public struct DifferenceReportData: Sendable {
  /// What `diff` says.
  public var difference: ReelDifference
  /// The first reel's exits over its events.
  public var timelineA = ReportTimeline()
  /// The second reel's, in intervals of the same length from the same event on.
  public var timelineB = ReportTimeline()
  /// How the text on each console differs; empty where it was stripped from either reel.
  public var consoles: [ConsoleDifference] = []
  /// What the first reel says about itself.
  public var metadataA: Metadata
  /// What the second reel says about itself.
  public var metadataB: Metadata

  /// Gathers a report: one pass over each reel for its timeline and one for its consoles.
  ///
  /// - Parameters:
  ///   - difference: the two reels', made with ``ReelDifference/Options/mapsStreams``.
  ///   - limit: places to describe where consoles differ.
  /// - Throws: ``ReelDifferenceError`` for the first damaged block in either.
  public init(
    _ a: Reel, _ b: Reel, _ difference: ReelDifference, metadata: (a: Metadata, b: Metadata),
    limit: Int
  ) throws(ReelDifferenceError) {
    self.difference = difference
    metadataA = metadata.a
    metadataB = metadata.b
    guard !difference.isOfCounts else { return }
    let firsts = [a, b].map { $0.eventBlocks.first?.header.firstEvent ?? 0 }
    let axis = ReportAxis(
      from: firsts.min() ?? 0, to: max(a.eventCount, b.eventCount))
    timelineA = try Self.timeline(a, .a, axis)
    timelineB = try Self.timeline(b, .b, axis)
    guard a.header.hasConsole, b.header.hasConsole else { return }
    consoles = try ConsoleDifference.between(a, b, limit: limit)
  }

  private static func timeline(
    _ reel: Reel, _ side: ReelDifferenceError.Side, _ axis: ReportAxis
  ) throws(ReelDifferenceError) -> ReportTimeline {
    try ReelDifference.reading(side) { () throws(TraceError) in
      var observer = DifferenceTimelineObserver(TimelineCollector(axis, ExitNames()))
      var scan = ExitScan(reel, ExitSelection())
      try scan.run(&observer)
      return observer.collector.timeline
    }
  }
}

/// Counts exits by reason and event.
private struct DifferenceTimelineObserver: ExitObserver {
  var collector: TimelineCollector
  let columns: Set<EventColumn> = []

  init(_ collector: TimelineCollector) { self.collector = collector }

  mutating func observe(_ exit: borrowing ExitSample) {
    let interval = collector.place(time: 0, event: exit.index).interval
    let reason = exit.reason
    guard reason.isa != 0 || reason.code < 32 else {
      collector.count(.kicks, in: interval)
      return
    }
    collector.count(exit, in: interval)
  }

  mutating func observe(interrupt: borrowing ExitSample) {
    collector.count(
      .interrupts, in: collector.place(time: 0, event: interrupt.index).interval)
  }
}
