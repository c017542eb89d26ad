/// Counts and times of exits, told apart by some dimensions.
public struct ExitTable: Codable, Equatable, Sendable {
  /// Which exits were counted.
  public var event = ExitFilter.vmexit
  /// What they are told apart by.
  public var dimensions: [ExitDimension] = []
  /// The exits of all rows.
  public var samples: UInt64 = 0
  /// The handling time of all rows.
  public var totalNanoseconds: UInt64 = 0
  /// Keys beyond the table's limit, all in one row named `other`.
  public var foldedSamples: UInt64 = 0
  /// The rows, most samples first.
  public var rows: [ExitRow] = []

  /// An empty table.
  public init() {}
}

/// One row of a table of exits.
public struct ExitRow: Codable, Equatable, Sendable {
  /// The value of each dimension, in perf's spelling: `0x3f8:POUT`, `hlt`; `-` where an exit has
  /// none, `other` for the keys beyond the table's limit.
  public var cells: [String] = []
  /// What the data sheet calls the place: `COM1 THR`.
  public var label: String?
  /// The number of exits.
  public var samples: UInt64 = 0
  /// The share of the table's exits, in percent.
  public var samplesPercent: Double = 0
  /// The share of the table's handling time, in percent.
  public var timePercent: Double = 0
  /// Bytes moved by port, MMIO and MSR accesses.
  public var byteCount: UInt64 = 0
  /// From leaving the guest by this exit to entering it again; the last exit has none.
  ///
  /// Of interrupts, from pending to injected.
  public var handling = DurationSummary()
  /// From entering the guest to leaving it by this exit.
  public var inGuest = DurationSummary()
  /// What became of kernel exits; `nil` for those of the runner.
  public var outcomes: Outcomes?
  /// The handling times by powers of two, when they were asked for.
  public var histogram: [DurationBucket]?

  /// What became of kernel exits.
  public struct Outcomes: Codable, Equatable, Sendable {
    /// The kernel entered the guest again by itself.
    public var handledByKernel: UInt64 = 0
    /// KVM_RUN returned an exit to the runner.
    public var returned: UInt64 = 0
    /// A signal ended KVM_RUN.
    public var interrupted: UInt64 = 0
  }

  /// The cells as one name.
  public var name: String { cells.joined(separator: " ") }
}

/// What to order the rows of a table by, in perf's words where it has one.
public enum ExitSortKey: String, Sendable, CaseIterable {
  /// Samples, most first.
  case sample
  /// The same.
  case percentSample = "percent_sample"
  /// Total time, longest first.
  case time
  /// The same.
  case percentTime = "percent_time"
  /// Shortest time, longest first.
  case minimum = "min_t"
  /// Longest time, longest first.
  case maximum = "max_t"
  /// Mean time, longest first.
  case mean = "mean_t"
  /// Median, longest first.
  case p50
  /// 90th percentile, longest first.
  case p90
  /// 99th percentile, longest first.
  case p99
  /// 99.9th percentile, longest first.
  case p999
  /// Bytes moved, most first.
  case bytes
  /// The name, in the order of its letters.
  case name

  /// The rows in this order; equal ones by name.
  ///
  /// - Parameter time: which of a row's two times counts.
  public func sorted(
    _ rows: [ExitRow], by time: KeyPath<ExitRow, DurationSummary> = \.handling
  ) -> [ExitRow] {
    rows.sorted { left, right in
      let first = value(left, left[keyPath: time])
      let second = value(right, right[keyPath: time])
      return first == second ? left.cells.lexicographicallyPrecedes(right.cells) : first > second
    }
  }

  private func value(_ row: ExitRow, _ time: DurationSummary) -> UInt64 {
    switch self {
    case .sample, .percentSample: row.samples
    case .time, .percentTime: time.totalNanoseconds
    case .minimum: time.minimumNanoseconds
    case .maximum: time.maximumNanoseconds
    case .mean: time.meanNanoseconds
    case .p50: time.p50Nanoseconds
    case .p90: time.p90Nanoseconds
    case .p99: time.p99Nanoseconds
    case .p999: time.p999Nanoseconds
    case .bytes: row.byteCount
    case .name: 0
    }
  }
}
