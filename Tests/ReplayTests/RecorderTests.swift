import Machine
import Replay
import Testing
import Trace

/// Checks how recordings end, and what the clocks and the input do to them.
@Suite struct RecorderTests {
  private let endless = ScriptedProgram(
    [.label("again"), .out(0xe9, width: 1), .add(.rax, 1), .jump("again")])
  private let spinning = ScriptedProgram([.label("spin"), .compute(1), .jump("spin")])

  private func ends(
    _ operations: [Operation], _ reason: EndReason, detail: UInt64 = 0
  ) throws {
    let recording = try record(ScriptedProgram(operations))
    #expect(recording.failure == nil)
    #expect(recording.end.reason == reason)
    #expect(recording.end.detail == detail)
    #expect(recording.end.eventCount == UInt64(recording.events.count))
    #expect(recording.kinds.last == .keyframe)
    #expect(try replay(recording).isIdentical)
  }

  // MARK: Ends

  @Test func guestsEndThemselves() throws {
    try ends(out(0xf4, 3), .debugExit, detail: 7)
    try ends([.set(.rax, 0x2000), .out(0x604, width: 2)], .powerOff)
    try ends([.systemEvent], .powerOff)
    try ends(out(0x64, 0xfe), .reset)
    try ends([.disableInterrupts, .halt], .haltedForever)
    try ends([.enableInterrupts, .halt], .idle)
    try ends([.shutdown], .shutdown)
    try ends([.jump("nowhere")], .processorFailure, detail: 1)
  }

  @Test func shutdownStateIsNotTheGuests() throws {
    let program = ScriptedProgram(out(0x80, 1) + [.shutdown])
    let recording = try record(program, script: ProcessorScript(shutdownRBX: 1))
    #expect(try replay(recording, script: ProcessorScript(shutdownRBX: 2)).isIdentical)
  }

  @Test(arguments: [1, 2, 7] as [UInt64])
  func exitLimit(limit: UInt64) throws {
    let recording = try record(endless, policy: quietPolicy { $0.exitLimit = limit })
    #expect(recording.end.reason == .exitLimit)
    #expect(recording.end.guestMadeExits == limit)
    #expect(try replay(recording).isIdentical)
  }

  @Test func exitLimitInsideAnInstruction() throws {
    let program = ScriptedProgram(
      [.loadSplit(GuestPrograms.device + 0xffd), .label("spin"), .jump("spin")])
    let recording = try record(program, policy: quietPolicy { $0.exitLimit = 1 })
    #expect(recording.end.guestMadeExits == 2, "an instruction is never cut in two")
    #expect(try replay(recording).isIdentical)
  }

  @Test func timeLimit() throws {
    let recording = try record(endless, policy: quietPolicy { $0.timeLimitNanoseconds = 50 })
    #expect(recording.end.reason == .timeLimit)
    // The times of exits are multiples of 16 ns.
    #expect((50...76).contains(recording.end.durationNanoseconds))
    #expect(try replay(recording).isIdentical)
  }

  @Test func timeLimitOfASilentGuest() throws {
    let recording = try record(
      spinning,
      policy: quietPolicy {
        $0.timeLimitNanoseconds = 500
        $0.quantumNanoseconds = 200
      })
    #expect(recording.end.reason == .timeLimit)
    #expect(recording.kinds == [.keyframe, .kick, .keyframe])
    #expect(try replay(recording).isIdentical)
  }

  @Test func aSignalStopsAtTheNextExit() throws {
    let recording = try record(endless) { $0.stopsAfterPolls = 5 }
    #expect(recording.end.reason == .signal && recording.end.detail == 2)
    #expect(recording.end.guestMadeExits == 5)
    #expect(try replay(recording).isIdentical)
  }

  @Test(
    arguments: [
      ("Hello", "Hello"), ("lo, r", "Hello, r"), ("ee", "Hello, ree"), ("Hello, reel?", nil),
    ] as [(String, String?)])
  func untilConsole(text: String, printed: String?) throws {
    let program = ScriptedProgram(
      "Hello, reel!".utf8.flatMap { out(0xe9, UInt64($0)) } + GuestPrograms.finish)
    let recording = try record(
      program, policy: quietPolicy { $0.untilConsole = Array(text.utf8) })
    #expect(recording.end.reason == (printed == nil ? .debugExit : .consoleText))
    #expect(recording.console == Array((printed ?? "Hello, reel!").utf8))
    #expect(try replay(recording).isIdentical)
  }

  @Test func aFailingSinkStopsTheRecording() throws {
    let sink = MemoryReel()
    sink.failsAfterEvents = 6
    let recording = try record(endless, sink: sink)
    #expect(recording.end.reason == .writeFailure)
    #expect(recording.events.count == 7, "six, and the mark of the end")
    #expect(recording.failure == nil)
  }

