public import Trace

/// What differs between two reels: configuration, the first differing event, totals.
///
/// Compared is the *deterministic stream*: guest-made exits and inputs. Host-made exits, keyframe
/// marks and times are not, since they differ between runs of equal guests.
public struct ReelDifference: Codable, Equatable, Sendable {
  /// The schema of the Codable form.
  public static let schemaName = "vmreel.diff/2"

  /// ``schemaName``.
  public var schema = Self.schemaName
  /// Fields of the metadata that differ, the weightiest first.
  public var configuration: [ConfigurationDifference] = []
  /// What was not compared.
  public var mask = DifferenceMask()
  /// What kind of difference the first one is.
  public var kind = DifferenceClass(.same)
  /// The first difference of the deterministic streams.
  public var firstDifference: FirstDifference?
  /// The first difference in more than RIP, timestamps and digests, where that is a later one.
  public var firstVisibleDifference: FirstDifference?
  /// How the host times compare, of the events before the first difference; `nil` when not looked
  /// at.
  public var times: TimeDifference?
  /// The stretches that differ from the first difference on; `nil` when they were not looked for.
  public var hunks: StreamHunks?
  /// The guest's events, interrupts and consoles, each by itself; where that was asked for.
  public var streams: SeparateStreams?
  /// How the streams fit together as a whole; where that was asked for.
  public var map: StreamMap?
  /// Events of the deterministic streams that were compared and agree.
  public var commonEvents: UInt64 = 0
  /// What was not compared, or not from the start, because a reel does not hold it; one sentence
  /// each.
  public var limits: [String] = []
  /// Whether whole digests stood in for comparing the events before the last common one.
  public var usedDigests = false
  /// Exits and interrupts in both reels, by table and impact.
  public var totals: [TotalDifference] = []
  /// What the totals leave out; `nil` when they are of all exits and interrupts.
  public var omittedTotals: OmittedTotals?
  /// Whether only counts were compared: for want of events, or because no more was asked for.
  public var isOfCounts = false
  /// What differs in the guests' registers and memory at a moment; where that was asked for.
  public var memory: MemoryDifference?
  /// Why the runs part; where that was asked for.
  public var explanation: Explanation?
  /// How the first reel ends.
  public var endingA: ReelEnding
  /// How the second reel ends.
  public var endingB: ReelEnding

  /// Whether the deterministic streams are equal, or the counts where only those were compared;
  /// configuration and endings do not count.
  public var areEqual: Bool {
    firstDifference == nil && (!isOfCounts || TotalDifference.haveEqualCounts(totals))
  }

  /// What to compare and how much to report.
  public struct Options: Sendable {
    /// Common events to report before the difference.
    public var context = 3
    /// What to leave out of the comparison.
    public var mask = DifferenceMask()
    /// Whether stretches that differ are kept with all their events.
    public var keepsAllEvents = false
    /// Whether equal whole digests may stand in for comparing all events before them.
    ///
    /// Fast, and right for reels as recorded; a reel edited by hand needs the full comparison.
    public var trustsDigests = false
    /// How many stretches that differ to describe; 0 to align nothing, which leaves
    /// ``ReelDifference/kind`` vague.
    public var hunkLimit = 20
    /// Whether to tell of the guest's events, interrupts and consoles by themselves, too.
    public var isApart = false
    /// Whether to tell how the streams fit together as a whole.
    public var mapsStreams = false
    /// Whether to count totals, which reads both reels once more.
    public var countsTotals = true

    /// The defaults: everything compared, three events of context, totals counted.
    public init() {}
  }
}

/// The first difference of two deterministic streams.
public struct FirstDifference: Codable, Equatable, Sendable {
  /// Events of the deterministic stream before the difference, common to both; counted from the
  /// last common digest when digests were trusted.
  public var commonEvents: UInt64
  /// The first reel's event; `nil` when its stream ends here.
  public var a: EventRecord?
  /// The second reel's event; `nil` when its stream ends here.
  public var b: EventRecord?
  /// The fields in which they differ; empty when one stream ends.
  public var fields: [EventField]
  /// The common events before, oldest first, as the first reel has them.
  public var context: [EventRecord]
  /// Host-made events and marks of the first reel since the last common event: suspects.
  public var hostMadeA: [EventRecord]
  /// Likewise of the second reel.
  public var hostMadeB: [EventRecord]
  /// The first reel's keyframe before the difference; `nil` when there is none.
  public var keyframeA: KeyframePlace?
  /// The second reel's.
  public var keyframeB: KeyframePlace?
  /// The end of the console text before the difference, as the first reel has it.
  public var consoleTail: String

  /// Whether all visible fields agree and only the digest differs: some register, or an earlier
  /// part of the history, is different although the guest has not shown it yet.
  public var isHidden: Bool { fields == [.check] }

  /// Whether either event is an interrupt delivered after a kick, whose place the host decides.
  public var isHostPlacedInterrupt: Bool {
    func isPlaced(_ record: EventRecord?, _ hostMade: [EventRecord]) -> Bool {
      record?.event.kind == .interrupt && hostMade.contains { $0.event.kind == .kick }
    }
    return isPlaced(a, hostMadeA) || isPlaced(b, hostMadeB)
  }
}

/// A reel that could not be read far enough to compare it.
public struct ReelDifferenceError: Error, Equatable, Sendable {
  /// Which reel.
  public enum Side: String, Sendable {
    /// The first.
    case a
    /// The second.
    case b
  }
  /// Which reel.
  public var side: Side
  /// What is wrong with it.
  public var error: TraceError
}
