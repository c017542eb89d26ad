public import Trace

/// Exits over the time of a reel, in at most 240 intervals: what a report plots.
public struct ReportTimeline: Equatable, Sendable {
  /// The exits of one reason.
  public struct Series: Equatable, Sendable {
    /// The reason.
    public var name: String
    /// All of them.
    public var total: UInt64
    /// By interval.
    public var counts: [UInt64]

    /// Makes a series.
    public init(name: String, total: UInt64, counts: [UInt64]) {
      self.name = name
      self.total = total
      self.counts = counts
    }
  }

  /// The exits whose handling took about as long.
  public struct LatencyRow: Equatable, Sendable {
    /// The shortest, in nanoseconds.
    public var fromNanoseconds: UInt64
    /// The longest, in nanoseconds.
    public var toNanoseconds: UInt64
    /// By interval.
    public var counts: [UInt64]
  }

  /// What is marked beside the exits.
  public enum Mark: String, Sendable, CaseIterable {
    /// Injected external interrupts.
    case interrupts
    /// Exits the host made.
    case kicks
    /// Keyframes that end a segment which may not be exact.
    case seals
    /// Other keyframes.
    case keyframes
    /// Lines of console output that began.
    case consoleLines
  }

  /// How often something happened.
  public struct Lane: Equatable, Sendable {
    /// What.
    public var mark: Mark
    /// All of it.
    public var total: UInt64
    /// By interval.
    public var counts: [UInt64]
  }

  /// Whether intervals are of host time; of event indexes in a reel without times.
  public var isByTime = true
  /// Where the first interval begins: host nanoseconds or an event index.
  public var origin: UInt64 = 0
  /// The length of an interval: nanoseconds or events.
  public var width: UInt64 = 1
  /// The number of intervals.
  public var intervalCount = 0
  /// Guest-made exits by reason, those with most first.
  public var series: [Series] = []
  /// Handling times by powers of two, from the shortest that occurs to the longest; empty in a
  /// reel without times.
  public var latencies: [LatencyRow] = []
  /// The marks that occur.
  public var lanes: [Lane] = []

  /// Nothing.
  public init() {}

  /// The interval a host time or event index lies in; `nil` when there are none.
  public func interval(time: UInt64, event: EventIndex) -> Int? {
    guard intervalCount > 0 else { return nil }
    let point = isByTime ? time : event
    let distance = point > origin ? point - origin : 0
    return min(Int(clamping: distance / width), intervalCount - 1)
  }
}

/// Fills a ``ReportTimeline``.
struct TimelineCollector: Sendable {
  /// Reasons told apart at most: the rest is one series.
  private static let maximumSeries = 64

  private(set) var axis: ReportAxis
  private var index: ExitRowIndex
  private var series: [IntervalCounts] = []
  private var folded = IntervalCounts()
  private var latencies = [IntervalCounts](repeating: IntervalCounts(), count: 65)
  private var lanes = [IntervalCounts](
    repeating: IntervalCounts(), count: ReportTimeline.Mark.allCases.count)

  init(isByTime: Bool, origin: UInt64?, _ names: ExitNames) {
    self.init(ReportAxis(isByTime: isByTime, origin: origin), names)
  }

  init(_ axis: ReportAxis, _ names: ExitNames) {
    self.axis = axis
    index = ExitRowIndex([.reason], names)
  }

  /// The interval of a point, and how often the caller's own counts must be doubled.
  @inline(__always)
  mutating func place(time: UInt64, event: EventIndex) -> (interval: Int, doublings: Int) {
    let placed = axis.place(axis.isByTime ? time : event)
    for _ in 0..<placed.doublings { double() }
    return placed
  }

  private mutating func double() {
    for place in series.indices { series[place].double() }
    for place in latencies.indices { latencies[place].double() }
    for place in lanes.indices { lanes[place].double() }
    folded.double()
  }

  @inline(__always)
  mutating func count(_ exit: borrowing ExitSample, in interval: Int) {
    guard let row = index.row(of: exit) else { return }
    if row < Self.maximumSeries {
      if row == series.count { series.append(IntervalCounts()) }
      series[row].add(interval)
    } else {
      folded.add(interval)
    }
    if exit.traits.contains(.handlingTime) {
      latencies[64 - exit.handlingNanoseconds.leadingZeroBitCount].add(interval)
    }
  }

  mutating func count(_ mark: ReportTimeline.Mark, in interval: Int) {
    lanes[mark.place].add(interval)
  }

  /// The timeline so far.
  var timeline: ReportTimeline {
    var made = ReportTimeline()
    let count = axis.count
    made.isByTime = axis.isByTime
    made.origin = axis.origin ?? 0
    made.width = axis.width
    made.intervalCount = count
    var named = series.indices.map { (index.cells($0)[0], series[$0]) }
    named.append(("other", folded))
    made.series = named.compactMap { name, counts in
      let total = counts.counts.reduce(0, &+)
      return total == 0
        ? nil : ReportTimeline.Series(name: name, total: total, counts: counts.padded(to: count))
    }.sorted { ($1.total, $0.name) < ($0.total, $1.name) }
    made.latencies = latencyRows(count)
    made.lanes = ReportTimeline.Mark.allCases.compactMap { mark in
      let counts = lanes[mark.place]
      let total = counts.counts.reduce(0, &+)
      return total == 0
        ? nil : ReportTimeline.Lane(mark: mark, total: total, counts: counts.padded(to: count))
    }
    return made
  }

  private func latencyRows(_ count: Int) -> [ReportTimeline.LatencyRow] {
    guard let first = latencies.firstIndex(where: { !$0.counts.isEmpty }),
      let last = latencies.lastIndex(where: { !$0.counts.isEmpty })
    else { return [] }
    return (first...last).map { bits in
      let end = bits == 0 ? 0 : UInt64.max >> UInt64(64 - bits)
      return ReportTimeline.LatencyRow(
        fromNanoseconds: bits == 0 ? 0 : end / 2 + 1, toNanoseconds: end,
        counts: latencies[bits].padded(to: count))
    }
  }
}

extension ReportTimeline.Mark {
  fileprivate var place: Int {
    switch self {
    case .interrupts: 0
    case .kicks: 1
    case .seals: 2
    case .keyframes: 3
    case .consoleLines: 4
    }
  }
}
