public import Trace

/// A stretch in which two deterministic streams differ, found by aligning them.
public struct EventHunk: Codable, Equatable, Sendable {
  /// What happened to the first stream.
  public enum Change: String, Codable, Sendable {
    /// The second has events more.
    case inserted
    /// The second lacks events.
    case deleted
    /// Event for event the same kinds at the same places, with other data.
    case changed
    /// The same event comes at another place in the second.
    case moved
    /// Other events stand in place of some.
    case replaced
  }

  /// One stream's part.
  public struct Side: Codable, Equatable, Sendable {
    /// The index of its first event; of the one that follows, when there is none.
    public var first: EventIndex
    /// The events of the deterministic stream in it.
    public var count: Int
    /// What they are, equal neighbours counted together; at most ``EventHunk/shownRuns``.
    public var runs: [Run] = []
    /// Where it has more runs than those: its events counted by kind and place, the most frequent
    /// first; at most ``EventHunk/shownRuns``.
    public var tally: [Run] = []
    /// The events themselves: the first ``EventHunk/shownRecords`` of them, or all where all were
    /// asked for.
    public var records: [EventRecord] = []
  }

  /// Events of one kind at one place, one after the other.
  public struct Run: Codable, Equatable, Sendable {
    /// The kind: `out`.
    public var kind: String
    /// What the number of its place is; `nil` for kinds without.
    public var space: DifferenceMask.Space?
    /// Port, address, MSR or vector, for the answer to a read what was read: `0x3f8`; `nil` for
    /// kinds without.
    public var place: HexWord?
    /// How many.
    public var count: Int
    /// The answers among what follows them, to as many reads.
    public var answers = 0
  }

  /// Runs kept of one side.
  public static let shownRuns = 12
  /// Kinds and places counted apart in a tally, those met first.
  static let maximumTally = 4096
  /// Events kept of one side.
  public static let shownRecords = 8
  /// Events kept of one side where all were asked for.
  public static let maximumRecords = 10_000

  /// What happened.
  public var change: Change
  /// The first reel's part.
  public var a: Side
  /// The second reel's part.
  public var b: Side
  /// For `changed`: the fields in which the first events differ, RIP, digests and timestamps aside.
  public var fields: [EventField] = []
  /// For `moved`: the guest's exits and answers between the two places.
  public var distance = 0
  /// For `moved`: whether it comes later in the second stream.
  public var isLater = false
  /// The common events before, as the first reel has them; only where all events were asked for.
  public var context: [EventRecord] = []
}

/// What differs of two recordings, of each kind of stream by itself.
public struct SeparateStreams: Codable, Equatable, Sendable {
  /// The guest's exits and the answers to them.
  public var guest: StreamHunks
  /// Interrupts and what devices wrote, by their places among the guest's events.
  public var interrupts: StreamHunks
  /// The text on each console, of the whole recordings.
  public var consoles: [ConsoleDifference]
}

/// What the alignment of two streams from their first difference on says.
public struct StreamHunks: Codable, Equatable, Sendable {
  /// Events of a stream that are aligned at most: 128 MB of signatures and places.
  public static let maximumEvents = 4 << 20

  /// By how much RIPs differ in events that agree otherwise, and how often.
  public struct RIPShift: Codable, Equatable, Sendable {
    /// What must be added to the first reel's, modulo 2⁶⁴.
    public var shift: HexWord
    /// In how many events.
    public var events: Int
  }

  /// RIP shifts told apart; what is beyond is counted in ``otherRIPShifts``.
  public static let maximumShifts = 8

  /// Stretches that differ, in order; the first so many that were asked for.
  public var hunks: [EventHunk] = []
  /// All stretches that differ.
  public var count = 0
  /// Stretches by what happened to them.
  public var countByChange: [String: Int] = [:]
  /// Events that both streams have in order, from the first difference on, or from the first visible
  /// one where that is far behind.
  public var commonEvents = 0
  /// Events that only the first has.
  public var deletedEvents = 0
  /// Events that only the second has.
  public var insertedEvents = 0
  /// Pairs of events with other data.
  public var changedEvents = 0
  /// Interrupts, and what devices wrote, that come at other places.
  public var movedEvents = 0
  /// How RIPs differ in events that agree otherwise, the most frequent first.
  public var ripShifts: [RIPShift] = []
  /// Events whose RIPs differ by still other amounts.
  public var otherRIPShifts = 0
  /// Whether events beyond ``maximumEvents`` were left out.
  public var isCut = false
  /// Stretches given up as having nothing in common.
  public var unsearched = 0
}
