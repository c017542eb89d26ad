import ReelFixtures
import Testing
import Trace

@testable import Analysis

/// The generator of mutated reels, before anything is proved by it.
@Suite struct ReelMutationTests {
  @Test(arguments: MutationBase.all) func aReelTakenApartAndPutTogetherIsTheSame(
    _ base: MutationBase
  ) throws {
    let edited = try base.reel()
    let bytes = try edited.encoded()
    let verification = ReelVerification(MemorySource(bytes))
    #expect(verification.isSound, "\(verification.findings)")
    let again = try EditedReel(bytes)
    #expect(again.entries.map(\.payload) == edited.entries.map(\.payload))
    #expect(edited.entries.count > 200 && edited.firstEvent == again.firstEvent)
    let reel = try Reel(MemorySource(bytes))
    let difference = try ReelDifference(
      reel, reel, metadata: (edited.metadata, again.metadata), options: .init())
    #expect(difference.areEqual && difference.configuration.isEmpty)
  }

  @Test(arguments: ReelMutation.Kind.allCases)
  func aMutatedReelIsSoundAndDiffersAsAnnounced(_ kind: ReelMutation.Kind) throws {
    var made = 0
    for (number, base) in MutationBase.all.enumerated() {
      let original = try base.reel()
      var generator = SeededGenerator(seed: UInt64(number))
      for digests in ReelMutation.Digests.allCases {
        guard let mutation = ReelMutation(of: original, kind, digests, using: &generator)
        else { continue }
        made += 1
        let bytes = try mutation.reel.encoded()
        let verification = ReelVerification(MemorySource(bytes))
        if digests == .rerun {
          let damage = verification.findings.filter { $0.severity != .incomplete }
          #expect(damage.isEmpty, "\(base.name) \(kind) \(digests): \(verification.findings)")
        }
        let decoded = try EditedReel(bytes)
        let (a, b) = (ComparedStream(original), ComparedStream(decoded))
        try expectAnnounced(mutation, a, b, "\(base.name) \(kind) \(digests)")
      }
    }
    #expect(made >= 12)
  }

  /// Taking the announced stretches out of the one, and putting in the other's, makes the other.
  private func expectAnnounced(
    _ mutation: ReelMutation, _ a: ComparedStream, _ b: ComparedStream, _ name: Comment
  ) throws {
    guard mutation.kind != .rip else {
      let pairs = zip(a.entries, b.entries).filter { $0.event.rip != $1.event.rip }
      #expect(pairs.count == mutation.count && mutation.count > 0, name)
      return
    }
    var place = (a: 0, b: 0)
    func expectCommon(until end: (a: Int, b: Int)) throws {
      #expect(end.a - place.a == end.b - place.b, name)
      for (left, right) in zip(a.entries[place.a..<end.a], b.entries[place.b..<end.b]) {
        try #require(left.event.kind == right.event.kind && left.payload == right.payload, name)
        try #require(left.event.value == right.event.value, name)
      }
    }
    for hunk in mutation.expected.hunks {
      let start = (
        a: a.indexes.count { $0 < hunk.firstA }, b: b.indexes.count { $0 < hunk.firstB }
      )
      try expectCommon(until: start)
      place = (start.a + hunk.countA, start.b + hunk.countB)
    }
    try expectCommon(until: (a.entries.count, b.entries.count))
  }
}
