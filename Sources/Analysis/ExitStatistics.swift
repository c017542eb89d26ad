/// Counts and times of a reel's exits: the engine of `stats`.
///
/// These are the *userspace exits as the runner saw them*. All exits as the kernel saw them, those
/// it handled alone (EPT violations, external interrupts, CPUID …) among them, are ``kernel``.
public struct ExitStatistics: Codable, Equatable, Sendable {
  /// The schema of the Codable form.
  public static let schemaName = "vmreel.stats/1"
  /// What every presentation of the numbers says.
  public static let scopeNote =
    "userspace exits as seen by the runner; exits the kernel handled alone are counted apart"

  /// ``schemaName``.
  public var schema = Self.schemaName
  /// ``scopeNote``.
  public var scope = Self.scopeNote
  /// Guest-made exits by reason; a kind this version does not know is `kind-N`.
  public var reasons: [ExitRow] = []
  /// Port accesses by port and direction.
  public var ports: [ExitRow] = []
  /// Accesses outside RAM by guest physical address and direction.
  public var memory: [ExitRow] = []
  /// MSR accesses by index and direction.
  public var msrs: [ExitRow] = []
  /// Exits the host made (kicks), by cause; not part of the guest's behaviour.
  public var hostMade: [ExitRow] = []
  /// Injected external interrupts by vector.
  public var interrupts: [VectorCount] = []
  /// The exits as the host's kernel saw them, as far as the reel knows.
  public var kernel = KernelExitStatistics()
  /// The whole reel in numbers.
  public var totals = StatisticsTotals()

  /// The rows of one grouping, ordered by samples.
  public func rows(of grouping: ExitGrouping) -> [ExitRow] {
    switch grouping {
    case .vmexit: reasons
    case .ioport: ports
    case .mmio: memory
    case .msr: msrs
    }
  }
}

/// One row of a table of exits.
public struct ExitRow: Codable, Equatable, Sendable {
  /// perf's spelling: `0x3f8:POUT`, `hlt`; `other:…` for those beyond the tables' limit.
  public var name: String
  /// What the data sheet calls the place: `COM1 THR`.
  public var label: String?
  /// Port, guest physical address or MSR index.
  public var address: HexWord?
  /// The number of exits.
  public var samples: UInt64
  /// The share of the grouping's exits, in percent.
  public var samplesPercent: Double
  /// The share of the grouping's handling time, in percent.
  public var timePercent: Double
  /// From leaving the guest by this exit to entering it again; the last exit has none.
  public var handling: DurationSummary
  /// From entering the guest to leaving it by this exit.
  public var inGuest: DurationSummary
}

/// How often a vector was injected.
public struct VectorCount: Codable, Equatable, Sendable {
  /// The vector.
  public var vector: HexWord
  /// The injections.
  public var count: UInt64
}

/// A kind of event and how many there are.
public struct KindCount: Codable, Equatable, Sendable {
  /// The kind's name, or `kind-N`.
  public var name: String
  /// The events.
  public var count: UInt64
}

/// The numbers of a whole reel, or of the part that was asked for.
public struct StatisticsTotals: Codable, Equatable, Sendable {
  /// Events counted.
  public var events: UInt64 = 0
  /// Events by kind, in the order of the kinds' numbers.
  public var eventsByKind: [KindCount] = []
  /// Guest-made exits.
  public var guestMadeExits: UInt64 = 0
  /// Host-made exits.
  public var hostMadeExits: UInt64 = 0
  /// Inputs: data, interrupts, window requests.
  public var inputs: UInt64 = 0
  /// Keyframes by kind, over the whole reel.
  public var keyframes: [String: UInt64] = [:]
  /// Segments that a seal ends, over the whole reel.
  public var sealedSegments: UInt64 = 0
  /// Console bytes by stream: `serial`, `debug`, `stream-N`.
  public var consoleBytes: [String: UInt64] = [:]
  /// Whether host times were stripped from the reel: those here are 0 and mean nothing.
  public var timesAreStripped = false
  /// Host time in the guest, in nanoseconds.
  public var inGuestNanoseconds: UInt64 = 0
  /// Host time handling exits, in nanoseconds.
  public var handlingNanoseconds: UInt64 = 0
  /// Host time of the recording, in nanoseconds.
  public var durationNanoseconds: UInt64 = 0
  /// The guest's clock at the end, or at the last keyframe of a reel without end record.
  public var virtualTimeNanoseconds: UInt64 = 0
  /// Times that ran backwards and were left out.
  public var unusableTimes: UInt64 = 0
  /// Events lost to damaged blocks that were skipped.
  public var lostEvents: UInt64 = 0
  /// Keyframes that could not be read.
  public var unreadableKeyframes: UInt64 = 0
  /// How the reel ends.
  public var ending: ReelEnding?
}

/// What to order the rows of a table by, in perf's words.
public enum ExitSortKey: String, Sendable, CaseIterable {
  /// Samples, most first.
  case sample
  /// Total handling time, longest first.
  case time
  /// Shortest handling time, longest first.
  case minimum = "min_t"
  /// Longest handling time, longest first.
  case maximum = "max_t"
  /// Mean handling time, longest first.
  case mean = "mean_t"

  /// The rows in this order; equal ones by name.
  ///
  /// - Parameter time: which of a row's two times counts.
  public func sorted(
    _ rows: [ExitRow], by time: KeyPath<ExitRow, DurationSummary> = \.handling
  ) -> [ExitRow] {
    rows.sorted { left, right in
      let first = value(left.samples, left[keyPath: time])
      let second = value(right.samples, right[keyPath: time])
      return first == second ? left.name < right.name : first > second
    }
  }

  private func value(_ samples: UInt64, _ time: DurationSummary) -> UInt64 {
    switch self {
    case .sample: samples
    case .time: time.totalNanoseconds
    case .minimum: time.minimumNanoseconds
    case .maximum: time.maximumNanoseconds
    case .mean: time.meanNanoseconds
    }
  }
}
