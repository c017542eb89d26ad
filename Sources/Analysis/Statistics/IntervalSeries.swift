public import Trace

/// Counts exits by interval of host time: a series for plots and for a look at how a run went.
public struct IntervalSeries: ExitObserver {
  /// The most rows of all intervals together.
  public static let maximumCells = 1 << 20

  /// One row of one interval.
  public struct Cell: Codable, Equatable, Sendable {
    /// The interval's begin, in host nanoseconds since the recording began.
    public var startNanoseconds: UInt64
    /// The value of each dimension.
    public var cells: [String]
    /// The exits.
    public var samples: UInt64
    /// Their handling time.
    public var handlingNanoseconds: UInt64
    /// The longest of them.
    public var maximumNanoseconds: UInt64
    /// The guest's time before them.
    public var guestNanoseconds: UInt64
  }

  fileprivate struct Counts {
    var samples: UInt64 = 0
    var handling: UInt64 = 0
    var maximum: UInt64 = 0
    var guest: UInt64 = 0
  }

  private struct Place: Hashable {
    var interval: UInt64
    var row: Int
  }

  /// The length of an interval in nanoseconds.
  public let width: UInt64
  /// Exits left out because there were too many intervals and rows.
  public private(set) var omittedSamples: UInt64 = 0
  private let filter: ExitFilter
  private var index: ExitRowIndex
  private var counts: [Place: Counts] = [:]

  /// Makes an empty series of intervals of `width` nanoseconds, at least 1.
  public init(
    every width: UInt64, _ filter: ExitFilter?, by dimensions: [ExitDimension], _ names: ExitNames
  ) {
    self.width = max(1, width)
    self.filter = filter ?? ExitFilter(fitting: dimensions)
    index = ExitRowIndex(dimensions.isEmpty ? [self.filter.defaultDimension] : dimensions, names)
  }

  /// What exits are told apart by.
  public var dimensions: [ExitDimension] { index.dimensions }

  /// The columns it needs.
  public var columns: Set<EventColumn> {
    filter == .vmexit ? index.columns : index.columns.union([.address, .width, .count, .waited])
  }

  /// Counts an exit.
  public mutating func observe(_ exit: borrowing ExitSample) {
    if filter.holds(exit) { count(exit) }
  }

  /// Counts an injected interrupt.
  public mutating func observe(interrupt: borrowing ExitSample) {
    if filter == .irq { count(interrupt) }
  }

  private mutating func count(_ exit: borrowing ExitSample) {
    guard let row = index.row(of: exit) else { return }
    let place = Place(interval: exit.exitTime / width, row: row)
    guard counts[place] != nil || counts.count < Self.maximumCells else {
      omittedSamples &+= 1
      return
    }
    let handling = exit.traits.contains(.handlingTime) ? exit.handlingNanoseconds : 0
    let guest = exit.traits.contains(.guestTime) ? exit.guestNanoseconds : 0
    counts[place, default: Counts()].add(handling: handling, guest: guest)
  }

  /// The intervals in order, the rows of each by samples.
  public var cells: [Cell] {
    counts.map { place, counts in
      Cell(
        startNanoseconds: place.interval &* width, cells: index.cells(place.row),
        samples: counts.samples, handlingNanoseconds: counts.handling,
        maximumNanoseconds: counts.maximum, guestNanoseconds: counts.guest)
    }.sorted { left, right in
      if left.startNanoseconds != right.startNanoseconds {
        return left.startNanoseconds < right.startNanoseconds
      }
      if left.samples != right.samples { return left.samples > right.samples }
      return left.cells.lexicographicallyPrecedes(right.cells)
    }
  }
}

extension IntervalSeries.Counts {
  mutating func add(handling time: UInt64, guest before: UInt64) {
    samples &+= 1
    handling = handling.addingSaturated(time)
    maximum = max(maximum, time)
    guest = guest.addingSaturated(before)
  }
}
