import Analysis
import FoundationEssentials
import Machine
import Replay
import Testing
import Trace

extension ProgramTests {
  /// `replay --explain`: what it finds in reels of guests that are not controlled, and in altered ones.
  @Suite(.needsKVM) struct ReplayExplanationTests {
    /// A 64-bit guest that prints A, executes `middle` from 0x10007 on, prints BL and then B to I, and
    /// ends.
    private static func program(_ middle: [UInt8]) -> [UInt8] {
      let letters: [UInt8] = (0x42...0x49).flatMap { [0xb0, $0, 0xee] }  // mov al, c; out dx, al
      return [0xb0, 0x41, 0x66, 0xba, 0xe9, 0x00, 0xee] + middle
        + [0x66, 0xba, 0xe9, 0x00, 0x88, 0xd8, 0xee]  // mov dx, 0xe9; mov al, bl; out dx, al
        + letters + [0x66, 0xba, 0xf4, 0x00, 0x31, 0xc0, 0xef, 0xf4]
    }

    private func record(
      _ image: [UInt8], _ name: String = "r", in directory: TestDirectory, _ more: [String] = []
    ) throws {
      try directory.write(image, to: "\(name).bin")
      let run = try directory.vmreel(
        [
          "record", "--flat", "\(name).bin", "--at", "0x10000", "--entry", "long64", "--tsc",
          "none",
        ]
          + ["-o", "\(name).reel"] + more)
      try #require(run.status == 0, "\(run.story)")
    }

    private struct Verdict: Decodable {
      struct Divergence: Decodable { var index: UInt64 }
      var outcome: String
      var divergence: Divergence?
      var explanation: DivergenceExplanation?
    }

    /// The explanation in the JSON; the text must say the same behind the unchanged report.
    private func explain(
      _ name: String, in directory: TestDirectory, _ more: [String] = []
    ) throws -> (found: DivergenceExplanation, text: String) {
      let json = try directory.vmreel(["replay", name, "--explain", "--format", "json"] + more)
      #expect(json.status == 1, "\(json.story)")
      let verdict = try JSONDecoder().decode(Verdict.self, from: Data(json.output))
      #expect(verdict.outcome == "diverged")
      let found = try #require(verdict.explanation, "\(json.story)")
      #expect(found.event == verdict.divergence?.index)
      let text = try directory.vmreel(["replay", name, "--explain"] + more)
      #expect(text.status == 1, "\(text.story)")
      #expect(text.errors.contains("diverged at event "), "\(text.story)")
      #expect(text.errors.contains("\n\nWhy: "), "\(text.story)")
      return (found, text.errors)
    }

    // MARK: Guests that are not controlled

    @Test func theCounterIsNamedWithItsInstruction() throws {
      let directory = try TestDirectory()
      // rdtsc; mov ebx, eax
      try record(Self.program([0x0f, 0x31, 0x89, 0xc3]), in: directory)
      try directory.write(Array("0000000000010000 T start\n".utf8), to: "map")
      let (found, text) = try explain("r.reel", in: directory, ["--symbols", "map"])
      #expect(found.event == 2 && found.startKeyframe == 0 && found.repetitions.count == 3)
      #expect(!found.isRepeatable)
      let explanation = found.explanation
      #expect(explanation.cause == .timestampInstruction && explanation.certainty == .certain)
      #expect(explanation.instruction?.address.value == 0x10007)
      #expect(explanation.instruction?.symbol == "start+0x7")
      #expect(explanation.instruction?.a == "rdtsc")
      #expect(explanation.instruction?.registers.contains { $0.name == "rax" } == true)
      #expect(text.contains("cause: RDTSC (certain)"), "\(text)")
      #expect(text.contains("A and B are two further replays of this reel."), "\(text)")
    }