  // MARK: Processor errors

  @Test func aFailingRunLeavesAValidReel() throws {
    for count in UInt64(0)...25 {
      let recording = try record(
        GuestPrograms.rich,
        policy: quietPolicy { $0.keyframeExitInterval = 3 },
        script: ProcessorScript(failsAfter: count))
      #expect(recording.failure?.operation == "KVM_RUN")
      #expect(recording.end.reason == .processorFailure && recording.end.detail == 5)
      #expect(recording.end.eventCount == UInt64(recording.events.count))
      #expect(try replay(recording).isIdentical, "failed after \(count)")
    }
  }

  @Test func aFailingCaptureLeavesAValidReel() throws {
    for capture in 1...5 {
      let recording = try record(
        GuestPrograms.rich,
        policy: quietPolicy { $0.keyframeExitInterval = 5 },
        script: ProcessorScript(failsCapture: capture))
      #expect(recording.failure?.operation == "KVM_GET_SREGS")
      #expect(recording.end.keyframeCount == UInt64(capture))
      #expect(recording.kinds.filter { $0 == .keyframe }.count == capture)
      #expect(try replay(recording).isIdentical)
    }
  }

  @Test func aFailingSealIsNotIdentical() throws {
    let recording = try record(
      GuestPrograms.counting(to: 400), script: ProcessorScript(kicks: [60], failsCapture: 1))
    #expect(recording.kinds.last == .kick)
    #expect(recording.end.reason == .processorFailure)
    #expect(try replay(recording).isConsistent, "nobody knows where the kick fell")
  }

  @Test func aFailingBaseCaptureIsReported() throws {
    let recording = try record(endless, script: ProcessorScript(failsCapture: 0))
    #expect(recording.failure != nil)
    #expect(recording.end.eventCount == 0)
    #expect(throws: ReplayError.self) { try replay(recording) }
  }

  // MARK: Clocks

  @Test func haltJumpsToTheDeadline() throws {
    let program = ScriptedProgram(
      GuestPrograms.initializeInterrupts + out(0x43, 0x34) + out(0x40, 0) + out(0x40, 0)
        + [.enableInterrupts, .halt] + GuestPrograms.finish + GuestPrograms.handlers)
    let recording = try record(program)
    let period: UInt64 = 65_536 * 1_000_000_000 / 1_193_182
    #expect(recording.end.virtualTime >= period)
    #expect(recording.end.virtualTime <= period + 200_000)
    #expect(recording.host.waits.isEmpty, "warp never sleeps")
    #expect(try replay(recording).isIdentical)
  }

  @Test func realTimeComesFromTheHost() throws {
    let program = ScriptedProgram(
      GuestPrograms.initializeInterrupts + out(0x43, 0x34) + out(0x40, 0) + out(0x40, 0)
        + [.enableInterrupts, .halt] + GuestPrograms.finish + GuestPrograms.handlers)
    let recording = try record(program, policy: quietPolicy { $0.clock = .real }) {
      $0.onWait = { ($0 ?? 0) + 10 }
    }
    #expect(recording.host.waits.count == 1)
    let period: UInt64 = 65_536 * 1_000_000_000 / 1_193_182
    let deadline = try #require(recording.host.waits[0])
    #expect((period...period + 2_000).contains(deadline), "from the host time of the first entry")
    #expect(recording.kinds.contains(.interrupt))
    #expect(recording.end.virtualTime == deadline + 10 - 1_000, "the last sample")
    #expect(try replay(recording).isIdentical)
  }

  @Test func realHaltWithoutWakerIsIdle() throws {
    let program = ScriptedProgram([.enableInterrupts, .halt])
    let recording = try record(program, policy: quietPolicy { $0.clock = .real })
    #expect(recording.end.reason == .idle)
    #expect(recording.host.waits.isEmpty)
  }

  @Test func realHaltWakesForInputSignalsAndTime() throws {
    let program = ScriptedProgram(
      GuestPrograms.initializeInterrupts + out(0x21, 0xef) + out(0x3fc, 0x0b) + out(0x3f9, 1)
        + [.enableInterrupts, .halt] + GuestPrograms.finish + GuestPrograms.handlers)
    let policy = quietPolicy { $0.clock = .real }
    let typed = try record(program, policy: policy) { host in
      host.mayReceiveInput = true
      host.onWait = { [unowned host] _ in
        host.input = [0x61]
        return 9_000
      }
    }
    #expect(typed.console == [0x61] && typed.host.waits == [nil])
    #expect(typed.end.reason == .debugExit)
    #expect(try replay(typed).isIdentical)

    let stopped = try record(program, policy: policy) { host in
      host.mayReceiveInput = true
      host.onWait = { [unowned host] _ in
        host.stopsAfterPolls = 0
        return 9_000
      }
    }
    #expect(stopped.end.reason == .signal)
    #expect(try replay(stopped).isIdentical)

    let limited = try record(
      program,
      policy: quietPolicy {
        $0.clock = .real
        $0.timeLimitNanoseconds = 5_000
      }
    ) { $0.mayReceiveInput = true }
    #expect(limited.end.reason == .timeLimit && limited.host.waits == [6_000])
    #expect(try replay(limited).isIdentical)
  }

