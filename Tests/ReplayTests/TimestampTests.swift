import Machine
import Replay
import Testing
import Trace

/// The freeze policy on scripted processors whose counter, unless frozen, is host time and differs
/// between any two runs; and the patch policy's port.
@Suite struct TimestampTests {
  /// Reads the counter before and after an exit of each of ten rounds and keeps it in RAM.
  static let reader = ScriptedProgram([
    .set(.rcx, 0), .label("loop"), .readTimestamp(.rax), .store(.rax, 0x9000),
    .out(0x80, width: 1), .readTimestamp(.rbx), .sum(.rdi, .rbx), .add(.rcx, 1),
    .jumpIfBelow(.rcx, 10, "loop"), .store(.rdi, 0x9100), .shutdown,
  ])

  private func policy(_ change: (inout RecordingPolicy) -> Void = { _ in }) -> RecordingPolicy {
    quietPolicy {
      $0.tsc = .freeze
      change(&$0)
    }
  }

  @Test func frozenTimestampIsVirtualTime() throws {
    let recording = try record(Self.reader, policy: policy())
    let exits = recording.events.filter { $0.kind == .portWrite }
    #expect(exits.map(\.timestamp) == (1...10).map { $0 * 5_000 + 1 })
    #expect(try replay(recording).isIdentical)
  }

  @Test func withoutFreezingTheReplayDiverges() throws {
    var recording = try record(Self.reader, policy: policy { $0.tsc = .none })
    #expect(recording.events.allSatisfy { $0.timestamp == 0 })
    // The replay's counter then stands at zero, where the recording read host time.
    recording.policy.tsc = .freeze
    #expect(try replay(recording).divergence != nil)
  }

  @Test func taintedRecordingIsSealedAndJumped() throws {
    var script = ProcessorScript()
    script.taints = [(after: 20, drift: 1)]
    let recording = try record(Self.reader, policy: policy(), script: script)
    #expect(recording.events.filter { $0.flags.contains(.tainted) }.count == 1)
    #expect(recording.kinds.filter { $0 == .keyframe }.count == 3, "base, seal, end")
    let replayed = try replay(recording)
    #expect(replayed.isConsistent, "\(replayed.verdict.outcome)")
    #expect(replayed.verdict.sealsJumped == 1)
    #expect(replayed.verdict.events == UInt64(recording.events.count))
    #expect(contents(replayed.memory) == contents(recording.memory))
  }

  /// The drift shows in RAM alone, so only at the seal; until then the stretch agreed and was
  /// counted, which must not happen twice.
  @Test func aDifferenceAtTheSealIsCountedOnce() throws {
    let program = ScriptedProgram([
      .out(0x80, width: 1), .readTimestamp(.rax), .store(.rax, 0x9000), .set(.rax, 0),
      .out(0x80, width: 1), .out(0x80, width: 1), .shutdown,
    ])
    var script = ProcessorScript()
    script.taints = [(after: 2, drift: 1)]
    let recording = try record(program, policy: policy(), script: script)
    #expect(recording.events.filter { $0.flags.contains(.tainted) }.count == 1)
    let replayed = try replay(recording)
    #expect(replayed.isConsistent, "\(replayed.verdict.outcome)")
    #expect(replayed.verdict.sealsJumped == 1)
    #expect(replayed.verdict.events == UInt64(recording.events.count))
    let slices = recording.events.filter(\.kind.isExit).map { $0.exitTime - $0.entryTime }
    #expect(replayed.verdict.guestNanoseconds == slices.reduce(0, +))
    #expect(contents(replayed.memory) == contents(recording.memory))
  }

  @Test func taintThatNobodyReadIsReexecuted() throws {
    var script = ProcessorScript()
    script.taints = [(after: 20, drift: 0)]
    let recording = try record(Self.reader, policy: policy(), script: script)
    let replayed = try replay(recording)
    #expect(replayed.isIdentical, "\(replayed.verdict.outcome)")
    #expect(replayed.verdict.sealsReexecuted == 1)
  }

