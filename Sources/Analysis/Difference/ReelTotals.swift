public import Trace

/// What a reel's exits come to, counted in every way that `diff` compares.
public struct ReelTotals: Sendable {
  /// What the exits of a table are told apart by.
  public enum Place: String, Codable, Sendable, CaseIterable {
    /// Guest-made exits by their kind; the kernel's by the hardware's reason.
    case reason
    /// Port accesses by port and direction.
    case port
    /// Accesses outside RAM by guest physical address and direction.
    case gpa
    /// MSR accesses by index and direction.
    case msr
    /// Exits the host made, by cause.
    case kick
    /// Injected interrupts; their time is that from pending to injected.
    case vector

    /// Whether the host decides how often it happens, so that runs of equal guests differ in it.
    public var isHostMade: Bool { self == .kick }

    fileprivate var filter: ExitFilter {
      switch self {
      case .reason: .vmexit
      case .port: .ioport
      case .gpa: .mmio
      case .msr: .msr
      case .kick: .kick
      case .vector: .irq
      }
    }
  }

  /// Whether it has host times; a reel stripped of them, or an import without entries, has none.
  public let hasTimes: Bool
  /// What a trimmed reel has left of the recording's events; `nil` of a reel that has all.
  let trimmedRange: Range<EventIndex>?
  /// Exits and interrupts at places that are left out.
  let omittedSamples: UInt64
  /// The tables, in the order of the places.
  let tables: [ExitTable]

  /// Takes tables as they are, one for each place.
  init(tables: [ExitTable], hasTimes: Bool) {
    self.tables = tables
    self.hasTimes = hasTimes
    trimmedRange = nil
    omittedSamples = 0
  }

  /// Counts a reel in one pass.
  ///
  /// - Parameters:
  ///   - metadata: the reel's, which tells whether it has times and what kernel exits are called.
  ///   - population: the runner's exits or the kernel's.
  ///   - mask: says at which places exits and interrupts are left out.
  ///   - range: the events to count; `nil` for all. Of kernel exits all are counted.
  ///   - onProgress: told after each block how many events, or kernel exits, were walked over.
  /// - Throws: the ``TraceError`` of the first damaged block.
  public init(
    _ reel: Reel, metadata: Metadata?, population: ExitStatistics.Population = .runner,
    mask: DifferenceMask = DifferenceMask(), range: Range<EventIndex>? = nil,
    onProgress: ((UInt64) -> Void)? = nil
  ) throws(TraceError) {
    var query = ExitStatistics.Query()
    query.population = population
    if let range, !Self.holdsAll(range, of: reel) { query.selection.range = range }
    var pass = StatisticsPass(reel, query, metadata: metadata)
    pass.onProgress = onProgress
    let names = pass.names
    var tabulators = ExitTabulators(
      Place.allCases.map { ExitTabulator($0.filter, by: [], names, countsBytes: false) })
    if mask.omitsPlaces {
      var unmasked = UnmaskedExits(tabulators, but: mask)
      try pass.run(reel, &unmasked)
      tabulators = unmasked.tabulators
      omittedSamples = unmasked.omittedSamples
    } else {
      try pass.run(reel, &tabulators)
      omittedSamples = 0
    }
    let first = reel.eventBlocks.first?.header.firstEvent ?? 0
    trimmedRange =
      first > 0 || reel.end?.reason == .trimmed
      ? first..<max(first, reel.eventBlocks.last?.header.endEvent ?? 0) : nil
    let tables = tabulators.all.map { $0.table() }
    self.tables = tables
    hasTimes =
      pass.hasTimes && tables.contains { $0.rows.contains { $0.handling.samples > 0 } }
  }

  private static func holdsAll(_ range: Range<EventIndex>, of reel: Reel) -> Bool {
    range.lowerBound <= reel.eventBlocks.first?.header.firstEvent ?? 0
      && range.upperBound >= reel.eventBlocks.last?.header.endEvent ?? 0
  }

  /// The rows of all tables by what they are of.
  var rows: [TotalKey: ExitRow] {
    var rows: [TotalKey: ExitRow] = [:]
    for (place, table) in zip(Place.allCases, tables) {
      for row in table.rows { rows[TotalKey(place: place, name: row.name)] = row }
    }
    return rows
  }

  /// The mean handling time of guest-made exits but HLT, in nanoseconds; `nil` without any.
  static func meanCost(of reels: [ReelTotals]) -> Double? {
    var (samples, nanoseconds): (Double, Double) = (0, 0)
    for reel in reels {
      for row in reel.tables[0].rows
      where !TotalKey(place: .reason, name: row.name).isIdle {
        samples += Double(row.handling.samples)
        nanoseconds += Double(row.handling.totalNanoseconds)
      }
    }
    return samples > 0 ? nanoseconds / samples : nil
  }

  /// What cannot be compared about tables of too many rows; one sentence each.
  static func limits(of reels: [ReelTotals]) -> [String] {
    Place.allCases.indices.compactMap { place in
      guard reels.contains(where: { $0.tables[place].foldedSamples > 0 }) else { return nil }
      return
        "by \(Place.allCases[place].rawValue) each reel's first \(ExitRowIndex.maximumRows) are "
        + "told apart, and the row other has the rest"
    }
  }
}

/// What a row of totals is of.
struct TotalKey: Hashable, Comparable {
  var place: ReelTotals.Place
  var name: String

  /// Whether it is HLT, whose time until the next entry is idle: the guest waited, not the host.
  var isIdle: Bool { place == .reason && name.lowercased() == EventKind.halt.name }

  static func < (left: TotalKey, right: TotalKey) -> Bool {
    left.place == right.place ? left.name < right.name : left.place.order < right.place.order
  }
}

extension ReelTotals.Place {
  /// Where its table stands among the others.
  var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
