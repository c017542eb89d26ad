import Machine
import Testing
import Trace

@testable import Replay

/// Replays that go on after a difference.
@Suite struct ResyncTests {
  private func recording(
    _ script: ProcessorScript = ProcessorScript()
  ) throws -> Recording {
    try record(
      GuestPrograms.rich, policy: quietPolicy { $0.keyframeExitInterval = 6 }, script: script
    ) { $0.input = Array("xy".utf8) }
  }

  private func marks(_ recording: Recording) -> [Int] {
    recording.events.indices.filter { recording.events[$0].kind == .keyframe }
  }

  @Test func agreementIsLeftAlone() throws {
    let recording = try recording()
    let replayed = try replay(recording, resyncs: true)
    #expect(replayed.isIdentical && replayed.verdict.resyncCount == 0)
    #expect(replayed.verdict.skippedEvents == 0)
  }

  @Test func eachDifferenceIsCountedAndTheRestCompared() throws {
    let recording = try recording()
    let marks = marks(recording)
    var altered = try recording.editable()
    let places = [marks[1], marks[4]].map { mark in
      altered.entries.indices.first {
        $0 > mark && altered.entries[$0].event.kind == .portWrite
          && altered.entries[$0].payload.isEmpty
      } ?? 0
    }
    for place in places { altered.entries[place].event.value ^= 1 }
    let replayed = try replay(recording, bytes: altered.encoded(), resyncs: true)
    let verdict = replayed.verdict
    #expect(replayed.divergence?.index == UInt64(places[0]))
    #expect(verdict.resyncs.map(\.divergence) == places.map(UInt64.init))
    #expect(verdict.resyncCount == 2)
    let next = places.map { place in marks.first { $0 > place } ?? 0 }
    #expect(
      verdict.resyncs.map(\.keyframe) == next.map { recording.events[$0].address })
    #expect(
      verdict.resyncs.map(\.skippedEvents) == zip(places, next).map { UInt64($1 - $0 + 1) })
    #expect(verdict.events + verdict.skippedEvents == recording.end.eventCount)
    #expect(verdict.finalPagesCompared == 256)
    #expect(contents(replayed.memory) == contents(recording.memory))
  }

  @Test func aKeyframeThatDiffersIsInstalled() throws {
    let recording = try recording()
    let marks = marks(recording)
    var altered = try recording.editable()
    let place = try #require(altered.keyframes.firstIndex { $0.eventIndex == UInt64(marks[3]) })
    var state = try #require(try vcpuState(altered.keyframes[place]))
    state.system.cr2 ^= 0x1000
    setState(state, &altered.keyframes[place])
    let replayed = try replay(recording, bytes: altered.encoded(), resyncs: true)
    #expect(replayed.verdict.resyncs.first?.divergence == UInt64(marks[3]))
    #expect(replayed.verdict.resyncs.first?.skippedEvents == 1)
    // CR2 goes with the guest, so the next keyframes differ too, each by itself.
    #expect(replayed.verdict.resyncCount >= 2)
    #expect(
      replayed.verdict.events + replayed.verdict.skippedEvents == recording.end.eventCount)
  }

  @Test func aDifferenceBehindTheLastKeyframeSkipsTheRest() throws {
    let recording = try recording()
    let marks = marks(recording)
    var altered = try recording.editable()
    altered.entries[marks[2] + 1].event.address ^= 1
    let last = EventIndex(marks[3] - 1)
    let replayed = try replay(
      recording, bytes: altered.encoded(), range: ReplayRange(lastEvent: last), resyncs: true)
    let resync = try #require(replayed.verdict.resyncs.first)
    #expect(resync.keyframe == nil && replayed.verdict.resyncCount == 1)
    #expect(replayed.verdict.events + replayed.verdict.skippedEvents == last + 1)
  }

  /// Whatever was altered: the replay ends, and each event was compared or skipped.
  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func everyAlterationEnds(seed: UInt64) throws {
    let recording = try recording(ProcessorScript(kicks: [60, 90]))
    let original = try recording.editable()
    var state = seed &* 0x9e37_79b9_7f4a_7c15
    func random(below bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    var resyncs: UInt64 = 0
    for _ in 0..<60 {
      var altered = original
      for _ in 0...random(below: 3) {
        let place = random(below: altered.entries.count)
        switch random(below: 4) {
        case 0: altered.entries[place].event.value ^= UInt64(random(below: 256))
        case 1: altered.entries[place].event.address ^= UInt64(random(below: 4))
        case 2: altered.entries[place].event.check ^= UInt8(random(below: 256))
        default: altered.entries[place].event.rip ^= UInt64(random(below: 16))
        }
      }
      guard let replayed = try? replay(recording, bytes: altered.encoded(), resyncs: true) else {
        continue
      }
      resyncs += replayed.verdict.resyncCount
      #expect(
        replayed.verdict.events + replayed.verdict.skippedEvents == recording.end.eventCount)
      #expect((replayed.divergence != nil) == (replayed.verdict.resyncCount > 0))
    }
    #expect(resyncs > 20)
  }
}
