import ReelFixtures
import Replay
import Testing
import Trace

/// A reel cut anywhere replays from its first keyframe to its end.
@Suite struct TrimTests {
  private func trim(_ bytes: [UInt8], _ lower: EventIndex, _ upper: EventIndex?) throws
    -> (bytes: [UInt8], trimmer: ReelTrimmer)
  {
    var trimmer = try ReelTrimmer(try Reel(MemorySource(bytes)), from: lower, to: upper)
    var copy: [UInt8] = []
    try trimmer.forEachPart(metadataJSON: Array("{}".utf8)) { copy += $0 }
    return (copy, trimmer)
  }

  @Test(arguments: [1, 4] as [UInt64])
  func everyCutReplaysIdentically(interval: UInt64) throws {
    let policy = quietPolicy { $0.keyframeExitInterval = interval }
    let recording = try record(GuestPrograms.rich, policy: policy) { $0.input = Array("xy".utf8) }
    let reel = try Reel(MemorySource(recording.bytes))
    var passedOver = 0
    for event in 0..<reel.eventCount {
      for upper in [event + 1, event + 40, nil] {
        let (bytes, trimmer) = try trim(recording.bytes, event, upper)
        let replayed = try replay(recording, bytes: bytes)
        #expect(replayed.isIdentical, "from \(event) to \(upper ?? 0): \(replayed.verdict.outcome)")
        #expect(replayed.verdict.events == UInt64(trimmer.range.count))
        #expect(replayed.verdict.reelIsWhole)
        if trimmer.firstKeyframe != reel.lastKeyframe(notAfter: event) { passedOver += 1 }
      }
    }
    // Keyframes at which a window is awaited: a replay from them would not stop at it.
    #expect(passedOver > 0)
  }

  @Test func aCopyWithoutTimesReplaysIdentically() throws {
    let recording = try record(GuestPrograms.rich) { $0.input = Array("xy".utf8) }
    var stripper = ReelStripper(try Reel(MemorySource(recording.bytes)), without: .times)
    var bytes = stripper.header
    while let block = try stripper.nextBlock() { bytes += block }
    let replayed = try replay(recording, bytes: bytes)
    #expect(replayed.isIdentical && replayed.console == recording.console)
  }
}
