import Machine
import Replay
import Testing
import Trace

/// Stops guests that make no exit, and looks at how replay gets back to where they stopped.
@Suite struct KickTests {
  /// Where a kick falls and how replay may search for it.
  static let features: [DebugFeatures] = [
    [.singleStep], [.breakpoint], [.singleStep, .breakpoint],
  ]

  private func counting(_ kicks: [UInt64], limit: UInt64 = 400) throws -> Recording {
    try record(
      GuestPrograms.counting(to: limit), policy: quietPolicy { $0.quantumNanoseconds = 60_000 },
      script: ProcessorScript(kicks: kicks))
  }

  /// Asks for a window while interrupts are disabled, and opens it after a few instructions.
  private let closedWindow = ScriptedProgram(
    GuestPrograms.initializeInterrupts + GuestPrograms.initializeTimer
      + [.set(.rcx, 12), .label("closed"), .out(0x80, width: 1), .add(.rcx, .max)]
      + [.jumpUnlessZero(.rcx, "closed"), .compute(1), .compute(1), .compute(1)]
      + [.enableInterrupts, .compute(1), .compute(1), .disableInterrupts]
      + GuestPrograms.finish + GuestPrograms.handlers)

  private func seals(_ recording: Recording) -> UInt64 {
    UInt64(recording.kinds.filter { $0 == .kick }.count)
  }

  @Test(arguments: features, [[60], [61, 62, 63], [100, 200, 300, 900], [37, 500, 501]])
  func sealsAreLandedIn(features: DebugFeatures, kicks: [UInt64]) throws {
    let recording = try counting(kicks)
    #expect(recording.end.reason == .debugExit)
    #expect(seals(recording) >= 1, "a kick inside the handler changes nothing and is no event")
    #expect(recording.kinds.contains(.interrupt), "a tick is due a quantum later")
    let replayed = try replay(recording, script: ProcessorScript(debugFeatures: features))
    #expect(replayed.isIdentical, "\(replayed.verdict)")
    #expect(replayed.verdict.sealsReexecuted == seals(recording))
    #expect(replayed.verdict.jumpedNanoseconds == 0)
    #expect(contents(replayed.memory) == contents(recording.memory))
  }

  /// Known landings are found again without a look at the states before; wrong ones are searched for
  /// anew.
  @Test(arguments: features)
  func knownLandingsAreCountedOff(features: DebugFeatures) throws {
    let recording = try counting([100, 200, 300, 900])
    let script = ProcessorScript(debugFeatures: features)
    let first = try replay(recording, script: script)
    #expect(UInt64(first.verdict.landings.count) == seals(recording))
    let second = try replay(
      recording, script: script, knownLandings: first.verdict.landings)
    #expect(second.isIdentical && second.verdict.landings == first.verdict.landings)
    let wrong = first.verdict.landings.mapValues { $0 + 1 }
    let third = try replay(recording, script: script, knownLandings: wrong)
    #expect(third.isIdentical, "\(third.verdict.outcome)")
    #expect(third.verdict.landings == first.verdict.landings)
    #expect(contents(third.memory) == contents(recording.memory))
  }

  @Test func landingHasATotalLimit() throws {
    let recording = try counting([100, 200, 300])
    var bounds = ReplayBounds()
    bounds.totalLandingNanoseconds = 0
    let replayed = try replay(recording, bounds: bounds)
    #expect(replayed.isConsistent && replayed.verdict.sealsReexecuted == 0)
  }

  @Test func everyInstructionCanBeSealed() throws {
    for kick in UInt64(24)...80 {
      let recording = try counting([kick])
      let replayed = try replay(recording, script: ProcessorScript(debugFeatures: [.singleStep]))
      #expect(replayed.isIdentical, "kick at \(kick): \(replayed.verdict)")
    }
  }

  /// Nothing is armed in this program, so its kicks are no events; the exit that ends the long
  /// segment must count it from its first entry, or replay would allow it too little time.
  @Test func theSliceOfALongSegmentIsCountedFromItsFirstEntry() throws {
    let program = ScriptedProgram(
      [.out(0x80, width: 1)] + Array(repeating: .compute(1), count: 300) + GuestPrograms.finish)
    let unkicked = try record(program)
    let kicked = try record(program, script: ProcessorScript(kicks: [50, 100, 150]))
    #expect(!kicked.kinds.contains(.kick) && kicked.kinds == unkicked.kinds)
    let exits = { (recording: Recording) in recording.events.filter(\.kind.isGuestMade) }
    for (exit, reference) in zip(exits(kicked), exits(unkicked)) {
      #expect(exit.exitTime - exit.entryTime >= reference.exitTime - reference.entryTime)
    }
  }

