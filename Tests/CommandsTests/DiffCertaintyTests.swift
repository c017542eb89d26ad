import Analysis
import FoundationEssentials
import Testing

extension ProgramTests {
  /// `diff --explain` of guests whose states part before the first difference, by something that has no
  /// part in it: nothing of that is certain.
  @Suite(.needsKVM) struct DiffCertaintyTests {
    private static let readCounter: [UInt8] = [0x0f, 0x31]  // rdtsc
    private static let readRandom: [UInt8] = [0x0f, 0xc7, 0xf0]  // rdrand eax
    private static let forget: [UInt8] = [0x31, 0xc0, 0x31, 0xd2, 0x31, 0xdb]  // eax, edx, ebx = 0
    private static let store: [UInt8] = [0x89, 0x04, 0x25, 0, 0, 0x05, 0]  // mov [0x50000], eax
    private static let load: [UInt8] = [0x8b, 0x04, 0x25, 0, 0, 0x05, 0]  // mov eax, [0x50000]
    private static let loadData: [UInt8] = [0x8a, 0x04, 0x25, 0x00, 0x01, 0x01, 0x00]  // [0x10100]
    private static let mixCounter: [UInt8] = [0xc1, 0xe8, 7]  // shr eax, 7
    private static let print: [UInt8] = [0x66, 0xba, 0xe9, 0x00, 0xee]  // out 0xe9, al

    /// A 64-bit guest that executes `body` and ends; behind it, at 0x10100, one byte.
    private static func program(_ body: [UInt8], data: UInt8 = 0) -> [UInt8] {
      let code = body + [0x66, 0xba, 0xf4, 0x00, 0x31, 0xc0, 0xef]
      return code + [UInt8](repeating: 0, count: 0x100 - code.count) + [data]
    }

    private func explain(_ a: [UInt8], _ b: [UInt8]) throws -> Explanation {
      let directory = try TestDirectory()
      for (name, image) in [("one", a), ("two", b)] {
        try directory.write(image, to: "\(name).bin")
        let run = try directory.vmreel(
          "record", "--flat", "\(name).bin", "--at", "0x10000", "--entry", "long64", "--tsc",
          "none", "-o", "\(name).reel")
        try #require(run.status == 0, "\(run.story)")
      }
      let run = try directory.vmreel(
        "diff", "one.reel", "two.reel", "--explain", "--format", "json")
      try #require(run.status == 1, "\(run.story)")
      let difference = try JSONDecoder().decode(ReelDifference.self, from: Data(run.output))
      return try #require(difference.explanation)
    }

    @Test func anEarlierCounterIsNotCertainlyTheCauseOfOtherData() throws {
      // The counter goes into memory before the first of two exits, and nothing reads it.
      let body =
        Self.readCounter + Self.store + Self.forget + Self.print + Self.loadData + Self.print
      let found = try explain(
        Self.program(body, data: 0x37), Self.program(body, data: 0x39))
      #expect(found.certainty != .certain, "\(found)")
      #expect(
        found.evidence.contains {
          $0.contains("that exit is event 1 of A, and the first difference")
        },
        "\(found.evidence)")
    }

    @Test(.needsRandomInstruction) func anotherInstructionBeforeTheCauseIsNot() throws {
      // Only the random number is printed, after an exit that shows nothing.
      let image = Self.program(
        Self.readCounter + Self.forget + Self.readRandom + Self.store + Self.forget + Self.print
          + Self.load + Self.print)
      let found = try explain(image, image)
      #expect(found.cause == .randomInstruction && found.certainty == .probable, "\(found)")
    }

    @Test func dataWithoutEffectAreNotTheCause() throws {
      let body =
        Self.loadData + Self.forget + Self.readCounter + Self.mixCounter + Self.print
      let found = try explain(
        Self.program(body, data: 0x37), Self.program(body, data: 0x39))
      #expect(found.cause == .timestampInstruction, "\(found)")
      #expect(!found.excluded.contains { $0.cause == .timestampInstruction })
    }

    @Test func codeWithoutEffectIsNotCertainlyTheCause() throws {
      let after = Self.forget + Self.readCounter + Self.mixCounter + Self.print
      let found = try explain(
        Self.program([0xb0, 0x37] + after), Self.program([0xb0, 0x39] + after))
      #expect(found.certainty != .certain, "\(found)")
      #expect(!found.excluded.contains { $0.cause == .timestampInstruction })
    }

    @Test func registersThatDifferAtATrapRuleNothingOut() throws {
      // The data differ in a register while the second RDTSC is executed, but only that is printed.
      let body =
        Self.readCounter + Self.forget + [0x8a, 0x1c, 0x25, 0x00, 0x01, 0x01, 0x00]
        + Self.readCounter + [0x31, 0xdb] + Self.mixCounter + Self.print
      let found = try explain(
        Self.program(body, data: 0x37), Self.program(body, data: 0x39))
      #expect(found.certainty != .certain, "\(found)")
      #expect(!found.excluded.contains { $0.cause == .timestampInstruction }, "\(found.excluded)")
    }

    @Test func codeWrittenOnTheWayRulesNothingOut() throws {
      // A far RDTSC without effect; then the guest writes another over two NOPs and prints its result.
      let delay: [UInt8] = [0x31, 0xc9, 0xff, 0xc1, 0x81, 0xf9, 0x60, 0xea, 0, 0, 0x75, 0xf6]
      let write: [UInt8] = [0x66, 0xc7, 0x04, 0x25, 0x80, 0, 0x01, 0, 0x0f, 0x31]  // [0x10080]
      let start = delay + Self.readCounter + Self.forget + write
      let far = start + [UInt8](repeating: 0x90, count: 0x82 - start.count)
      let found = try explain(
        Self.program(far + Self.mixCounter + Self.print),
        Self.program(far + Self.mixCounter + Self.print))
      #expect(found.cause == .notFound, "\(found)")
      #expect(!found.excluded.contains { $0.cause == .timestampInstruction }, "\(found.excluded)")
      #expect(found.summary.contains("RDTSC executed once after event"), "\(found.summary)")
    }

    @Test func anInstructionThatOnlyOneHasIsNotDenied() throws {
      let delay: [UInt8] = [0x31, 0xc9, 0xff, 0xc1, 0x81, 0xf9, 0x60, 0xea, 0, 0, 0x75, 0xf6]
      let found = try explain(
        Self.program(delay + Self.readCounter + Self.mixCounter + Self.print),
        Self.program(delay + [0x90, 0x90] + Self.mixCounter + Self.print))
      #expect(
        found.evidence.contains { $0.hasSuffix(": 1 found in A, none of them in B") },
        "\(found.evidence)")
    }
  }
}
