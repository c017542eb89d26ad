import Analysis
import FoundationEssentials
import Testing
import Trace

extension ProgramTests {
  /// `diff --explain` of guests that execute RDTSC or RDRAND often: what it counts and claims.
  @Suite(.needsKVM) struct DiffSiteTests {
    private static let readCounter: [UInt8] = [0x0f, 0x31]  // rdtsc
    private static let readRandom: [UInt8] = [0x0f, 0xc7, 0xf0]  // rdrand eax
    private static let add: [UInt8] = [0x01, 0xc3]  // add ebx, eax
    private static let forget: [UInt8] = [0x31, 0xc0, 0x31, 0xd2]  // xor eax, eax; xor edx, edx

    /// A 64-bit guest that prints A, counts to `delay` in three instructions each, executes `body` 300
    /// times from 0x10018 on, then `after`, prints BL and ends.
    private static func program(
      _ body: [UInt8], delay: UInt16 = 10, after: [UInt8] = [], data: UInt8 = 0
    ) -> [UInt8] {
      let loop = body + [0xff, 0xcf]  // dec edi
      let code: [UInt8] =
        [0xb0, 0x41, 0x66, 0xba, 0xe9, 0x00, 0xee, 0x31, 0xc9, 0xff, 0xc1, 0x81, 0xf9]
        + [UInt8(delay & 0xff), UInt8(delay >> 8), 0, 0, 0x75, 0xf6, 0xbf, 0x2c, 0x01, 0, 0] + loop
        + [0x75, 0 &- UInt8(loop.count + 2)] + after
        + [0x66, 0xba, 0xe9, 0x00, 0x88, 0xd8, 0xee, 0x66, 0xba, 0xf4, 0x00, 0x31, 0xc0, 0xef]
      return code + [UInt8](repeating: 0, count: 0x100 - code.count) + [data]
    }

    private func record(_ image: [UInt8], _ name: String, in directory: TestDirectory) throws {
      try directory.write(image, to: "\(name).bin")
      let run = try directory.vmreel(
        "record", "--flat", "\(name).bin", "--at", "0x10000", "--entry", "long64", "--tsc", "none",
        "-o", "\(name).reel")
      try #require(run.status == 0, "\(run.story)")
    }

    /// Records two guests and explains why they part, with a symbol at the loop.
    private func explain(_ a: [UInt8], _ b: [UInt8]) throws -> Explanation {
      let directory = try TestDirectory()
      try record(a, "one", in: directory)
      try record(b, "two", in: directory)
      try directory.write(Array("0000000000010018 T reader\n".utf8), to: "map")
      let run = try directory.vmreel(
        "diff", "one.reel", "two.reel", "--explain", "--symbols", "map", "--format", "json")
      #expect(run.status == 1, "\(run.story)")
      let difference = try JSONDecoder().decode(ReelDifference.self, from: Data(run.output))
      return try #require(difference.explanation)
    }

    @Test func theCounterIsNamedBeyondSingleSteps() throws {
      // 180,000 instructions before the first RDTSC.
      let image = Self.program(Self.readCounter + Self.add, delay: 60_000)
      let found = try explain(image, image)
      #expect(found.cause == .timestampInstruction && found.certainty == .certain)
      #expect(
        found.summary
          == "RDTSC executed at 0x10018 (reader) 300 times after event 1, before the first "
          + "difference: certain cause")
      let site = try #require(found.sites?.first)
      #expect(found.sites?.count == 1 && site.count == 300)
      #expect(site.address.value == 0x10018 && site.symbol == "reader")
      #expect(site.instruction == "rdtsc")
      #expect(found.instruction == nil)
      #expect(found.excluded.contains { $0.cause == .initialMemory })
      #expect(!found.excluded.contains { $0.cause == .timestampInstruction })
    }

