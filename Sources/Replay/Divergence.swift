public import Machine
public import Trace

/// The first point where replay differs from the reel, with what is needed to explain it.
public struct Divergence: Sendable {
  /// What differs.
  public enum Difference: Sendable {
    /// The replayed exit's fields differ from the recorded ones, by field name.
    case fields([String])
    /// Every visible field agrees, but the registers do not: the digest differs.
    case registers
    /// The recorded input does not match its own digest: the reel was altered here.
    case input
    /// The guest made no exit within the bound, in host nanoseconds.
    case noExit(boundNanoseconds: UInt64)
    /// The guest made an exit where the reel has an input, an injection or a keyframe.
    case unexpectedExit
    /// An interrupt was injected here, but the replayed guest cannot take one.
    case notReady
    /// The reel's answer does not fit the exit: it is no answer, or of another size.
    case replyMismatch
    /// State at a keyframe differs.
    case state([StateDifference], pages: [PageDifference])
  }

  /// A page that differs at a keyframe.
  public struct PageDifference: Equatable, Sendable {
    /// The page number.
    public var page: UInt32
    /// The offset of the first differing byte; `nil` when the recorded page is not in the reel.
    public var offset: Int?
    /// The recorded byte there.
    public var recorded: UInt8
    /// The replayed byte there.
    public var replayed: UInt8
  }

  /// The event where replay differs.
  public var index: EventIndex
  /// What differs.
  public var difference: Difference
  /// The event the reel has.
  public var recorded: Event
  /// Its payload.
  public var recordedPayload: [UInt8]
  /// The exit replay made instead, when it made one.
  public var replayed: Event?
  /// Its payload.
  public var replayedPayload: [UInt8] = []
  /// The replayed guest's registers.
  public var registers: GeneralRegisters
  /// The events before, oldest first.
  public var context: [IndexedEvent]
  /// Inputs and host-made events since the last exit that matched: where to look first.
  public var suspects: [IndexedEvent]
  /// The instruction at the replayed guest's RIP; `nil` when none could be decoded there.
  public var nextInstruction: String?
  /// Instructions in the guest's user space that read what no policy controls.
  public var instructions: [UncontrolledInstruction] = []
}

/// An event with its index.
public struct IndexedEvent: Equatable, Sendable {
  /// Its position in the reel.
  public var index: EventIndex
  /// The event.
  public var event: Event

  /// Makes an indexed event.
  public init(index: EventIndex, event: Event) {
    self.index = index
    self.event = event
  }
}

/// How a replay ended, with a count of everything it compared.
public struct ReplayVerdict: Sendable {
  /// The four ways a replay ends.
  public enum Outcome: Sendable {
    /// Everything in the reel was re-executed and agreed.
    case identical
    /// What was re-executed agreed; some sealed segments were jumped over.
    case consistent
    /// Replay differs from the reel.
    case diverged(Divergence)
    /// The user stopped the replay.
    case interrupted
  }

  /// How it ended.
  public var outcome: Outcome = .identical
  /// Events gone through.
  public var events: UInt64 = 0
  /// Guest-made exits compared.
  public var guestMadeExits: UInt64 = 0
  /// Of these, OUTs whose RIP stood at the instruction in one place and after it in the other.
  public var exitsNormalized: UInt64 = 0
  /// Keyframes whose state and pages were compared.
  public var keyframesCompared: UInt64 = 0
  /// Sealed segments re-executed to exactly their recorded end state.
  public var sealsReexecuted: UInt64 = 0
  /// Sealed segments jumped by installing their keyframe.
  public var sealsJumped: UInt64 = 0
  /// Sealed segments re-executed whose end is a kick in user mode (CPL 3).
  public var userKicksReexecuted: UInt64 = 0
  /// Sealed segments jumped whose end is a kick in user mode.
  public var userKicksJumped: UInt64 = 0
  /// How often the replay went back to a keyframe because the timestamp was not frozen in a slice
  /// of its own, or because a landing is tried in another way.
  public var rewinds: UInt64 = 0
  /// Host nanoseconds this replay spent on looking for the ends of sealed segments.
  public var landingNanoseconds: UInt64 = 0
  /// For the seals that were landed at without the help of a timer: the keyframe's number, and the
  /// steps and breakpoint hits it took, which the next replay may count off.
  public var landings: [UInt64: UInt64] = [:]
  /// Recorded host nanoseconds of guest execution in all segments gone through.
  public var guestNanoseconds: UInt64 = 0
  /// Of these, in jumped segments.
  public var jumpedNanoseconds: UInt64 = 0
  /// RAM pages compared at the last keyframe of the reel; 0 when the end was not reached.
  public var finalPagesCompared: Int = 0
  /// How often the replay went on from a keyframe after a difference.
  public var resyncCount: UInt64 = 0
  /// The first of these, in order.
  public var resyncs: [Resync] = []
  /// Events that do not count as compared because of a difference; with ``events`` they are all.
  public var skippedEvents: UInt64 = 0
  /// The number of the keyframe the replay started from.
  public var startKeyframe: UInt64 = 0
  /// The event that keyframe stands at; unless it is the reel's first, the event after it is the
  /// first one compared.
  public var startEvent: EventIndex = 0
  /// The last event gone through; set when the replay came to the end of its range.
  public var lastEvent: EventIndex = 0
  /// Whether the reel was whole; a partial one is replayed as far as it goes.
  public var reelIsWhole = true

  /// The verdict of nothing yet.
  public init() {}

  /// Counts a sealed segment that ends with a kick.
  mutating func noteSeal(isExact: Bool, isUserMode: Bool) {
    sealsReexecuted += isExact ? 1 : 0
    sealsJumped += isExact ? 0 : 1
    guard isUserMode else { return }
    userKicksReexecuted += isExact ? 1 : 0
    userKicksJumped += isExact ? 0 : 1
  }
}
