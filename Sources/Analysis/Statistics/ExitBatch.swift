internal import Trace

/// The exits of a run of events, all of one vCPU and with sound times, without the last one, whose
/// handling is not over: what observers that only add up take instead of samples.
public struct ExitBatch {
  /// The exits.
  public private(set) var count = 0
  /// The handling time of each in nanoseconds.
  public private(set) var handling = [UInt64](repeating: 0, count: EventRun.capacity)
  /// The time in the guest before each in nanoseconds.
  public private(set) var inGuest = [UInt64](repeating: 0, count: EventRun.capacity)
  /// The interrupts injected behind exits of the batch, in order, for observers that take some.
  public internal(set) var interrupts: [Interrupt] = []

  /// An injected interrupt, and the exit of the batch that it came behind.
  public struct Interrupt: Sendable {
    /// The exit's place in the batch.
    public var exit: Int
    /// The interrupt.
    public var sample: ExitSample
  }

  init() {}

  /// Takes a run's exits.
  ///
  /// - Returns: whether it could: there are exits, and no time runs backwards.
  mutating func fill(_ run: borrowing EventRun) -> Bool {
    guard run.exitCount > 0, run.isFirstVCPU else { return false }
    count = run.exitCount - 1
    interrupts.removeAll(keepingCapacity: true)
    let backwards = measure(run.entryTimes, run.exitTimes)
    return backwards == 0
  }

  /// Takes a run's kernel exits.
  ///
  /// - Returns: whether it could: all entries are known, and no time runs backwards.
  mutating func fill(_ run: borrowing KernelExitRun) -> Bool {
    guard run.count > 0, run.isFirstVCPU else { return false }
    count = run.count - 1
    let backwards = measure(run.entryTimes, run.exitTimes)
    let flags = run.flags.span.extracting(...count)
    var common = UInt64.max
    for exit in flags.indices { common &= flags[exit] }
    return backwards == 0 && common & UInt64(KernelExitFlags.entryTime.rawValue) != 0
  }

  /// Computes the times.
  ///
  /// - Returns: 1 when a time runs backwards, that in the guest before the last exit too, else 0.
  private mutating func measure(_ entryTimes: [UInt64], _ exitTimes: [UInt64]) -> UInt64 {
    let signs = Self.subtract(exitTimes, from: entryTimes, 1, count, into: &handling)
    return (signs | Self.subtract(entryTimes, from: exitTimes, 0, count + 1, into: &inGuest)) >> 63
  }

  /// Subtracts the first `count` times from others that begin at `offset`.
  ///
  /// - Returns: the union of the differences.
  private static func subtract(
    _ times: [UInt64], from others: [UInt64], _ offset: Int, _ count: Int,
    into differences: inout [UInt64]
  ) -> UInt64 {
    let times = times.span.extracting(..<count)
    let others = others.span.extracting(offset..<offset + count)
    var differences = differences.mutableSpan
    // Known before the loop, so that it has no checks.
    precondition(count <= differences.count, "a run is no longer than its capacity")
    var union: UInt64 = 0
    for index in times.indices {
      let time = others[index] &- times[index]
      differences[index] = time
      union |= time
    }
    return union
  }
}

/// Counts the durations of a table's first rows in steps of the reels' times: one addition a sample
/// instead of a histogram's ten.
struct TickCounts: Sendable {
  /// Rows with counts: they take 32 KiB each.
  static let maximumRows = 128
  /// Longer durations are not counted here.
  private static let tickCount = 4096

  private var counts: [UInt32] = []
  /// Samples since the last flush, so that no count overflows.
  private var unflushed = 0

  /// Whether it must be flushed before more is added.
  var isFull: Bool { unflushed >= 1 << 31 }

  /// Makes room for one more row.
  mutating func addRow() {
    counts.append(contentsOf: repeatElement(0, count: 2 * Self.tickCount))
  }

  /// Counts both times of a batch's exits.
  ///
  /// - Parameters:
  ///   - rows: each exit's row; negative for none.
  ///   - overflow: gets what cannot be counted here: the exit's place, and whether it is the time
  ///     in the guest.
  mutating func add(
    _ batch: borrowing ExitBatch, rows: [Int], overflow: inout [(exit: Int, isInGuest: Bool)]
  ) {
    unflushed += batch.count
    Self.add(batch, rows, to: &counts, &overflow)
  }

  private static func add(
    _ batch: borrowing ExitBatch, _ rows: [Int], to counts: inout [UInt32],
    _ overflow: inout [(exit: Int, isInGuest: Bool)]
  ) {
    let rows = rows.span.extracting(..<batch.count)
    let handling = batch.handling.span.extracting(..<batch.count)
    let inGuest = batch.inGuest.span.extracting(..<batch.count)
    var counts = counts.mutableSpan
    let end = UInt64(tickCount)
    for exit in rows.indices where rows[exit] >= 0 {
      let base = rows[exit] &* (2 &* tickCount)
      let ticks = (handling[exit] / Event.timeResolution, inGuest[exit] / Event.timeResolution)
      let isIn = rows[exit] < maximumRows
      if isIn, ticks.0 < end {
        counts[base &+ Int(truncatingIfNeeded: ticks.0)] &+= 1
      } else {
        overflow.append((exit, false))
      }
      if isIn, ticks.1 < end {
        counts[base &+ tickCount &+ Int(truncatingIfNeeded: ticks.1)] &+= 1
      } else {
        overflow.append((exit, true))
      }
    }
  }

  /// Moves the counts of a row into accumulators.
  mutating func flush(
    _ row: Int, handling: inout DurationAccumulator, inGuest: inout DurationAccumulator
  ) {
    let base = row * 2 * Self.tickCount
    guard base < counts.count else { return }
    for tick in 0..<Self.tickCount
    where counts[base + tick] != 0 || counts[base + Self.tickCount + tick] != 0 {
      let duration = UInt64(tick) * Event.timeResolution
      handling.add(duration, count: UInt64(counts[base + tick]))
      inGuest.add(duration, count: UInt64(counts[base + Self.tickCount + tick]))
      counts[base + tick] = 0
      counts[base + Self.tickCount + tick] = 0
    }
    unflushed = 0
  }
}