    @Test func theCounterIsCountedBeyondSingleSteps() throws {
      let directory = try TestDirectory()
      // mov ecx, 60000; 2: dec ecx; jnz 2b; mov edi, 20; 1: rdtsc; add ebx, eax; dec edi; jnz 1b
      try record(
        Self.program(
          [0xb9, 0x60, 0xea, 0, 0, 0xff, 0xc9, 0x75, 0xfc, 0xbf, 20, 0, 0, 0]
            + [0x0f, 0x31, 0x01, 0xc3, 0xff, 0xcf, 0x75, 0xf8]), in: directory)
      let explanation = try explain("r.reel", in: directory).found.explanation
      #expect(explanation.cause == .timestampInstruction && explanation.certainty == .certain)
      #expect(explanation.sites?.map(\.count) == [20])
      #expect(explanation.sites?.first?.address.value == 0x10015)
    }

    @Test func aCounterKeptInMemoryIsNoMoreThanProbableLater() throws {
      let directory = try TestDirectory()
      let address: [UInt8] = [0x25, 0x00, 0x00, 0x02, 0x00]
      // mov edi, 20; 1: rdtsc; add ebx, eax; dec edi; jnz 1b; mov [0x20000], ebx; xor eax, eax; cdq;
      // xor ebx, ebx; out 0x80, al; mov bl, [0x20000]
      try record(
        Self.program(
          [0xbf, 20, 0, 0, 0, 0x0f, 0x31, 0x01, 0xc3, 0xff, 0xcf, 0x75, 0xf8]
            + [0x89, 0x1c] + address + [0x31, 0xc0, 0x99, 0x31, 0xdb, 0xe6, 0x80]
            + [0x8a, 0x1c] + address), in: directory)
      let (found, text) = try explain("r.reel", in: directory)
      #expect(found.event == 3 && found.explanation.lastEqual?.a == 1, "\(text)")
      let explanation = found.explanation
      #expect(explanation.cause == .timestampInstruction && explanation.certainty == .probable)
      #expect(explanation.sites?.map(\.count) == [20])
      #expect(explanation.state?.pages.map(\.address.value) == [0x20000])
      #expect(explanation.summary.hasSuffix(": probable cause"), "\(text)")
      #expect(!text.contains("certain cause"), "\(text)")
    }

    @Test func aDivergenceThatDoesNotComeAgainIsSaidToBeOne() throws {
      let directory = try TestDirectory()
      // rdtsc; and al, 0xe0 (bits 5 to 7); jnz +2; mov bl, 1; xor eax, eax; cdq: one run in eight
      // prints 1.
      let image = Self.program([0x0f, 0x31, 0x24, 0xe0, 0x75, 0x02, 0xb3, 0x01, 0x31, 0xc0, 0x99])
      var recordings = 0
      repeat {
        try record(image, "r\(recordings)", in: directory)
        recordings += 1
        // The odds of a hundred are 1 in 10^90.
        try #require(recordings < 100)
      } while try directory.events(of: "r\(recordings - 1).reel")[2].value != 0
      // One replay in twelve differs where the next three do not: the odds against it are 1 in 10^9.
      for _ in 0..<240 {
        let run = try directory.vmreel(
          "replay", "r\(recordings - 1).reel", "--explain", "--format", "json")
        let verdict = try JSONDecoder().decode(Verdict.self, from: Data(run.output))
        #expect((verdict.explanation != nil) == (verdict.outcome == "diverged"))
        guard let found = verdict.explanation else { continue }
        // Whatever the chances were: nothing is certain unless each replay differed.
        let agreeing = found.repetitions.count { $0.event == nil }
        #expect(agreeing == 0 || found.explanation.certainty != .certain, "\(run.story)")
        guard agreeing == found.repetitions.count else { continue }
        #expect(found.explanation.summary.hasPrefix("it does not diverge a second time; "))
        #expect(found.repetitionSentence.contains("agrees with the log up to event \(found.event)"))
        return
      }
      Issue.record("in 240 replays no divergence failed to come again")
    }

