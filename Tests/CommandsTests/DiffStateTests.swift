import Analysis
import FoundationEssentials
import Testing
import Trace

extension ProgramTests {
  /// `diff --memory` and `diff --explain`: what they find in real runs.
  @Suite struct DiffStateTests {
    /// A 64-bit guest that prints A, counts, executes `middle`, prints AL and ends.
    private static func program(_ middle: [UInt8], data: UInt8 = 0) -> [UInt8] {
      let code: [UInt8] =
        [0xb0, 0x41, 0x66, 0xba, 0xe9, 0x00, 0xee]  // mov al, 'A'; mov dx, 0xe9; out dx, al
        + [0x31, 0xc9, 0xff, 0xc1, 0x81, 0xf9, 0xc8, 0, 0, 0, 0x75, 0xf6]  // count ECX to 200
        + middle
        + [0x66, 0xba, 0xe9, 0x00, 0xee, 0x66, 0xba, 0xf4, 0x00, 0x31, 0xc0, 0xef, 0xf4]
      return code + [UInt8](repeating: 0, count: 0x100 - code.count) + [data]
    }

    private func record(_ image: [UInt8], _ name: String, in directory: TestDirectory) throws {
      try directory.write(image, to: "\(name).bin")
      let run = try directory.vmreel(
        "record", "--flat", "\(name).bin", "--at", "0x10000", "--entry", "long64", "--tsc", "none",
        "-o", "\(name).reel")
      try #require(run.status == 0, "\(run.story)")
    }

    /// The explanation in the JSON, held against the text's verdict line.
    private func explain(
      _ a: String, _ b: String, in directory: TestDirectory, status: Int32 = 1
    ) throws -> (explanation: Explanation, text: String) {
      let json = try directory.vmreel("diff", a, b, "--explain", "--format", "json")
      #expect(json.status == status, "\(json.story)")
      let difference = try JSONDecoder().decode(ReelDifference.self, from: Data(json.output))
      let explanation = try #require(difference.explanation)
      let text = try directory.vmreel("diff", a, b, "--explain")
      #expect(text.status == status, "\(text.story)")
      #expect(text.text.contains("\nWhy: "), "\(text.story)")
      return (explanation, text.text)
    }

    // MARK: Without KVM

    @Test func anotherInputIsTheCause() throws {
      let directory = try TestDirectory()
      let (found, text) = try explain(
        "\(SecondReader.traces)/echo-hello.reel", "\(SecondReader.traces)/echo-hullo.reel",
        in: directory)
      #expect(found.cause == .input && found.certainty == .certain)
      #expect(found.summary.contains("port 0x3f8 (COM1 RBR)"))
      #expect(found.summary.contains("A 0x65, B 0x75"))
      #expect(found.excluded.contains { $0.cause == .interruptPosition })
      #expect(text.contains("cause: input (certain)"))
    }

    @Test func reelsWithoutPagesAreRefusedInOneSentence() throws {
      let directory = try TestDirectory()
      let linux = "\(SecondReader.traces)/linux/static-kvm_amd.reel"
      let run = try directory.vmreel("diff", linux, linux, "--memory")
      #expect(run.status == 2, "\(run.story)")
      #expect(run.text.contains("The deterministic streams are equal"))
      #expect(run.errors.contains("static-kvm_amd.reel"))
      #expect(run.errors.contains("pages"), "\(run.story)")
    }

    @Test func optionsThatDoNotGoTogetherAreRefused() throws {
      let directory = try TestDirectory()
      let reel = "\(SecondReader.traces)/hello.reel"
      for arguments in [["--at", "5"], ["-q", "--memory"], ["--memory", "--at", "x"]] {
        let run = try directory.vmreel(["diff", reel, reel] + arguments)
        #expect(run.status == 2, "\(run.story)")
      }
      let echo = "\(SecondReader.traces)/echo-"
      let behind = try directory.vmreel(
        "diff", "\(echo)hello.reel", "\(echo)hullo.reel", "--memory", "--at", "200")
      expectTrouble(behind, "--at 200", "event 78", "--at 200,M")
      #expect(behind.text.contains("First difference (77 common events before it)"))
    }

    @Test func equalRunsHaveEqualMemoryAtTheirEnd() throws {
      let directory = try TestDirectory()
      let reel = "\(SecondReader.traces)/hello.reel"
      let run = try directory.vmreel("diff", reel, reel, "--memory", "--explain")
      #expect(run.status == 0, "\(run.story)")
      // The last event is followed by a keyframe, so nothing is replayed.
      #expect(run.text.contains("(keyframe 1 of A and 1 of B)"))
      #expect(run.text.contains("All registers are equal."))
      #expect(run.text.contains("RAM is equal: "))
      #expect(run.text.contains("cause: no difference (certain)"))
    }