  /// The replay reads a drifted counter twice, goes back each time and ends identical all the same.
  @Test func taintedReplayGoesBackToItsKeyframe() throws {
    let recording = try record(Self.reader, policy: policy { $0.keyframeExitInterval = 4 })
    var script = ProcessorScript()
    script.taints = [(after: 12, drift: 3), (after: 60, drift: 3)]
    let replayed = try replay(recording, script: script)
    #expect(replayed.isIdentical, "\(replayed.verdict.outcome)")
    #expect(replayed.verdict.rewinds == 2)
    #expect(replayed.verdict.events == UInt64(recording.events.count))
    #expect(replayed.console == recording.console)
  }

  /// The way to a seal goes through a drifted counter, so the landing misses; another try does not.
  @Test(arguments: KickTests.features)
  func taintedLandingIsTriedAgain(features: DebugFeatures) throws {
    let program = ScriptedProgram(
      GuestPrograms.initializeInterrupts + GuestPrograms.initializeTimer
        + [.set(.rbx, 0), .label("read"), .readTimestamp(.rax), .sum(.rdi, .rax), .add(.rbx, 1)]
        + [.jumpIfBelow(.rbx, 100, "read")] + GuestPrograms.finish + GuestPrograms.handlers)
    let recording = try record(
      program, policy: policy { $0.quantumNanoseconds = 60_000 },
      script: ProcessorScript(kicks: [300]))
    #expect(recording.kinds.filter { $0 == .kick }.count == 1)
    var script = ProcessorScript(debugFeatures: features)
    script.taints = (0..<4).map { (after: UInt64(200 + $0), drift: UInt64(3)) }
    let replayed = try replay(recording, script: script)
    #expect(replayed.isIdentical, "\(replayed.verdict.outcome)")
    #expect(replayed.verdict.sealsReexecuted == 1 && replayed.verdict.rewinds == 1)
    #expect(replayed.verdict.events == UInt64(recording.events.count))
    #expect(contents(replayed.memory) == contents(recording.memory))
  }

  @Test func patchedReadsAreAnsweredByVirtualTime() throws {
    let port = UInt16(TimestampPort.number)
    let program = ScriptedProgram([
      .input(port, width: 4), .sum(.rdi, .rax), .input(port, width: 1), .input(port, width: 4),
      .out(0x80, width: 4), .shutdown,
    ])
    let recording = try record(program, policy: quietPolicy { $0.tsc = .patch })
    let inputs = recording.events.filter { $0.kind == .inputData }
    #expect(inputs.map(\.width) == [8, 1, 8])
    #expect(5_000..<6_024 ~= inputs[0].timestamp && 15_000..<16_024 ~= inputs[2].timestamp)
    #expect(try replay(recording).isIdentical)
    let unpatched = try record(program, policy: quietPolicy())
    #expect(unpatched.events.filter { $0.kind == .inputData }.map(\.width) == [4, 1, 4])
  }

  /// Linux's jitter entropy source reads the counter until three readings in a row are uneven.
  @Test func patchedReadsAreUnevenAndNeverGoBack() throws {
    let port = UInt16(TimestampPort.number)
    let program = ScriptedProgram(
      Array(repeating: .input(port, width: 4), count: 64) + [.shutdown])
    let recording = try record(program, policy: quietPolicy { $0.tsc = .patch })
    let values = recording.events.filter { $0.kind == .inputData }.map(\.timestamp)
    let steps = zip(values.dropFirst(), values).map { $0 &- $1 }
    #expect(values.count == 64 && steps.allSatisfy { 3_976...6_024 ~= $0 })
    #expect(Set(steps).count > 48)
  }

  /// RDMSR of the counter agrees with RDTSC right after it under freeze, and moves under patch.
  @Test(arguments: [TSCPolicy.freeze, .patch, .none])
  func theCountersRegisterReadsAsTheCounter(policy: TSCPolicy) throws {
    let program = ScriptedProgram([
      .readMSR(TimestampMSR.number), .sum(.rdi, .rax), .readMSR(0x3b), .readMSR(0x10), .shutdown,
    ])
    let recording = try record(program, policy: quietPolicy { $0.tsc = policy })
    let answers = recording.events.filter { $0.kind == .inputData }
    switch policy {
    case .freeze:
      #expect(answers.map(\.value) == [5_001, 0, 15_001])
      #expect(answers.allSatisfy { $0.value == 0 || $0.value == $0.timestamp })
    case .patch:
      #expect(answers.map { $0.value / 5_000 } == [1, 0, 3])
    case .none: #expect(answers.map(\.value) == [0, 0, 0])
    }
    #expect(try replay(recording).isIdentical)
  }
}
