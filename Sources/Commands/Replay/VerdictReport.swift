internal import Analysis
internal import Machine
internal import Replay

/// A replay's verdict as JSON, for programs that decide by it.
struct VerdictReport: Codable {
  static let schema = "vmreel.replay/1"

  var schema = Self.schema
  /// With ``reelIsWhole`` false the first two speak of the part that is there, with ``range`` or
  /// ``segment`` of that part.
  var outcome: Outcome
  var events: UInt64
  var guestMadeExits: UInt64
  var exitsNormalized: UInt64
  var keyframesCompared: UInt64
  var sealsReexecuted: UInt64
  var sealsJumped: UInt64
  var userKicksReexecuted: UInt64
  var userKicksJumped: UInt64
  var rewinds: UInt64
  var landingNanoseconds: UInt64
  var guestNanoseconds: UInt64
  var jumpedNanoseconds: UInt64
  var finalPagesCompared: Int
  var reelIsWhole: Bool
  var divergence: DivergenceReport?
  /// With `--explain`, after a divergence.
  var explanation: DivergenceExplanation?
  /// With `--resync`: the differences, and what was skipped after each.
  var resyncs: [ResyncReport]?
  var resyncCount: UInt64?
  var skippedEvents: UInt64?
  /// What was compared, when that is not the whole reel.
  var range: RangeReport?
  /// Which segment was compared.
  var segment: SegmentReport?
  /// Of how many segments' results this one was joined.
  var joinedSegments: Int?
  /// The divergence report as `replay` prints it; with ``segment`` only.
  var report: String?

  enum Outcome: String, Codable {
    case identical
    case consistent
    case diverged
    case interrupted
    /// The segment holds no events.
    case empty
  }

  /// A difference after which the replay went on.
  struct ResyncReport: Codable {
    var index: UInt64
    var keyframe: UInt64?
    var skippedEvents: UInt64
  }

  /// The part of the reel that was asked for.
  struct RangeReport: Codable, Equatable {
    var startKeyframe: UInt64
    /// The event that keyframe stands at.
    var startEvent: UInt64
    /// The last event that was to be compared.
    var lastEvent: UInt64
  }

  /// A segment, and what makes sure that only results of one plan of one reel are joined.
  struct SegmentReport: Codable, Equatable {
    var number: Int
    var count: Int
    var startKeyframe: UInt64
    var startEvent: UInt64
    var endKeyframe: UInt64?
    var endEvent: UInt64
    var reel: HexWord

    init(_ segment: ReplaySegment, reel: UInt64) {
      number = segment.number
      count = segment.count
      startKeyframe = segment.startKeyframe
      startEvent = segment.startEvent
      endKeyframe = segment.endKeyframe
      endEvent = segment.endEvent
      self.reel = HexWord(reel)
    }
  }

  struct DivergenceReport: Codable {
    var index: UInt64
    var difference: String
    var recorded: EventRecord
    var replayed: EventRecord?
    var suspects: [EventRecord]
    var nextInstruction: String?
    var instructions: [InstructionReport]
  }

  /// A user-space instruction whose result no policy controls.
  struct InstructionReport: Codable {
    var address: String
    var text: String
  }

  init(_ verdict: ReplayVerdict) {
    events = verdict.events
    guestMadeExits = verdict.guestMadeExits
    exitsNormalized = verdict.exitsNormalized
    keyframesCompared = verdict.keyframesCompared
    sealsReexecuted = verdict.sealsReexecuted
    sealsJumped = verdict.sealsJumped
    userKicksReexecuted = verdict.userKicksReexecuted
    userKicksJumped = verdict.userKicksJumped
    rewinds = verdict.rewinds
    landingNanoseconds = verdict.landingNanoseconds
    guestNanoseconds = verdict.guestNanoseconds
    jumpedNanoseconds = verdict.jumpedNanoseconds
    finalPagesCompared = verdict.finalPagesCompared
    reelIsWhole = verdict.reelIsWhole
    if verdict.resyncCount > 0 {
      resyncs = verdict.resyncs.map {
        ResyncReport(
          index: $0.divergence, keyframe: $0.keyframe, skippedEvents: $0.skippedEvents)
      }
      resyncCount = verdict.resyncCount
      skippedEvents = verdict.skippedEvents
    }
    switch verdict.outcome {
    case .identical: outcome = .identical
    case .consistent: outcome = .consistent
    case .interrupted: outcome = .interrupted
    case .diverged(let found):
      outcome = .diverged
      divergence = DivergenceReport(
        index: found.index, difference: DivergenceText.headline(found),
        recorded: EventRecord(
          index: found.index, event: found.recorded, payload: found.recordedPayload),
        replayed: found.replayed.map {
          EventRecord(index: found.index, event: $0, payload: found.replayedPayload)
        },
        suspects: found.suspects.map { EventRecord(index: $0.index, event: $0.event) },
        nextInstruction: found.nextInstruction,
        instructions: found.instructions.map {
          InstructionReport(address: "0x" + String($0.address, radix: 16), text: $0.text)
        })
    }
  }
}
