import ReelFixtures
import Testing
import Trace

@testable import Analysis

/// The bar of `diff`: in reels mutated in twelve known ways the first difference and its class are found
/// exactly, in all of them, and nothing is said to differ that does not.
@Suite struct MutatedReelDifferenceTests {
  /// Mutations of each kind: 12 × 120 reels.
  static let seeds = 120

  @Test(arguments: ReelMutation.Kind.allCases)
  func theFirstDifferenceAndItsClassAreExact(_ kind: ReelMutation.Kind) throws {
    var tally = MutationTally(kind.rawValue)
    let bases = try MutationBase.all.map { try OpenedReel($0.name, try $0.reel()) }
    var number = 0
    while tally.count < Self.seeds {
      let base = bases[number % bases.count]
      var generator = SeededGenerator(seed: UInt64(number))
      number += 1
      try #require(number < 10 * Self.seeds, "too few reels can be mutated so")
      let digests = ReelMutation.Digests.allCases[number / bases.count % 2]
      guard let mutation = ReelMutation(of: base.edited, kind, digests, using: &generator)
      else { continue }
      let name = "\(base.name) seed \(number - 1) \(digests)"
      let mutated = try OpenedReel(name, mutation.reel)
      let expected = FoundDifference(mutation)
      tally.add(name, expected: expected, found: try FoundDifference(base, mutated))
      if digests == .edited {
        let back = try FoundDifference(mutated, base)
        tally.check(name + ", swapped", expected: expected.swapped(as: back.kind), found: back)
      } else if kind != .times {
        // Events that digests stand in for are not read, nor are their times.
        let trusting = try FoundDifference(base, mutated, trustsDigests: true)
        tally.check(name + ", by digests", expected: expected, found: trusting)
      }
    }
    #expect(tally.failures == 0, "\(tally)")
  }

  /// The seeds beyond the first found rows of equal events with interrupts between them, and letters
  /// that stand before and behind a text that is another.
  @Test(arguments: 2...5) func everyPlaceOfSeveralIsFound(_ count: Int) throws {
    var tally = MutationTally("\(count) places")
    let bases = try MutationBase.large.map { try OpenedReel($0.name, try $0.reel()) }
    let seeds = Array(0..<90) + [102, 201, 207, 330, 414, 423]
    for seed in seeds where count == 2 || tally.count < 30 {
      let base = bases[seed % bases.count]
      var generator = SeededGenerator(seed: UInt64(seed))
      let digests = ReelMutation.Digests.allCases[seed / bases.count % 2]
      guard
        let mutations = ReelMutations(
          of: base.edited, places: count, distance: 50, digests, using: &generator)
      else { continue }
      var found = try FoundDifference(base, try OpenedReel("mutated", mutations.reel))
      // The class is of the first one; it is held to its reel above.
      found.kind = ""
      tally.add(
        "\(base.name) seed \(seed) \(digests) \(mutations.kinds)",
        expected: FoundDifference(mutations.expected), found: found)
    }
    #expect(tally.count >= 30 && tally.failures == 0, "\(tally)")
  }
}
