import Machine
import ReelFixtures
import Testing
import Trace

@testable import Replay

/// Replays of parts of a reel: what they compare together is what one replay compares.
@Suite struct SegmentTests {
  private func richRecording(
    keyframesEvery interval: UInt64, script: ProcessorScript = ProcessorScript(),
    _ change: (inout RecordingPolicy) -> Void = { _ in }
  ) throws -> Recording {
    try record(
      GuestPrograms.rich,
      policy: quietPolicy {
        $0.keyframeExitInterval = interval
        change(&$0)
      }, script: script
    ) { $0.input = Array("xy".utf8) }
  }

  private func reel(_ recording: Recording) throws -> Reel {
    try Reel(MemorySource(recording.bytes))
  }

  @Test(arguments: [1, 2, 3, 5, 9] as [UInt64], [1, 2, 3, 4, 7, 16])
  func segmentsAddUpToTheWhole(interval: UInt64, count: Int) throws {
    let recording = try richRecording(keyframesEvery: interval)
    let whole = try replay(recording)
    let plan = try SegmentPlan(try reel(recording), count: count)
    #expect(plan.segments.count == count)
    #expect(plan.stretchCount >= Int(recording.end.keyframeCount) - 2)
    var (events, exits, console): (UInt64, UInt64, [UInt8]) = (0, 0, [])
    for segment in plan.segments where !segment.isEmpty {
      let part = try replay(recording, range: segment.range)
      #expect(part.isIdentical, "segment \(segment): \(part.verdict.outcome)")
      #expect(part.verdict.events == segment.eventCount)
      #expect(part.verdict.lastEvent == segment.endEvent)
      #expect(part.verdict.startKeyframe == segment.startKeyframe)
      #expect(part.verdict.startEvent == segment.startEvent)
      events += part.verdict.events
      exits += part.verdict.guestMadeExits
      console += part.console
    }
    #expect(events == whole.verdict.events)
    #expect(exits == whole.verdict.guestMadeExits)
    #expect(console == whole.console)
  }

  @Test(arguments: [1, 2, 3, 4, 7, 16, 200])
  func aPlanIsAdjacentAndCoversTheReel(count: Int) throws {
    let recording = try richRecording(keyframesEvery: 4)
    let plan = try SegmentPlan(try reel(recording), count: count)
    let segments = plan.segments
    #expect(segments.map(\.number) == Array(1...count))
    #expect(segments.first?.startEvent == 0)
    #expect(segments.last?.endEvent == recording.end.eventCount - 1)
    for (left, right) in zip(segments, segments.dropFirst()) {
      #expect(left.endEvent == right.startEvent)
      #expect(right.isEmpty || left.endKeyframe == right.startKeyframe)
    }
    let filled = segments.filter { !$0.isEmpty }
    #expect(filled.count == min(count, plan.stretchCount))
    #expect(filled.map(\.eventCount).reduce(0, +) == recording.end.eventCount)
    #expect(plan.segments == (try SegmentPlan(try reel(recording), count: count)).segments)
  }

  /// A window that was asked for before the keyframe opens after it.
  @Test func aRequestedWindowIsStillRequested() throws {
    let recording = try richRecording(keyframesEvery: 1)
    var isRequested = false
    var seen = 0
    for (index, event) in recording.events.enumerated() {
      switch event.kind {
      case .windowRequest: isRequested = true
      case .interrupt, .interruptWindow: isRequested = false
      case .keyframe where isRequested && event.address > 0:
        seen += 1
        let part = try replay(recording, range: ReplayRange(keyframe: event.address))
        #expect(part.isIdentical, "from event \(index): \(part.verdict.outcome)")
      default: break
      }
    }
    #expect(seen > 0, "no keyframe stands between a request and its window")
  }