    @Test func aCounterInAKeyframesMemoryIsNamed() throws {
      let directory = try TestDirectory()
      // rdtsc; mov [0x20000], eax; xor eax, eax; cdq; out 0x80, al; a keyframe follows.
      try record(
        Self.program(
          [0x0f, 0x31, 0x89, 0x04, 0x25, 0x00, 0x00, 0x02, 0x00, 0x31, 0xc0, 0x99, 0xe6, 0x80]),
        in: directory, ["--keyframe-every", "2"])
      let (found, text) = try explain("r.reel", in: directory)
      #expect(found.event == 3 && !found.isRepeatable, "\(text)")
      #expect(found.keyframeState?.pages.map(\.address.value) == [0x20000], "\(text)")
      #expect(found.explanation.cause == .timestampInstruction, "\(text)")
      #expect(found.explanation.certainty == .probable, "\(text)")
    }

    // MARK: Altered logs

    @Test func anAlteredInputIsFoundAndNotBlamedOnTheCounter() throws {
      let directory = try TestDirectory()
      let reel = "\(SecondReader.traces)/echo-hello.reel"
      try directory.write(Array(try Data(contentsOf: URL(filePath: reel))), to: "r.reel")
      // The first typed letter, h: event 74 of the sample.
      #expect(try directory.events(of: "r.reel")[74].value == 0x68)
      try directory.alterEvent(74, of: "r.reel", to: "a.reel") { $0.value = 0x6a }
      let (found, text) = try explain("a.reel", in: directory)
      #expect(found.event == 75 && found.isRepeatable, "\(text)")
      let explanation = found.explanation
      #expect(explanation.cause == .deviceValue && explanation.certainty == .certain, "\(text)")
      #expect(explanation.summary.contains("input event 74"))
      #expect(explanation.summary.contains("it says 0x6a, and 0x68 fits"), "\(text)")
      #expect(!text.contains("RDTSC"), "\(text)")
    }

    @Test func nearTheLogsEndTheLastKeyframeTells() throws {
      let directory = try TestDirectory()
      let reel = "\(SecondReader.traces)/echo-hello.reel"
      try directory.write(Array(try Data(contentsOf: URL(filePath: reel))), to: "r.reel")
      // The last answer: two exits and a keyframe follow.
      let events = try directory.events(of: "r.reel")
      let index = try #require(events.lastIndex { $0.kind == .inputData })
      try #require(events[index...].count { $0.kind.isGuestMade } == 2)
      try directory.alterEvent(EventIndex(index), of: "r.reel", to: "a.reel") { $0.value ^= 1 }
      let explanation = try explain("a.reel", in: directory).found.explanation
      #expect(explanation.cause == .deviceValue && explanation.certainty == .certain)
      #expect(
        explanation.summary.hasSuffix("it says 0x61, and 0x60 fits"), "\(explanation.summary)")
      // Without its digest 16 bits are left, which are no proof.
      try directory.alterKeyframe(1, of: "a.reel", to: "b.reel") { $0.digest ^= 1 }
      let open = try directory.vmreel("replay", "b.reel", "--explain")
      #expect(open.status == 1 && open.errors.contains("\nWhy: not found: "), "\(open.story)")
      #expect(!open.errors.contains("cause: "), "\(open.story)")
    }

