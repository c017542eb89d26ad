internal import Trace

/// Counts and times of a reel's exits: the engine of `stats`.
public struct ExitStatistics: Codable, Equatable, Sendable {
  /// The schema of the Codable form.
  public static let schemaName = "vmreel.stats/2"

  /// Which exits are counted.
  public enum Population: String, Codable, Sendable, CaseIterable {
    /// Those that KVM_RUN returned to the runner.
    case runner
    /// All that the kernel saw, those it returned among them.
    case kernel
    /// Those that the kernel handled alone.
    case handled
    /// The runner's and those that the kernel handled alone.
    case all

    /// What every presentation of the numbers says.
    public var scope: String {
      switch self {
      case .runner:
        "userspace exits as seen by the runner; exits the kernel handled alone are counted apart"
      case .kernel: "all exits as seen by the host's kernel"
      case .handled: "exits the host's kernel handled alone"
      case .all: "userspace exits as seen by the runner, and those the host's kernel handled alone"
      }
    }
  }

  /// What to count.
  public struct Query: Sendable {
    /// Which exits.
    public var population: Population?
    /// Those of them that the main table holds; `nil` for what fits the dimensions.
    public var event: ExitFilter?
    /// What the main table tells them apart by; at most four.
    public var dimensions: [ExitDimension] = []
    /// The part of the reel.
    public var selection = ExitSelection()
    /// The phases of the guest's life, none begun; `nil` without phases.
    public var phases: PhaseTracker?
    /// The symbols of the guest's kernel.
    public var symbols: SymbolTable?
    /// Whether rows get histograms.
    public var hasHistograms = false
    /// Whether the main table tells bytes moved; without, they may be 0, and it is faster.
    public var countsBytes = true

    /// Asks for the runner's exits by reason.
    public init() {}

    /// Whether no particular table is asked for.
    var isOverview: Bool { dimensions.isEmpty && event == nil }
  }

  /// ``schemaName``.
  public var schema = Self.schemaName
  /// The units of the numbers, by the ends of their names.
  public var units = [
    "Nanoseconds": "nanoseconds of host time", "Percent": "percent", "byteCount": "bytes",
  ]
  /// Which exits were counted.
  public var population = Population.runner
  /// ``Population/scope``.
  public var scope = Population.runner.scope
  /// What was asked for.
  public var table = ExitTable()
  /// Exits the host made, by cause; not part of the guest's behaviour.
  public var hostMade = ExitTable()
  /// Injected external interrupts by vector, with the time they waited.
  public var interrupts = ExitTable()
  /// HLTs by what ended them.
  public var halts = ExitTable()
  /// Exits the host's kernel saw, by reason; only beside the runner's, when those were asked for
  /// without dimensions.
  public var kernelExits = ExitTable()
  /// What stands out.
  public var findings: [StandingOut.Finding] = []
  /// What the reel knows of exits the host's kernel saw.
  public var kernel = KernelExitSource()
  /// The phases asked for, in order of their markers.
  public var phases: [String] = []
  /// Markers of phases that never came.
  public var missingPhases: [String] = []
  /// The whole reel in numbers.
  public var totals = StatisticsTotals()

  /// An empty result.
  public init() {}
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
  /// Host time of the part that was counted, in nanoseconds; of the whole recording when all was.
  public var durationNanoseconds: UInt64 = 0
  /// The guest's clock at the end, or at the last keyframe of a reel without end record.
  public var virtualTimeNanoseconds: UInt64 = 0
  /// Guest-made exits per second of host time.
  public var exitsPerSecond: Double = 0
  /// Times that ran backwards and were left out.
  public var unusableTimes: UInt64 = 0
  /// Events lost to damaged blocks that were skipped.
  public var lostEvents: UInt64 = 0
  /// Kernel exits lost to damaged blocks that were skipped.
  public var lostKernelExits: UInt64 = 0
  /// Faults of nested paging whose address is not known.
  public var faultsWithoutAddress: UInt64 = 0
  /// Keyframes that could not be read.
  public var unreadableKeyframes: UInt64 = 0
  /// How the reel ends.
  public var ending: ReelEnding?

  /// Nothing.
  public init() {}
}

/// A kind of event and how many there are.
public struct KindCount: Codable, Equatable, Sendable {
  /// The kind's name, or `kind-N`.
  public var name: String
  /// The events.
  public var count: UInt64
}