  @Test func withoutDebuggingSealsAreJumped() throws {
    let recording = try counting([100, 200])
    let replayed = try replay(recording, script: ProcessorScript(debugFeatures: []))
    #expect(replayed.isConsistent)
    #expect(replayed.verdict.sealsJumped == 2 && replayed.verdict.sealsReexecuted == 0)
    #expect(replayed.verdict.jumpedNanoseconds > 0)
    #expect(replayed.verdict.guestNanoseconds > replayed.verdict.jumpedNanoseconds)
    let kicked = recording.events.filter { $0.kind == .kick }
    let slices = kicked.reduce(0) { $0 + $1.exitTime - $1.entryTime }
    #expect(replayed.verdict.jumpedNanoseconds == slices)
    #expect(contents(replayed.memory) == contents(recording.memory))
  }

  @Test func smallEffortJumps() throws {
    let recording = try counting([50, 900])
    var bounds = smallBounds()
    bounds.landingStops = 60
    let replayed = try replay(
      recording, script: ProcessorScript(debugFeatures: [.singleStep]), bounds: bounds)
    #expect(replayed.isConsistent)
    #expect(replayed.verdict.sealsReexecuted == 1 && replayed.verdict.sealsJumped == 1)
  }

  @Test func aStaleKickIsJumpedWhenTheGuestNeverGetsThere() throws {
    // The landing overruns into an exit in the middle of an instruction that writes RAM.
    let program = ScriptedProgram(
      GuestPrograms.initializeInterrupts + GuestPrograms.initializeTimer
        + [.set(.rdi, 0x6000), .compute(1), .touchHidden, .compute(1), .compute(1)]
        + [.inString(0x1f0, width: 2, count: 8), .set(.rcx, 0)] + GuestPrograms.finish)
    let recording = try record(program, script: ProcessorScript(kicks: [19]))
    #expect(recording.kinds.contains(.kick))
    var edited = try recording.editable()
    let seal = try #require(edited.keyframes.firstIndex { $0.kind == .seal })
    var state = try #require(try vcpuState(edited.keyframes[seal]))
    state.registers.rbx = 0x1234
    setState(state, &edited.keyframes[seal])
    for features in Self.features {
      let replayed = try replay(
        recording, bytes: edited.encoded(), script: ProcessorScript(debugFeatures: features))
      // The altered RBX shows at the next exit, but the seal itself must compare equal.
      let mark = Int(edited.keyframes[seal].eventIndex)
      let exit = recording.kinds[mark...].firstIndex { $0.isGuestMade }
      #expect(replayed.divergence?.index == exit.map(UInt64.init))
      #expect(replayed.verdict.sealsJumped == 1)
    }
  }

  @Test(arguments: features)
  func registersThatRecurNeedTheRightMemory(features: DebugFeatures) throws {
    // The loop's registers are the same each time round; only the count in RAM tells.
    let program = ScriptedProgram(
      GuestPrograms.initializeInterrupts + GuestPrograms.initializeTimer
        + [.label("again"), .load(.rax, 0x5000), .add(.rax, 1), .store(.rax, 0x5000)]
        + [.set(.rax, 0), .compute(0), .load(.rbx, 0x5000), .jumpIfBelow(.rbx, 40, "next")]
        + GuestPrograms.finish + [.label("next"), .set(.rbx, 0), .jump("again")])
    for kick in UInt64(90)...105 {
      let recording = try record(program, script: ProcessorScript(kicks: [kick]))
      #expect(recording.kinds.contains(.kick))
      let replayed = try replay(recording, script: ProcessorScript(debugFeatures: features))
      #expect(replayed.isIdentical, "kick at \(kick): \(replayed.verdict)")
      #expect(replayed.verdict.sealsReexecuted == 1)
    }
  }

  @Test func kicksInsideARepeatedInstruction() throws {
    let program = ScriptedProgram(
      GuestPrograms.initializeInterrupts + GuestPrograms.initializeTimer
        + [.set(.rcx, 50), .set(.rdi, 0x6000), .set(.rax, 0x41), .repeatStore]
        + GuestPrograms.finish)
    let recording = try record(program, script: ProcessorScript(kicks: [40]))
    for features in [DebugFeatures.singleStep, [.singleStep, .breakpoint]] {
      let replayed = try replay(recording, script: ProcessorScript(debugFeatures: features))
      #expect(replayed.isIdentical && replayed.verdict.sealsReexecuted == 1)
    }
    let replayed = try replay(recording, script: ProcessorScript(debugFeatures: [.breakpoint]))
    #expect(replayed.isConsistent, "a breakpoint hits once for all iterations")
  }

