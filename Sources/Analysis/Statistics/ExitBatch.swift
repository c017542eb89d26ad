internal import Trace

/// The exits of a run of events, all of one vCPU and with sound times, without the last one, whose
/// handling is not over: what observers that only add up take instead of samples.
public struct ExitBatch {
  /// The exits.
  public private(set) var count = 0
  /// The place of each in the run's columns of all events.
  public private(set) var rows = [Int](repeating: 0, count: EventRun.capacity)
  /// The handling time of each in nanoseconds.
  public private(set) var handling = [UInt64](repeating: 0, count: EventRun.capacity)
  /// The time in the guest before each in nanoseconds.
  public private(set) var inGuest = [UInt64](repeating: 0, count: EventRun.capacity)
  /// The place of the last exit of the run, which is not in the batch.
  private(set) var lastRow = 0

  init() {}

  /// Takes a run's exits.
  ///
  /// - Returns: whether it could: there are exits, and no time runs backwards.
  mutating func fill(_ run: borrowing EventRun) -> Bool {
    guard run.exitCount > 0, run.isFirstVCPU else { return false }
    var exit = 0
    for row in 0..<run.count
    where EventKind(rawValue: UInt8(truncatingIfNeeded: run.kinds[row])).isExit {
      rows[exit] = row
      exit &+= 1
    }
    count = run.exitCount - 1
    lastRow = rows[count]
    var signs: UInt64 = 0
    for exit in 0..<count {
      let time = run.entryTimes[exit &+ 1] &- run.exitTimes[exit]
      handling[exit] = time
      signs |= time
    }
    for exit in 0...count {
      let time = run.exitTimes[exit] &- run.entryTimes[exit]
      inGuest[exit] = time
      signs |= time
    }
    return signs >> 63 == 0
  }

  /// Takes a run's kernel exits.
  ///
  /// - Returns: whether it could: all entries are known, and no time runs backwards.
  mutating func fill(_ run: borrowing KernelExitRun) -> Bool {
    guard run.count > 0, run.isFirstVCPU else { return false }
    count = run.count - 1
    var signs: UInt64 = 0
    var flags = UInt64.max
    for exit in 0..<count {
      let time = run.entryTimes[exit &+ 1] &- run.exitTimes[exit]
      handling[exit] = time
      signs |= time
    }
    for exit in 0...count {
      let time = run.exitTimes[exit] &- run.entryTimes[exit]
      inGuest[exit] = time
      signs |= time
      flags &= run.flags[exit]
    }
    return signs >> 63 == 0 && flags & UInt64(KernelExitFlags.entryTime.rawValue) != 0
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
    for exit in 0..<batch.count where rows[exit] >= 0 {
      let base = rows[exit] &* (2 &* Self.tickCount)
      let isIn = rows[exit] < Self.maximumRows
      let handling = batch.handling[exit] / Event.timeResolution
      let inGuest = batch.inGuest[exit] / Event.timeResolution
      if isIn, handling < UInt64(Self.tickCount) {
        counts[base &+ Int(truncatingIfNeeded: handling)] &+= 1
      } else {
        overflow.append((exit, false))
      }
      if isIn, inGuest < UInt64(Self.tickCount) {
        counts[base &+ Self.tickCount &+ Int(truncatingIfNeeded: inGuest)] &+= 1
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
    for tick in 0..<Self.tickCount {
      let duration = UInt64(tick) * Event.timeResolution
      handling.add(duration, count: UInt64(counts[base + tick]))
      inGuest.add(duration, count: UInt64(counts[base + Self.tickCount + tick]))
      counts[base + tick] = 0
      counts[base + Self.tickCount + tick] = 0
    }
    unflushed = 0
  }
}
