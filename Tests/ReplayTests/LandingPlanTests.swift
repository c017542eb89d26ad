import Machine
import Replay
import Testing
import Trace

/// Landings that stopping at every arrival would be too slow for.
@Suite struct LandingPlanTests {
  private static let prologue =
    GuestPrograms.initializeInterrupts + GuestPrograms.initializeTimer
    + [Operation.disableInterrupts, .set(.rbx, 0)]

  private func recording(
    _ body: [Operation], kick: UInt64
  ) throws -> Recording {
    let program = ScriptedProgram(Self.prologue + body)
    let recording = try record(
      program, policy: quietPolicy { $0.quantumNanoseconds = 60_000 },
      script: ProcessorScript(kicks: [kick]))
    #expect(recording.kinds.filter { $0 == .kick }.count == 1)
    return recording
  }

  /// A delay loop that is called a hundred times, and stopped in one of the last calls.
  @Test(arguments: [16_000, 16_001, 16_100] as [UInt64])
  func loopsWithoutTheTargetAreLeft(kick: UInt64) throws {
    let recording = try recording(
      [.label("again"), .set(.rcx, 100), .call("delay"), .add(.rbx, 1)]
        + [.jumpIfBelow(.rbx, 100, "again")] + GuestPrograms.finish
        + [.label("delay"), .add(.rcx, .max), .jumpUnlessZero(.rcx, "delay"), .returnFromCall],
      kick: kick)
    let replayed = try replay(recording)
    #expect(replayed.isIdentical, "\(replayed.verdict.outcome)")
    let landing = try #require(replayed.landings.last)
    #expect(landing.isExact && replayed.landings.count == 1)
    // 16 000 instructions are 78 calls with 100 arrivals each.
    #expect(landing.loopsLeft > 70 && landing.stops < 400, "\(landing)")
    let again = try replay(recording, knownLandings: replayed.verdict.landings)
    #expect(again.isIdentical && again.verdict.landings == replayed.verdict.landings)
  }

  /// Stops that another host or hand wrote down: too many, so that the target is run past, and too few.
  @Test(arguments: [UInt64.max, 4_000, 1, 0])
  func wrongKnownLandingsCostNoLanding(stop: UInt64) throws {
    let recording = try recording(
      [.label("again"), .set(.rcx, 100), .call("delay"), .add(.rbx, 1)]
        + [.jumpIfBelow(.rbx, 100, "again")] + GuestPrograms.finish
        + [.label("delay"), .add(.rcx, .max), .jumpUnlessZero(.rcx, "delay"), .returnFromCall],
      kick: 16_000)
    let found = try replay(recording).verdict.landings
    var bounds = smallBounds()
    bounds.landingNanoseconds = 10_000_000
    let replayed = try replay(
      recording, bounds: bounds, knownLandings: found.mapValues { _ in stop })
    #expect(replayed.isIdentical, "\(replayed.verdict.outcome)")
    #expect(replayed.verdict.landings == found, "the right ones take their place")
    #expect(replayed.verdict.rewinds == (stop > 1 ? 1 : 0))
  }

  /// A register that looks as if it told one call from another changes inside the call.
  @Test func aLoopLeftTooEarlyIsGoneBackTo() throws {
    let recording = try recording(
      [.call("twice")] + GuestPrograms.finish
        + [.label("twice"), .set(.rcx, 400), .label("delay"), .add(.rcx, .max)]
        + [.jumpUnlessZero(.rcx, "delay"), .add(.rbx, 1), .set(.rcx, 400)]
        + [.jumpIfBelow(.rbx, 3, "delay"), .returnFromCall],
      kick: 1_500)
    let replayed = try replay(recording)
    #expect(replayed.isIdentical, "\(replayed.verdict.outcome)")
    #expect(replayed.landings.map(\.isExact) == [false, true])
    #expect(replayed.landings[0].isRetried && replayed.landings[0].loopsLeft == 1)
    #expect(replayed.verdict.rewinds == 1 && replayed.verdict.sealsReexecuted == 1)
    #expect(contents(replayed.memory) == contents(recording.memory))
  }

  /// A loop whose registers foretell nothing, so long that the stops of the first plan end in it.
  @Test func whereStopsAreTooManyTheGuestGetsAHeadStart() throws {
    let program = ScriptedProgram(
      [.label("loop"), .compute(1), .jumpIfBelow(.rbx, 1, "loop")] + GuestPrograms.finish)
    let recording = try record(
      program, policy: quietPolicy { $0.quantumNanoseconds = 150_000 }
    ) { $0.stopsAfterPolls = 3 }
    #expect(recording.kinds == [.keyframe, .kick, .keyframe])
    var bounds = smallBounds()
    bounds.landingStops = 400_000
    bounds.landingNanoseconds = 10_000_000
    let replayed = try replay(recording, bounds: bounds)
    #expect(replayed.isIdentical, "\(replayed.verdict.outcome)")
    #expect(replayed.landings.map(\.isRetried) == [true, false])
    let landing = try #require(replayed.landings.last)
    #expect(landing.isExact && landing.timedRuns == 1 && landing.stops < 120_000, "\(landing)")
    #expect(replayed.verdict.landings.isEmpty, "a timer took part")
  }
}
