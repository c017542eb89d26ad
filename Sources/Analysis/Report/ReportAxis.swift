internal import Trace

/// The intervals of a report's plots, of host time or of events.
///
/// How long a reel is shows only at its end. The axis begins with short intervals, and doubles
/// them whenever one would be too many; so one pass is enough.
struct ReportAxis: Sendable {
  /// The most intervals; even, so that they can be put together in pairs.
  static let maximumIntervals = 240
  /// The first length of intervals of time: a microsecond.
  private static let shortestNanoseconds: UInt64 = 1000

  /// Whether intervals are of host time; of event indexes otherwise.
  let isByTime: Bool
  /// Where the first interval begins; `nil` for the first point, before that was placed.
  private(set) var origin: UInt64?
  /// The length of an interval, in nanoseconds or events.
  private(set) var width: UInt64
  /// Intervals up to the last that holds something.
  private(set) var count = 0

  init(isByTime: Bool, origin: UInt64? = nil) {
    self.isByTime = isByTime
    self.origin = origin
    width = isByTime ? Self.shortestNanoseconds : 1
  }

  /// Intervals of so many events that those of a range fill them, as far as they go.
  init(from origin: EventIndex, to end: EventIndex) {
    isByTime = false
    self.origin = origin
    let length = end > origin ? end - origin : 1
    width = (length - 1) / UInt64(Self.maximumIntervals) + 1
  }

  /// Places a point, and says how often the intervals had to be doubled for it.
  ///
  /// What lies before the first point belongs to the first interval: vCPUs' exits are handed out
  /// when they are complete, a little out of order.
  @inline(__always)
  mutating func place(_ point: UInt64) -> (interval: Int, doublings: Int) {
    let origin = origin ?? point
    if self.origin == nil { self.origin = point }
    let distance = point > origin ? point &- origin : 0
    var doublings = 0
    while distance / width >= UInt64(Self.maximumIntervals) {
      width &*= 2
      doublings += 1
      count = (count + 1) / 2
    }
    let interval = Int(distance / width)
    count = max(count, interval + 1)
    return (interval, doublings)
  }
}

/// Counts by interval of a ``ReportAxis``, up to the last that is not 0.
struct IntervalCounts: Sendable {
  private(set) var counts: [UInt64] = []

  @inline(__always)
  mutating func add(_ interval: Int, _ number: UInt64 = 1) {
    if interval >= counts.count {
      counts.append(contentsOf: repeatElement(0, count: interval + 1 - counts.count))
    }
    counts[interval] &+= number
  }

  /// Follows the axis when its intervals double.
  mutating func double() {
    guard !counts.isEmpty else { return }
    for pair in 0..<(counts.count + 1) / 2 {
      let second = 2 * pair + 1 < counts.count ? counts[2 * pair + 1] : 0
      counts[pair] = counts[2 * pair] &+ second
    }
    counts.removeSubrange(((counts.count + 1) / 2)...)
  }

  /// The counts of so many intervals.
  func padded(to count: Int) -> [UInt64] {
    counts + [UInt64](repeating: 0, count: max(0, count - counts.count))
  }
}
