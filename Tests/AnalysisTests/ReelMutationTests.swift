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
        let (a, b) = (ExpectedStream(original), ExpectedStream(decoded))
        try expectAnnounced(mutation, a, b, "\(base.name) \(kind) \(digests)")
      }
    }
    #expect(made >= 12)
  }

  /// Without the announced stretches the two streams are the same.
  private func expectAnnounced(
    _ mutation: ReelMutation, _ a: ExpectedStream, _ b: ExpectedStream, _ name: Comment
  ) throws {
    guard mutation.kind != .rip else {
      let pairs = zip(a.entries, b.entries).filter { $0.event.rip != $1.event.rip }
      #expect(pairs.count == mutation.count && mutation.count > 0, name)
      return
    }
    let hunks = mutation.expected.hunks
    let isWithout = [.registers, .times, .header, .truncated].contains(mutation.kind)
    #expect(hunks.isEmpty == isWithout, name)
    var left = rest(of: a, without: hunks.map { ($0.firstA, $0.countA) })
    if mutation.kind == .truncated { left.removeLast(mutation.count) }
    let right = rest(of: b, without: hunks.map { ($0.firstB, $0.countB) })
    try #require(left.count == right.count, name)
    for (one, other) in zip(left, right) {
      try #require(one.payload == other.payload, name)
      var (one, other) = (one.event, other.event)
      (one.payloadOffset, other.payloadOffset) = (0, 0)
      (one.check, other.check) = (0, 0)
      (one.digest, other.digest) = (0, 0)
      (one.flags, other.flags) = ([], [])
      (one.entryTime, one.exitTime) = (other.entryTime, other.exitTime)
      try #require(one == other, name)
    }
  }

  private func rest(
    of stream: ExpectedStream, without stretches: [(first: EventIndex, count: Int)]
  ) -> [EditedReel.Entry] {
    var rest: [EditedReel.Entry] = []
    var (next, left) = (0, 0)
    for (entry, index) in zip(stream.entries, stream.indexes) {
      if next < stretches.count, stretches[next].count == 0 { next += 1 }
      if next < stretches.count, index == stretches[next].first {
        left = stretches[next].count
        next += 1
        if entry.isPlacedByHost {
          left -= 1
          continue
        }
      }
      if left > 0, !entry.isPlacedByHost {
        left -= 1
      } else {
        rest.append(entry)
      }
    }
    return rest
  }
}