    @Test func reelsThatCannotBeReplayedAreComparedAtKeyframes() throws {
      let directory = try TestDirectory()
      let echo = "\(SecondReader.traces)/echo-"
      try directory.write(
        Array(try Data(contentsOf: URL(filePath: "\(echo)hello.reel"))), to: "hello.reel")
      try directory.alterMetadata(of: "hello.reel", to: "odd.reel") { $0.policies.tsc = "lunar" }
      let run = try directory.vmreel("diff", "odd.reel", "\(echo)hullo.reel", "--memory")
      #expect(run.status == 2, "\(run.story)")
      // Without KVM the reason is another one.
      if kvmUnavailable == nil { #expect(run.errors.contains("lunar"), "\(run.story)") }
      #expect(run.errorLines.count == 1, "\(run.story)")
      #expect(run.text.contains("(keyframe 0 of A and 0 of B)"), "\(run.story)")
      #expect(run.text.contains("Note: this is the last common keyframe before the moment"))
      #expect(run.text.contains("RAM is equal: "))
    }

    // MARK: With KVM

    @Test(.needsKVM) func memoryDiffersInTheTypedByteAlone() throws {
      let directory = try TestDirectory()
      let echo = "\(SecondReader.traces)/echo-"
      let run = try directory.vmreel(
        "diff", "\(echo)hello.reel", "\(echo)hullo.reel", "--memory", "--at", "100,100",
        "--format", "json")
      let memory = try #require(
        try JSONDecoder().decode(ReelDifference.self, from: Data(run.output)).memory)
      #expect(run.status == 1 && memory.source == .replay)
      #expect(memory.differingPages == 1)
      let page = try #require(memory.pages.first)
      #expect(page.differingBytes == 1 && page.lines.count == 1)
      let line = try #require(page.lines.first)
      #expect(line.a.contains("6865") && line.b.contains("6875"), "\(line)")
      let before = try directory.vmreel(
        "diff", "\(echo)hello.reel", "\(echo)hullo.reel", "--memory")
      #expect(before.text.contains("State after event 76 of A and event 76 of B"))
      #expect(before.text.contains("RAM is equal: 512 pages compared."), "\(before.story)")
    }

    @Test(.needsKVM) func oneChangedCodeByteIsTheCause() throws {
      let directory = try TestDirectory()
      try record(Self.program([0xb0, 0x42]), "one", in: directory)
      try record(Self.program([0xb0, 0x43]), "two", in: directory)
      let (found, text) = try explain("one.reel", "two.reel", in: directory)
      #expect(found.cause == .codeBytes && found.certainty == .certain, "\(text)")
      let instruction = try #require(found.instruction)
      #expect(instruction.address.value == 0x10013)
      #expect(instruction.a == "mov al, 0x42" && instruction.b == "mov al, 0x43")
      // XOR, then three instructions in each of 200 rounds.
      #expect(instruction.steps == 601)
      #expect(instruction.registers.map(\.name) == ["rax"])
      #expect(text.contains("cause: different code bytes (certain)"))
      try directory.write(Array("0000000000010000 T start\n".utf8), to: "map")
      let named = try directory.vmreel(
        "diff", "one.reel", "two.reel", "--explain", "--memory", "--symbols", "map")
      #expect(named.text.contains("the code at 0x10013 (start+0x13)"), "\(named.story)")
      // The byte's own place in RAM has a name too.
      #expect(named.text.contains("start+0x14"), "\(named.story)")
    }

    @Test(.needsKVM) func memoryThatDiffersFromTheStartIsTheCause() throws {
      let directory = try TestDirectory()
      let load: [UInt8] = [0x8a, 0x04, 0x25, 0x00, 0x01, 0x01, 0x00]  // mov al, [0x10100]
      try record(Self.program(load, data: 0x37), "one", in: directory)
      try record(Self.program(load, data: 0x39), "two", in: directory)
      let (found, text) = try explain("one.reel", "two.reel", in: directory)
      #expect(found.cause == .initialMemory && found.certainty == .certain, "\(text)")
      #expect(found.summary.contains("page 0x10000"))
      #expect(found.excluded.contains { $0.cause == .codeBytes })
    }

    @Test(.needsKVM) func timestampInstructionIsTheCause() throws {
      let directory = try TestDirectory()
      let image = Self.program([0x0f, 0x31, 0x89, 0xc3, 0xb0, 0x42])  // rdtsc; mov ebx, eax
      try record(image, "one", in: directory)
      try record(image, "two", in: directory)
      let (found, text) = try explain("one.reel", "two.reel", in: directory)
      #expect(found.cause == .timestampInstruction && found.certainty == .certain, "\(text)")
      #expect(found.instruction?.a == "rdtsc" && found.instruction?.address.value == 0x10013)
      #expect(found.excluded.contains { $0.cause == .initialMemory })
      #expect(found.excluded.contains { $0.cause == .codeBytes })
    }

    @Test(.needsKVM) func interruptAtAnotherInstructionIsTheCause() throws {
      let directory = try TestDirectory()
      for (name, quantum) in [("one", "3ms"), ("two", "11ms")] {
        let run = try directory.vmreel(
          "record", "--guest", "compute", "--quantum", quantum, "-o", "\(name).reel")
        try #require(run.status == 0, "\(run.story)")
      }
      let (found, text) = try explain("one.reel", "two.reel", in: directory)
      #expect(found.cause == .interruptPosition && found.certainty == .probable, "\(text)")
      #expect(text.contains("cause: interrupt position (probable)"))
      #expect(!found.evidence.isEmpty)
    }
  }
}