    @Test func anAlteredOutputIsTheLogs() throws {
      let directory = try TestDirectory()
      try record(Self.program([0x31, 0xdb]), in: directory)
      try directory.alterEvent(3, of: "r.reel", to: "a.reel") { $0.value = 0x58 }
      let (found, text) = try explain("a.reel", in: directory)
      #expect(found.event == 3 && found.isRepeatable)
      #expect(found.explanation.cause == .log && found.explanation.certainty == .certain, "\(text)")
      #expect(
        found.explanation.summary == "the log does not hold event 3 as it was recorded", "\(text)")
    }

    @Test func anotherGuestThanTheRecordedIsNoCauseFound() throws {
      let directory = try TestDirectory()
      try record(Self.program([0x31, 0xdb]), in: directory)
      // A changed register in the first keyframe: the guest the log tells of had another.
      try directory.alterKeyframe(0, of: "r.reel", to: "a.reel") { keyframe in
        try Self.alterRegisters(&keyframe) { $0.r15 = 0x1234 }
      }
      let (found, text) = try explain("a.reel", in: directory)
      #expect(found.isRepeatable)
      #expect(found.explanation.cause == .notFound && found.explanation.certainty == .unknown)
      #expect(found.explanation.summary.contains("the replay is repeatable here"), "\(text)")
      let exclusion = found.explanation.excluded.first { $0.cause == .timestampInstruction }
      #expect(exclusion?.how.hasPrefix("none of the ") == true, "\(text)")
    }

    @Test func whatNoCheckIsOfDoesNotProveTheLogWrong() throws {
      let directory = try TestDirectory()
      try record(Self.program([0x31, 0xdb]), in: directory)
      // A guest that tests a counter may leave other flags, or write at another place, and no other
      // register: each check fits then, whether the log was altered or the guest did something else.
      for (field, change) in [
        ("arithmetic flags", { (event: inout Event) in event.arithmeticFlags ^= 0x40 }),
        ("rip", { (event: inout Event) in event.rip += 3 }),
      ] {
        try directory.alterEvent(3, of: "r.reel", to: "a.reel", change)
        let (found, text) = try explain("a.reel", in: directory)
        #expect(found.event == 3 && found.isRepeatable, "\(text)")
        #expect(found.explanation.cause == .notFound, "\(text)")
        #expect(found.explanation.certainty == .unknown, "\(text)")
        #expect(text.contains("no check in the log is of \(field) at this exit"), "\(text)")
      }
    }

    @Test func anAlteredValueIsNotRuledOutBecauseAnotherIsAlteredToo() throws {
      let directory = try TestDirectory()
      let reel = "\(SecondReader.traces)/echo-hello.reel"
      try directory.write(Array(try Data(contentsOf: URL(filePath: reel))), to: "r.reel")
      let events = try directory.events(of: "r.reel")
      let next = try #require(events[75...].firstIndex { $0.kind == .inputData })
      try directory.alterEvent(74, of: "r.reel", to: "a.reel") { $0.value = 0x6a }
      try directory.alterEvent(EventIndex(next), of: "a.reel", to: "b.reel") { $0.value ^= 2 }
      let (found, text) = try explain("b.reel", in: directory)
      #expect(found.event == 75 && found.explanation.certainty == .unknown, "\(text)")
      #expect(!found.explanation.excluded.contains { $0.cause == .deviceValue }, "\(text)")
      #expect(text.contains("none of the 255 other values of input event 74"), "\(text)")
    }

    @Test func theCounterIsNotRuledOutBeforeTheInstructionsLookedAt() throws {
      let directory = try TestDirectory()
      try record(Self.program([0x31, 0xdb]), in: directory)
      // As if BL had been read from what an RDTSC before event 1 left in memory, in a bit that both
      // replays got alike.
      try directory.alterEvent(2, of: "r.reel", to: "a.reel") {
        $0.value = 0x58
        $0.check ^= 1
      }
      let (found, text) = try explain("a.reel", in: directory)
      #expect(found.event == 2 && found.isRepeatable, "\(text)")
      #expect(found.explanation.cause == .notFound, "\(text)")
      #expect(!found.explanation.excluded.contains { $0.cause == .timestampInstruction }, "\(text)")
      #expect(text.contains("single-stepped behind event 1 none is RDTSC, "), "\(text)")
    }

    @Test func theProcessorsIdentificationIsNoMoreThanProbable() throws {
      let directory = try TestDirectory()
      // mov eax, 0; cpuid; xor ebx, ebx
      try record(Self.program([0xb8, 0, 0, 0, 0, 0x0f, 0xa2, 0x31, 0xdb]), in: directory)
      // An exit with a check of its own that does not fit the replay: as another machine's would not.
      try directory.alterEvent(2, of: "r.reel", to: "a.reel") {
        $0.value = 0x58
        $0.check ^= 1
      }
      let (found, text) = try explain("a.reel", in: directory)
      #expect(found.event == 2 && found.isRepeatable)
      let explanation = found.explanation
      #expect(explanation.cause == .identification && explanation.certainty == .probable, "\(text)")
      #expect(explanation.sites?.map(\.instruction) == ["cpuid"])
      #expect(explanation.sites?.first?.address.value == 0x1000c)
      #expect(!explanation.excluded.contains { $0.cause == .identification })
    }

    // MARK: Altered keyframes

    private static func alterRegisters(
      _ keyframe: inout Keyframe, _ change: (inout GeneralRegisters) -> Void
    ) throws {
      var state = try #require(try VCPUState(stateEntries: keyframe.vcpuStates))
      change(&state.registers)
      keyframe.vcpuStates = state.entries.map {
        StateEntry(kind: $0.kind, version: $0.version, bytes: $0.bytes)
      }
    }

    @Test func aRegisterOfAKeyframeIsNamed() throws {
      let directory = try TestDirectory()
      try record(Self.program([0x31, 0xdb]), in: directory, ["--keyframe-every", "3"])
      try directory.alterKeyframe(1, of: "r.reel", to: "a.reel") { keyframe in
        try Self.alterRegisters(&keyframe) { $0.r14 = 0xbeef }
      }
      let (found, text) = try explain("a.reel", in: directory)
      let state = try #require(found.keyframeState, "\(text)")
      #expect(state.registers.map(\.name) == ["r14"] && state.differingPages == 0)
      #expect(text.contains("register r14: recorded 0xbeef, replayed 0x0"), "\(text)")
      #expect(found.isRepeatable && found.explanation.certainty != .certain, "\(text)")
      #expect(
        found.explanation.evidence.contains { $0.hasPrefix("going on without the keyframe, ") },
        "\(text)")
    }

    @Test func aPageOfAKeyframeIsShownByItsBytes() throws {
      let directory = try TestDirectory()
      // mov dword [0x20010], 0x12345678
      let store: [UInt8] = [0xc7, 0x04, 0x25, 0x10, 0x00, 0x02, 0x00, 0x78, 0x56, 0x34, 0x12]
      try record(Self.program(store), in: directory, ["--keyframe-every", "3"])
      try directory.alterKeyframe(1, of: "r.reel", to: "a.reel") { keyframe in
        let place = try #require(keyframe.pages.firstIndex { $0.page == 0x20 })
        keyframe.pages.remove(at: place)
      }
      try directory.write(Array("0000000000020000 D table\n".utf8), to: "map")
      let (found, text) = try explain("a.reel", in: directory, ["--symbols", "map"])
      let state = try #require(found.keyframeState, "\(text)")
      #expect(state.registers.isEmpty && state.differingPages == 1)
      let page = try #require(state.pages.first)
      #expect(page.address.value == 0x20000 && page.differingBytes == 4)
      #expect(page.lines.first?.symbol == "table+0x10", "\(text)")
      #expect(text.contains("      replayed 78 56 34 12 00"), "\(text)")
    }

    // MARK: Bounds

    @Test func nothingIsExplainedWhereNothingDiverged() throws {
      let directory = try TestDirectory()
      try record(Self.program([0x31, 0xdb]), in: directory)
      let run = try directory.vmreel("replay", "r.reel", "--explain")
      #expect(run.status == 0 && run.errors.hasPrefix("identical: "), "\(run.story)")
      #expect(!run.errors.contains("Why:"))
      for other in [["--jobs", "2"], ["--segment", "1/2"], ["--at", "1", "--dump-state"]] {
        let refused = try directory.vmreel(["replay", "r.reel", "--explain"] + other)
        #expect(refused.status == 2 && refused.errors.contains("--explain"), "\(refused.story)")
      }
      let alone = try directory.vmreel("replay", "r.reel", "--symbols", "map")
      #expect(alone.status == 2 && alone.errors.contains("--symbols needs --explain"))
    }
  }
}