    /// Work of more than a second, on a terminal and not; what is found is the same.
    @Test(
      .enabled(
        if: FileManager.default.isExecutableFile(atPath: "/usr/bin/script"),
        "no script(1) to make a terminal: install bsdutils"))
    func progressIsShownOnATerminalOnly() throws {
      let directory = try TestDirectory()
      let image = Self.program(Self.readCounter + Self.add, delay: 60_000)
      try record(image, "one", in: directory)
      try record(image, "two", in: directory)
      let command = "vmreel diff --explain one.reel two.reel"
      let plain = try directory.shell(command)
      #expect(plain.status == 1 && plain.errors.isEmpty, "\(plain.story)")
      let shown = try directory.shell("script -qec '\(command) > found' /dev/null < /dev/null")
      #expect(shown.status == 1, "\(shown.story)")
      #expect(try directory.read("found") == plain.output)
      #expect(
        shown.text.contains("\rexplaining: stepping both, at most 100000 instructions"),
        "\(shown.story)")
      #expect(shown.text.hasSuffix("\r\u{1b}[K"), "\(shown.story)")
    }

    @Test func everyExecutionIsForcedNotTheFirstAlone() throws {
      // The second image's bytes of RDTSC stand in a MOV too: they are no site.
      let image = Self.program(Self.readCounter + Self.add + [0xbd, 0x0f, 0x31, 0, 0])
      let found = try explain(image, image)
      #expect(found.cause == .timestampInstruction && found.certainty == .certain)
      #expect(found.sites?.map(\.count) == [300])
      // Single steps come to the first.
      #expect(found.instruction?.address.value == 0x10018)
    }

    @Test func theCounterIsNotBlamedForOtherDifferences() throws {
      let load: [UInt8] = [0x8a, 0x1c, 0x25, 0x00, 0x01, 0x01, 0x00]  // mov bl, [0x10100]
      let after = Self.forget + [0x31, 0xdb] + load
      let body = Self.readCounter + Self.add
      let found = try explain(
        Self.program(body, after: after, data: 0x37), Self.program(body, after: after, data: 0x39))
      #expect(found.cause == .notFound && found.certainty == .unknown)
      #expect(found.sites?.map(\.count) == [300])
      #expect(found.summary.contains("but with A's results in B the guests still part"))
      let exclusion = found.excluded.first { $0.cause == .timestampInstruction }
      #expect(exclusion?.how.contains("the difference stays") == true)
    }

    @Test func aReplayUnlikeTheLogProvesNothing() throws {
      // mov edx, eax; or dh, 0x80; out dx, al: the counter chooses one of 32,768 ports.
      let image = Self.program(
        Self.readCounter + Self.add, after: [0x89, 0xc2, 0x80, 0xce, 0x80, 0xee])
      let found = try explain(image, image)
      #expect(found.cause == .timestampInstruction && found.certainty == .probable)
      #expect(
        found.summary.hasSuffix(
          "300 times after event 1, before the first difference: probable cause"))
      #expect(found.evidence.contains { $0.contains("is not the one in A's log") })
    }

    @Test(.needsRandomInstruction) func randomNumbersAreTheCause() throws {
      let image = Self.program(Self.readRandom + Self.add)
      let found = try explain(image, image)
      #expect(found.cause == .randomInstruction && found.certainty == .certain)
      #expect(found.sites?.map(\.instruction) == ["rdrand eax"])
      #expect(found.sites?.map(\.count) == [300])
    }

    @Test(.needsRandomInstruction) func ofTwoKindsTheOneThatMattersIsTheCause() throws {
      let image = Self.program(
        Self.readCounter + Self.forget + Self.readRandom + Self.add, after: Self.forget)
      let found = try explain(image, image)
      #expect(found.cause == .randomInstruction && found.certainty == .certain)
      #expect(found.sites?.map(\.instruction) == ["rdtsc", "rdrand eax"])
      #expect(found.sites?.map(\.count) == [300, 300])
      let exclusion = found.excluded.first { $0.cause == .timestampInstruction }
      #expect(exclusion?.how.contains("alone in B the difference stays") == true)
    }
  }
}

extension Trait where Self == ConditionTrait {
  /// Skips, with the reason, where the processor has no RDRAND.
  static var needsRandomInstruction: Self {
    let facts = (try? String(contentsOf: URL(filePath: "/proc/cpuinfo"), encoding: .utf8)) ?? ""
    return .enabled(if: facts.contains(" rdrand"), "this processor has no RDRAND")
  }
}