  @Test func everyRangeEndsWhereItIsToldTo() throws {
    let recording = try richRecording(keyframesEvery: 6, script: ProcessorScript(kicks: [60, 90]))
    let reel = try reel(recording)
    for last in 0..<recording.end.eventCount {
      let start = try reel.keyframe(atOrBefore: last)
      #expect(start.eventIndex <= last)
      let part = try replay(
        recording, range: ReplayRange(keyframe: start.number, lastEvent: last))
      #expect(part.isIdentical, "until event \(last): \(part.verdict.outcome)")
      #expect(part.verdict.lastEvent == last)
      let isBase = start.number == 0
      #expect(part.verdict.events == last - start.eventIndex + (isBase ? 1 : 0))
    }
    #expect(throws: ReplayError.self) {
      try replay(recording, range: ReplayRange(lastEvent: recording.end.eventCount))
    }
  }

  /// The state after any event is the same from wherever the replay started.
  @Test func theStateAfterAnEventDoesNotDependOnTheStart() throws {
    let recording = try richRecording(keyframesEvery: 5)
    let reel = try reel(recording)
    for last in stride(from: 0, to: recording.end.eventCount - 2, by: 3) {
      let near = try reel.keyframe(atOrBefore: last).number
      let fromBase = try state(recording, from: nil, after: last)
      let fromNear = try state(recording, from: near, after: last)
      #expect(fromBase == fromNear, "after event \(last)")
    }
  }

  private struct Moment: Equatable {
    var state: VCPUState
    var memory: [UInt8]?
    var event: EventIndex
  }

  private func state(
    _ recording: Recording, from keyframe: UInt64?, after event: EventIndex
  ) throws -> Moment {
    let memory = try GuestMemory(mebibytes: 1)
    let processor = ScriptedProcessor(recording.program, memory: memory, script: ProcessorScript())
    let replayer = Replayer(
      processor: processor, memory: memory, reel: try reel(recording),
      policy: ReplayPolicy(interruptWindowIsExact: true),
      range: ReplayRange(keyframe: keyframe, lastEvent: event, endsBetweenInstructions: true),
      bounds: smallBounds())
    let verdict = try replayer.run()
    guard case .identical = verdict.outcome else {
      Issue.record("after event \(event): \(verdict.outcome)")
      throw ReplayError.unsupported("diverged")
    }
    #expect(verdict.lastEvent >= event && verdict.lastEvent <= event + 4)
    return Moment(
      state: try replayer.capturedState(), memory: contents(memory), event: verdict.lastEvent)
  }

  @Test func anAlteredEventDivergesInItsSegmentAlone() throws {
    let recording = try richRecording(keyframesEvery: 6)
    let plan = try SegmentPlan(try reel(recording), count: 3)
    let second = plan.segments[1]
    var altered = try recording.editable()
    let place = try #require(
      (Int(second.startEvent) + 1..<Int(second.endEvent)).first {
        altered.entries[$0].event.kind == .portWrite && altered.entries[$0].event.width == 1
      })
    altered.entries[place].event.value ^= 1
    let bytes = altered.encoded()
    let diverging = try plan.segments.map {
      try replay(recording, bytes: bytes, range: $0.range).divergence?.index
    }
    #expect(diverging == [nil, UInt64(place), nil])
    let whole = try #require(try replay(recording, bytes: bytes).divergence)
    let part = try #require(try replay(recording, bytes: bytes, range: second.range).divergence)
    #expect(whole.index == UInt64(place))
    #expect(part.context == whole.context)
    #expect(part.suspects == whole.suspects)
    #expect(part.registers == whole.registers)
  }

  /// Each keyframe is compared as the end of one segment: a wrong one cannot be started from unseen.
  @Test func aWrongKeyframeBetweenSegmentsIsNoticed() throws {
    let recording = try richRecording(keyframesEvery: 6)
    let plan = try SegmentPlan(try reel(recording), count: 2)
    let border = try #require(plan.segments[0].endKeyframe)
    var altered = try recording.editable()
    let place = try #require(altered.keyframes.firstIndex { $0.number == border })
    var state = try #require(try vcpuState(altered.keyframes[place]))
    state.system.cr2 ^= 0x1000
    setState(state, &altered.keyframes[place])
    let first = try replay(recording, bytes: altered.encoded(), range: plan.segments[0].range)
    #expect(first.divergence?.index == plan.segments[0].endEvent)
  }

  /// The map of a keyframe is built from its parents when a replay starts from it, and from the
  /// keyframe before in a replay that passes it: both must be one.
  @Test func aKeyframeWithAnotherParentIsNoticed() throws {
    let recording = try richRecording(keyframesEvery: 6)
    let plan = try SegmentPlan(try reel(recording), count: 2)
    let border = try #require(plan.segments[0].endKeyframe)
    var altered = try recording.editable()
    let place = try #require(altered.keyframes.firstIndex { $0.number == border })
    #expect(border >= 2 && altered.keyframes[place].parent == border - 1)
    altered.keyframes[place].parent = 0
    let bytes = altered.encoded()
    let reel = try Reel(MemorySource(bytes))
    // Only where the skipped keyframes changed a page does it matter.
    try #require(try reel.pageMap(at: border) != (try self.reel(recording).pageMap(at: border)))
    let first = try replay(recording, bytes: bytes, range: plan.segments[0].range)
    #expect(first.divergence?.index == plan.segments[0].endEvent)
  }

  @Test func aKeyframeWithoutItsMarkIsRefused() throws {
    let recording = try richRecording(keyframesEvery: 6)
    var altered = try recording.editable()
    altered.keyframes[2].eventIndex += 1
    let bytes = altered.encoded()
    #expect(throws: ReplayError.self) {
      try replay(recording, bytes: bytes, range: ReplayRange(keyframe: 2))
    }
  }

  @Test func sealsAreLandedAtInsideSegments() throws {
    let recording = try record(
      GuestPrograms.counting(to: 4000), policy: quietPolicy { $0.quantumNanoseconds = 300 })
    let kicks = recording.kinds.filter { $0 == .kick }.count
    #expect(kicks > 4)
    let plan = try SegmentPlan(try reel(recording), count: 3)
    var landed: UInt64 = 0
    for segment in plan.segments where !segment.isEmpty {
      let part = try replay(recording, range: segment.range)
      #expect(part.isIdentical, "\(segment): \(part.verdict.outcome)")
      landed += part.verdict.sealsReexecuted
    }
    #expect(landed == UInt64(kicks))
  }

  /// What RDTSC reads after a keyframe was decided before it; and a replay whose own counter
  /// drifted goes back to the keyframe its segment starts from.
  @Test func frozenTimestampsGoOnInASegment() throws {
    let recording = try record(
      TimestampTests.reader,
      policy: quietPolicy {
        $0.tsc = .freeze
        $0.keyframeExitInterval = 3
      })
    let plan = try SegmentPlan(try reel(recording), count: 3)
    var script = ProcessorScript()
    script.taints = [(after: 5, drift: 3)]
    for segment in plan.segments {
      let part = try replay(recording, range: segment.range)
      #expect(part.isIdentical, "\(segment): \(part.verdict.outcome)")
      let tainted = try replay(recording, range: segment.range, script: script)
      #expect(tainted.isIdentical, "\(segment): \(tainted.verdict.outcome)")
      #expect(tainted.verdict.rewinds == 1)
      #expect(tainted.verdict.events == segment.eventCount)
    }
  }

  @Test func theIdentityTellsReelsApart() throws {
    let recording = try richRecording(keyframesEvery: 6)
    let identity = try reel(recording).identity
    #expect(identity == (try reel(recording).identity))
    var altered = try recording.editable()
    altered.entries[9].event.exitTime += 1
    #expect(try Reel(MemorySource(altered.encoded())).identity != identity)
  }
}
