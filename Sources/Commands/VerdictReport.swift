internal import Analysis
internal import Machine
internal import Replay

/// A replay's verdict as JSON, for programs that decide by it.
struct VerdictReport: Encodable {
  let schema = "vmreel.replay/1"
  /// `identical`, `consistent`, `diverged` or `interrupted`; with ``reelIsWhole`` false the first
  /// two speak of the part that is there.
  var outcome: String
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

  struct DivergenceReport: Encodable {
    var index: UInt64
    var difference: String
    var recorded: EventRecord
    var replayed: EventRecord?
    var suspects: [EventRecord]
    var nextInstruction: String?
    var instructions: [InstructionReport]
  }

  /// A user-space instruction whose result no policy controls.
  struct InstructionReport: Encodable {
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
    switch verdict.outcome {
    case .identical: outcome = "identical"
    case .consistent: outcome = "consistent"
    case .interrupted: outcome = "interrupted"
    case .diverged(let found):
      outcome = "diverged"
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