  /// A request can arrive while the last exit's instruction is unfinished.
  @Test func kicksOnUnfinishedInstructions() throws {
    let accesses: [Operation] = [
      .set(.rbx, 1), .addDevice(GuestPrograms.device), .loadSplit(GuestPrograms.device + 0xffd),
      .storeSplit(GuestPrograms.device + 0xffd), .input(0x60, width: 1),
      .inString(0x1f0, width: 1, count: 4), .readMSR(0x10), .compute(1),
    ]
    let program = ScriptedProgram(
      GuestPrograms.initializeInterrupts + GuestPrograms.initializeTimer + [.set(.rdi, 0x6000)]
        + [.enableInterrupts] + accesses + GuestPrograms.finish + GuestPrograms.handlers)
    for request in UInt64(16)...32 {
      let recording = try record(program, script: ProcessorScript(requests: [request]))
      #expect(recording.failure == nil && recording.end.reason == .debugExit)
      for features in [DebugFeatures([]), [.singleStep]] {
        let replayed = try replay(recording, script: ProcessorScript(debugFeatures: features))
        #expect(replayed.divergence == nil, "request at \(request): \(replayed.verdict)")
        #expect(contents(replayed.memory) == contents(recording.memory))
      }
    }
  }

  @Test func aKickBeforeTheGuestRanLandsWhereItIs() throws {
    let recording = try record(closedWindow, script: ProcessorScript(kicks: [55, 55, 55]))
    #expect(seals(recording) == 3)
    let replayed = try replay(recording, script: ProcessorScript(debugFeatures: []))
    #expect(replayed.verdict.sealsReexecuted == 2, "two need no step at all")
    #expect(replayed.verdict.sealsJumped == 1)
  }

  @Test func exitPlacementIgnoresKicks() throws {
    let recording = try record(
      GuestPrograms.counting(to: 50), policy: quietPolicy { $0.placement = .exit },
      script: ProcessorScript(kicks: [40, 60, 80]))
    #expect(!recording.kinds.contains(.kick))
    #expect(recording.end.keyframeCount == 2)
    #expect(try replay(recording).isIdentical)
  }

  /// A tick waits behind CLI; a kick that is no event falls after STI and may not deliver it.
  @Test func exitPlacementInjectsNothingAtKicks() throws {
    for kick in UInt64(48)...62 {
      let recording = try record(
        closedWindow,
        policy: quietPolicy {
          $0.placement = .exit
          $0.interruptWindowIsExact = false
        }, script: ProcessorScript(kicks: [kick]))
      #expect(try replay(recording).isIdentical, "kick at \(kick)")
    }
  }

  @Test func kicksWithNothingToDoAreNoEvents() throws {
    let program = ScriptedProgram([.compute(1), .compute(1)] + GuestPrograms.finish)
    let recording = try record(program, script: ProcessorScript(kicks: [1, 2, 3]))
    #expect(!recording.kinds.contains(.kick))
  }

  @Test func interruptsFollowTheirSeal() throws {
    let recording = try counting([60])
    let kick = try #require(recording.kinds.firstIndex(of: .kick))
    #expect(Array(recording.kinds[kick...(kick + 2)]) == [.kick, .keyframe, .interrupt])
  }

  /// A window asked for before a jump must still open after it.
  @Test(arguments: [DebugFeatures([]), [.singleStep], [.breakpoint, .singleStep]])
  func requestedWindowsSurviveASeal(features: DebugFeatures) throws {
    let recording = try record(closedWindow, script: ProcessorScript(kicks: [55]))
    let request = try #require(recording.kinds.firstIndex(of: .windowRequest))
    let kick = try #require(recording.kinds.firstIndex(of: .kick))
    let window = try #require(recording.kinds.firstIndex(of: .interruptWindow))
    #expect(request < kick && kick < window)
    let replayed = try replay(recording, script: ProcessorScript(debugFeatures: features))
    #expect(features.isEmpty ? replayed.isConsistent : replayed.isIdentical, "\(replayed.verdict)")
  }

  @Test func aRequestWhileLandingInterrupts() throws {
    let recording = try counting([900])
    for features in Self.features {
      let replayed = try replay(
        recording, script: ProcessorScript(debugFeatures: features, requests: [500]))
      guard case .interrupted = replayed.verdict.outcome else {
        Issue.record("\(replayed.verdict.outcome)")
        continue
      }
    }
  }

  @Test func stopKicksEndTheRecordingWhereTheyFall() throws {
    let program = ScriptedProgram([.label("spin"), .compute(1), .jump("spin")])
    let recording = try record(
      program, policy: quietPolicy { $0.quantumNanoseconds = 500 }
    ) { $0.stopsAfterPolls = 3 }
    #expect(recording.end.reason == .signal && recording.end.detail == 2)
    #expect(recording.kinds == [.keyframe, .kick, .keyframe])
    #expect(recording.events[1].address == KickReason.stop.rawValue)
    #expect(try replay(recording).isIdentical)
    #expect(try replay(recording, script: ProcessorScript(debugFeatures: [])).isConsistent)
  }
}