  // MARK: Interrupts

  /// Thirty exits with interrupts disabled, in which the timer ticks; then they are enabled.
  private let deaf = ScriptedProgram(
    GuestPrograms.initializeInterrupts + GuestPrograms.initializeTimer
      + [.set(.rcx, 30), .label("deaf"), .out(0x80, width: 1), .add(.rcx, .max)]
      + [.jumpUnlessZero(.rcx, "deaf"), .enableInterrupts, .compute(2)] + out(0xe9, 0x2e)
      + out(0xe9, 0x2e) + GuestPrograms.finish + GuestPrograms.handlers)

  /// How many events an interrupt waited: a window is asked for at once when it is pending, so the
  /// request says since when.
  @Test func aDelayedInterruptTellsHowLongItWaited() throws {
    let exact = try record(deaf)
    let request = try #require(exact.kinds.firstIndex(of: .windowRequest))
    let first = try #require(exact.kinds.firstIndex(of: .interrupt))
    #expect(request > 0 && first - request > 5)
    #expect(exact.events[first].waited == UInt32(first - request))
    #expect(try replay(exact).isIdentical)

    // Without exact windows the same exit made it pending, and no event says so.
    let pending = exact.kinds[..<request].count { $0.isGuestMade }
    let late = try record(
      deaf,
      policy: quietPolicy {
        $0.interruptWindowIsExact = false
        $0.placement = .exit
      })
    let injected = try #require(late.kinds.firstIndex(of: .interrupt))
    let exits = late.kinds.indices.filter { late.kinds[$0].isGuestMade }
    #expect(!late.kinds.contains(.windowRequest))
    #expect(late.events[injected].waited == UInt32(injected - (exits[pending - 1] + 1)))
    #expect(try replay(late).isIdentical)
  }

  @Test func anInterruptInjectedAtOnceWaitedForNothing() throws {
    let program = ScriptedProgram(
      GuestPrograms.initializeInterrupts + GuestPrograms.initializeTimer
        + [.enableInterrupts, .halt, .halt, .set(.rcx, 40)]
        + [.label("ready"), .out(0x80, width: 1), .add(.rcx, .max)]
        + [.jumpUnlessZero(.rcx, "ready")] + GuestPrograms.finish + GuestPrograms.handlers)
    let recording = try record(program)
    let interrupts = recording.events.filter { $0.kind == .interrupt }
    #expect(interrupts.count > 3)
    #expect(interrupts.allSatisfy { $0.waited == 0 }, "\(interrupts.map(\.waited))")
    #expect(recording.events.allSatisfy { $0.kind == .interrupt || $0.waited == 0 })
  }

  // MARK: Input

  @Test func inputWaitsUntilTheGuestListens() throws {
    // The FIFO reset would lose what came before it; two polls of LSR in a row are listening.
    let poll: [Operation] =
      [.label("poll"), .input(0x3fd, width: 1), .store(.rax, 0x5000), .load(.rbx, 0x5000)]
      + [.jumpIfBelow(.rbx, 0x61, "poll"), .input(0x3f8, width: 1), .out(0xe9, width: 1)]
    let program = ScriptedProgram(
      out(0x80, 1) + out(0x3fa, 7) + out(0x80, 2) + poll + GuestPrograms.finish)
    let recording = try record(program) { $0.input = Array("q".utf8) }
    #expect(recording.console == Array("q".utf8))
    let polls = recording.events.filter { $0.kind == .portRead && $0.address == 0x3fd }
    #expect(polls.count == 3, "nothing before the second poll")
    #expect(try replay(recording).isIdentical)
  }

  @Test func inputStaysInOrderBeyondTheReceiver() throws {
    let text = Array("abcdefghijklmnopqrstuvwxyz".utf8)
    let program = ScriptedProgram(
      GuestPrograms.initializeInterrupts + out(0x21, 0xef) + out(0x3fc, 0x0b) + out(0x3f9, 1)
        + [.enableInterrupts, .label("wait"), .halt, .jump("wait")] + GuestPrograms.handlers)
    let recording = try record(program) { $0.input = text }
    #expect(recording.console == text)
    #expect(recording.end.reason == .idle)
    #expect(try replay(recording).isIdentical)
  }
}
