import Analysis
import Reporting
import Testing

/// What `replay --explain` says of further replays.
@Suite struct DivergenceExplanationTests {
  private func sentence(_ replays: (event: UInt64?, isLikeFirst: Bool)...) -> String {
    var found = DivergenceExplanation(
      event: 9, startKeyframe: 2, explanation: Explanation(.notFound, .unknown, summary: ""))
    found.repetitions = replays.map {
      .init(event: $0.event, difference: nil, isLikeFirst: $0.isLikeFirst)
    }
    #expect(found.isRepeatable == replays.allSatisfy(\.isLikeFirst))
    return found.repetitionSentence
  }

  @Test func replaysAreCountedAsTheyEnded() {
    #expect(
      sentence((9, true))
        == "replayed once more from keyframe 2: it differs at event 9 in the same way")
    #expect(
      sentence((9, true), (9, true))
        == "replayed 2 times more from keyframe 2: each time it differs at event 9 in the same way")
    #expect(
      sentence((nil, false), (nil, false))
        == "replayed 2 times more from keyframe 2: each time it agrees with the log up to event 9")
    #expect(
      sentence((9, false), (9, false))
        == "replayed 2 times more from keyframe 2: each time it differs at event 9, but not as it did "
        + "first")
    #expect(
      sentence((nil, false), (7, false), (9, true), (9, false))
        == "replayed 4 times more from keyframe 2: it agrees up to event 9; it differs at event 7; it "
        + "differs at event 9 in the same way; it differs at event 9 in another way")
  }

  @Test func theSidesAreNamedWhereTheyAreShown() {
    var explanation = Explanation(.timestampInstruction, .certain, summary: "because")
    #expect(!text(explanation).contains("A and B"))
    explanation.instruction = .init(
      address: 0x1000, a: "rdtsc", b: "rdtsc", steps: 3,
      registers: [.init(name: "rax", a: "0x1", b: "0x2")])
    #expect(
      text(explanation).hasPrefix(
        "\nWhy: because\n  A and B are two further replays of this reel.\n  cause: RDTSC (certain)\n"
      ))
  }

  @Test func aKeyframesStateIsHeldAgainstTheReplayedGuests() {
    var found = DivergenceExplanation(
      event: 9, startKeyframe: 2, explanation: Explanation(.notFound, .unknown, summary: "x"))
    found.keyframeState = MemoryDifference(
      at: CommonMoment(a: 9, b: 9), source: .keyframes,
      registers: [.init(name: "r15", a: "0x1", b: "0x0")], pages: [3], comparedPages: 512, limit: 20
    ) { _ in (a: [UInt8](repeating: 0, count: 16), b: [UInt8](repeating: 7, count: 16)) }
    let text = DivergenceExplanationText.lines(found).joined(separator: "\n")
    #expect(text.contains("State at event 9, the keyframe's and the replayed guest's:"))
    #expect(text.contains("register r15: recorded 0x1, replayed 0x0"))
    #expect(text.contains("      recorded 00 00") && text.contains("      replayed 07 07"))
  }

  private func text(_ explanation: Explanation) -> String {
    DivergenceExplanationText.lines(
      DivergenceExplanation(event: 9, startKeyframe: 2, explanation: explanation)
    ).joined(separator: "\n")
  }
}
