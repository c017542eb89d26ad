import Machine
import Replay
import Testing
import Trace

/// Alters reels at random, by a fixed seed, and replays them.
///
/// Whatever the bytes say, replay ends in a verdict or an error within its bounds. Half of the
/// reels get their checks recomputed, so that the alterations get past them.
@Suite struct MutationTests {
  static let reelsPerSeed = 350

  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func everyMutationEnds(seed: UInt64) throws {
    let recording = try record(
      GuestPrograms.rich, policy: quietPolicy { $0.keyframeExitInterval = 15 },
      script: ProcessorScript(kicks: [60, 70, 90])
    ) { $0.input = Array("x".utf8) }
    let original = try recording.editable()
    var generator = Generator(state: seed)
    var bounds = smallBounds()
    bounds.noExitNanoseconds = 3_000
    bounds.landingStops = 300
    bounds.landingNanoseconds = 3_000
    var outcomes = Outcomes()
    for _ in 0..<Self.reelsPerSeed {
      var reel = original
      for _ in 0...generator.below(3) { mutate(&reel, &generator) }
      if generator.below(2) == 0 { reel.seal() }
      let features = DebugFeatures(rawValue: UInt8(generator.below(4)))
      do {
        let replayed = try replay(
          recording, bytes: reel.encoded(eventsPerBlock: 1 + Int(generator.below(90))),
          script: ProcessorScript(debugFeatures: features), bounds: bounds)
        outcomes.count(replayed)
        #expect(replayed.verdict.jumpedNanoseconds <= replayed.verdict.guestNanoseconds)
        #expect(replayed.verdict.sealsJumped <= replayed.verdict.events)
        if reel.differsVisibly(from: original) {
          #expect(
            !replayed.isIdentical,
            "seed \(seed): an alteration was not noticed: \(reel.firstDifference(from: original))")
        }
      } catch is ReplayError {
        outcomes.errors += 1
      } catch is TraceError {
        outcomes.errors += 1
      }
    }
    #expect(outcomes.errors > 0 && outcomes.divergences > 0, "\(outcomes)")
  }

  private struct Outcomes {
    var errors = 0
    var divergences = 0
    var others = 0

    mutating func count(_ replayed: Replayed) {
      if replayed.divergence != nil { divergences += 1 } else { others += 1 }
    }
  }

  private func mutate(_ reel: inout EditableReel, _ generator: inout Generator) {
    guard !reel.entries.isEmpty else { return }
    let place = Int(generator.below(UInt64(reel.entries.count)))
    switch generator.below(8) {
    case 0: reel.entries.remove(at: place)
    case 1: reel.entries.insert(reel.entries[place], at: place)
    case 2:
      let source = Int(generator.below(UInt64(reel.entries.count)))
      reel.entries.insert(reel.entries[source], at: place)
    case 3: reel.entries.swapAt(place, Int(generator.below(UInt64(reel.entries.count))))
    case 4: mutateKeyframe(&reel, &generator)
    case 5: reel.entries[place].payload = generator.bytes(below: 40)
    default: mutateField(&reel.entries[place].event, &generator)
    }
  }

  private func mutateField(_ event: inout Event, _ generator: inout Generator) {
    let value = generator.hostileNumber()
    switch generator.below(12) {
    case 0: event.kind = EventKind(rawValue: UInt8(truncatingIfNeeded: value))
    case 1: event.kind = EventKind.names[Int(value % UInt64(EventKind.names.count))].kind
    case 2: event.vcpu = UInt16(value % 2)
    case 3: event.width = UInt8(truncatingIfNeeded: value)
    case 4: event.count = UInt32(value % (1 << 24))
    case 5: event.address = value
    case 6: event.value = value
    case 7: event.rip = value
    case 8: event.check = UInt8(truncatingIfNeeded: value)
    case 9: event.entryTime = value
    case 10: event.exitTime = value
    default: event.stream = UInt8(truncatingIfNeeded: value)
    }
  }

  private func mutateKeyframe(_ reel: inout EditableReel, _ generator: inout Generator) {
    guard !reel.keyframes.isEmpty else { return }
    let place = Int(generator.below(UInt64(reel.keyframes.count)))
    let value = generator.hostileNumber()
    switch generator.below(9) {
    case 0: reel.keyframes.remove(at: place)
    case 1: reel.keyframes[place].number = value
    case 2: reel.keyframes[place].eventIndex = value
    case 3: reel.keyframes[place].parent = value % 100
    case 4: reel.keyframes[place].isFullMap.toggle()
    case 5: reel.keyframes[place].digest = value
    case 6:
      reel.keyframes[place].pages.append(
        MappedPage(
          page: UInt32(truncatingIfNeeded: value),
          content: value % 2 == 0
            ? .zero : StoredPage(PageIdentity(low: value, high: 1), ordinal: value % 9)))
    default:
      guard !reel.keyframes[place].vcpuStates.isEmpty else { return }
      let count = reel.keyframes[place].vcpuStates[0].bytes.count
      let byte = Int(generator.below(UInt64(count)))
      if value % 5 == 0 {
        reel.keyframes[place].vcpuStates[0].bytes.removeLast(count - byte)
      } else {
        reel.keyframes[place].vcpuStates[0].bytes[byte] = UInt8(truncatingIfNeeded: value)
      }
    }
  }
}

extension EditableReel {
  fileprivate func firstDifference(from other: EditableReel) -> String {
    for (mine, theirs) in zip(entries, other.entries) where mine.event != theirs.event {
      return "\(theirs.event) became \(mine.event)"
    }
    return "\(other.entries.count) events became \(entries.count)"
  }

  /// Whether anything differs that the guest made or was given.
  fileprivate func differsVisibly(from other: EditableReel) -> Bool {
    func visible(_ reel: EditableReel) -> [Event] {
      reel.entries.map { entry in
        var event = entry.event
        (event.check, event.digest, event.stream, event.payloadOffset) = (0, 0, 0, 0)
        (event.entryTime, event.exitTime, event.payloadLength) = (0, 0, 0)
        if !event.kind.isGuestMade { event.rip = 0 }
        let usesAddress = [.interrupt, .keyframe].contains(event.kind)
        if !event.kind.isGuestMade, !usesAddress { event.address = 0 }
        if !event.kind.isGuestMade, event.kind != .inputData {
          (event.value, event.width, event.count) = (0, 0, 0)
        }
        return event
      }
    }
    return visible(self) != visible(other)
  }
}

/// SplitMix64: reproducible random numbers.
private struct Generator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }

  mutating func below(_ limit: UInt64) -> UInt64 { next() % limit }

  /// A number that programs often get wrong, or any.
  mutating func hostileNumber() -> UInt64 {
    let edges: [UInt64] = [0, 1, 0xff, 0x100, 0xffff, 1 << 32, 1 << 63, .max, .max - 1]
    return below(3) == 0 ? edges[Int(below(UInt64(edges.count)))] : next() >> below(64)
  }

  mutating func bytes(below limit: UInt64) -> [UInt8] {
    (0..<below(limit)).map { _ in UInt8(truncatingIfNeeded: next()) }
  }
}
