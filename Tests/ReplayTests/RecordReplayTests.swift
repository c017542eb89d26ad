import Machine
import ReelFixtures
import Replay
import Testing
import Trace

/// Checks that what was recorded replays to the same events, output and RAM.
///
/// The recorded RAM is read from the recording guest itself, not from the reel.
@Suite struct RecordReplayTests {
  private func richRecording(
    _ change: (inout RecordingPolicy) -> Void = { _ in }
  ) throws -> Recording {
    try record(GuestPrograms.rich, policy: quietPolicy(change)) { $0.input = Array("xy".utf8) }
  }

  @Test func richProgramUsesEveryKind() throws {
    let recording = try richRecording()
    #expect(recording.failure == nil)
    #expect(recording.end.reason == .debugExit)
    let missing: Set<EventKind> = [
      .shutdown, .systemEvent, .failure, .kick, .deviceWrite, .resync,
    ]
    for (kind, name) in EventKind.names where !missing.contains(kind) {
      #expect(recording.kinds.contains(kind), "no \(name) event")
    }
    let vectors = recording.events.filter { $0.kind == .interrupt }.map(\.address)
    #expect(Set(vectors) == [0x20, 0x24])
    #expect(recording.console == Array("Hello, reel!\nxy.".utf8))
  }

  @Test func replaysIdenticallyTwentyTimes() throws {
    let recording = try richRecording()
    for _ in 0..<20 {
      let replayed = try replay(recording)
      #expect(replayed.isIdentical, "\(replayed.verdict.outcome)")
      #expect(replayed.verdict.events == recording.end.eventCount)
      #expect(replayed.verdict.guestMadeExits == recording.end.guestMadeExits)
      #expect(replayed.verdict.reelIsWhole)
      #expect(replayed.verdict.finalPagesCompared == 256)
      #expect(replayed.console == recording.console)
      #expect(contents(replayed.memory) == contents(recording.memory))
    }
  }

  @Test(arguments: [1, 2, 3, 5, 64] as [UInt64])
  func periodicKeyframesAreCompared(interval: UInt64) throws {
    let recording = try richRecording { $0.keyframeExitInterval = interval }
    let replayed = try replay(recording)
    #expect(replayed.isIdentical, "\(replayed.verdict.outcome)")
    #expect(replayed.verdict.keyframesCompared == recording.end.keyframeCount)
    #expect(recording.end.keyframeCount >= recording.end.guestMadeExits / (interval * 2))
  }

  @Test func keyframesAreTakenByTime() throws {
    let recording = try richRecording { $0.keyframeIntervalNanoseconds = 20 }
    let marks = recording.events.filter { $0.kind == .keyframe }
    #expect(marks.count > 4)
    for (left, right) in zip(marks, marks.dropFirst().dropLast()) {
      #expect(right.exitTime - left.exitTime >= 20)
    }
    #expect(try replay(recording).isIdentical)
  }

  /// The guest fills pages one after the other, with an exit after each.
  @Test func keyframesAreTakenByChangedPages() throws {
    let fill: [Operation] =
      [.set(.rdi, 0x10000), .set(.rbx, 600), .set(.rax, 7), .label("fill")]
      + [.set(.rcx, 64), .repeatStore, .out(0x80, width: 1), .add(.rbx, .max)]
      + [.jumpUnlessZero(.rbx, "fill")] + GuestPrograms.finish
    var policy = quietPolicy { $0.keyframeDirtyPages = 4 }
    let recording = try record(ScriptedProgram(fill), policy: policy)
    // 600 exits write 64 bytes each: 10 pages; they are looked at after 256 exits.
    #expect(recording.end.keyframeCount == 4)
    #expect(try replay(recording).isIdentical)
    policy.keyframeDirtyPages = 8
    #expect(try record(ScriptedProgram(fill), policy: policy).end.keyframeCount == 3)
  }

  @Test func splitInstructionsHoldNoKeyframe() throws {
    let recording = try richRecording { $0.keyframeExitInterval = 1 }
    for (index, event) in recording.events.enumerated() where event.kind == .keyframe {
      guard index > 0 else { continue }
      let before = recording.events[index - 1]
      let isFirstHalf = before.kind == .memoryWrite && before.width == 3
      #expect(!isFirstHalf, "event \(index) stands inside an instruction")
    }
  }

  @Test func fullDigestsAndResumeFlagAgree() throws {
    let recording = try richRecording { $0.storesFullDigest = true }
    #expect(recording.events.filter { $0.kind.isGuestMade }.allSatisfy { $0.digest != 0 })
    var script = ProcessorScript()
    script.setsResumeFlag = true
    #expect(try replay(recording, script: script).isIdentical, "RF differs at every exit")
  }

  @Test(arguments: [false, true])
  func lateWindowsAreSealed(hasDebug: Bool) throws {
    var script = ProcessorScript()
    script.windowDelay = 2
    let recording = try record(
      GuestPrograms.rich, policy: quietPolicy { $0.interruptWindowIsExact = false },
      script: script
    ) { $0.input = Array("xy".utf8) }
    #expect(recording.end.reason == .debugExit)
    #expect(!recording.kinds.contains(.interruptWindow))
    #expect(!recording.kinds.contains(.windowRequest))
    let late = recording.events.filter {
      $0.kind == .kick && $0.address == KickReason.lateWindow.rawValue
    }
    #expect(!late.isEmpty)
    var replayScript = ProcessorScript()
    if !hasDebug { replayScript.debugFeatures = [] }
    let replayed = try replay(recording, script: replayScript)
    #expect(hasDebug ? replayed.isIdentical : replayed.isConsistent)
    #expect(replayed.verdict.sealsReexecuted + replayed.verdict.sealsJumped == UInt64(late.count))
    #expect(contents(replayed.memory) == contents(recording.memory))
  }

  @Test func exitPlacementNeedsNoWindows() throws {
    let recording = try record(
      GuestPrograms.rich,
      policy: quietPolicy {
        $0.interruptWindowIsExact = false
        $0.placement = .exit
      }
    ) { $0.input = Array("xy".utf8) }
    #expect(!recording.kinds.contains(.windowRequest) && !recording.kinds.contains(.kick))
    #expect(recording.kinds.contains(.interrupt))
    #expect(try replay(recording).isIdentical)
  }

  @Test func warpRecordingsAreEqual() throws {
    let first = try richRecording()
    let second = try richRecording()
    #expect(first.events == second.events)
    #expect(first.end == second.end)
    #expect(first.bytes == second.bytes)
  }

  @Test func partialReelsReplayAsFarAsTheyGo() throws {
    let recording = try record(
      GuestPrograms.rich, policy: quietPolicy { $0.keyframeExitInterval = 7 }, eventsPerBlock: 9
    ) { $0.input = Array("xy".utf8) }
    let reel = try Reel(MemorySource(recording.bytes))
    var events: Set<UInt64> = []
    for block in reel.blocks.dropFirst(4) {
      for extra in [0, 10, 70] {
        let cut = min(Int(block.offset) + extra, recording.bytes.count - 1)
        let replayed = try replay(recording, bytes: Array(recording.bytes[..<cut]))
        #expect(replayed.isIdentical, "cut at \(cut): \(replayed.verdict.outcome)")
        #expect(!replayed.verdict.reelIsWhole)
        events.insert(replayed.verdict.events)
      }
    }
    #expect(events.count > 5)
  }
}
