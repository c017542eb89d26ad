import Machine
import ReelFixtures
import Replay
import Testing
import Trace

/// Replays reels that no recorder wrote: each must end in a verdict or a defined error.
@Suite struct HostileReelTests {
  private let recording: Recording

  init() throws {
    recording = try record(
      GuestPrograms.rich, policy: quietPolicy { $0.keyframeExitInterval = 20 },
      script: ProcessorScript(kicks: [60, 65])
    ) { $0.input = Array("x".utf8) }
  }

  private func edited(_ change: (inout EditableReel) throws -> Void) throws -> [UInt8] {
    var reel = try recording.editable()
    try change(&reel)
    return reel.encoded()
  }

  private func index(of kind: EventKind) throws -> Int {
    try #require(recording.kinds.firstIndex(of: kind))
  }

  private func unsupported(_ bytes: [UInt8], _ words: String...) throws {
    do {
      let replayed = try replay(recording, bytes: bytes)
      Issue.record("\(replayed.verdict.outcome)")
    } catch ReplayError.unsupported(let text) {
      for word in words { #expect(text.contains(word), "\(text)") }
    }
  }

  // MARK: Guests that do not stop

  @Test func aSilentGuestEndsInNoExit() throws {
    let bytes = try edited { reel in
      var state = try #require(try vcpuState(reel.keyframes[0]))
      state.registers.rip = recording.program.address(of: "spin")
      setState(state, &reel.keyframes[0])
    }
    let divergence = try #require(try replay(recording, bytes: bytes).divergence)
    #expect(divergence.index == 1)
    guard case .noExit(let bound) = divergence.difference else {
      Issue.record("\(divergence.difference)")
      return
    }
    #expect(bound >= smallBounds().noExitNanoseconds)
    #expect(bound <= 17 * smallBounds().noExitNanoseconds)
  }

  @Test func hugeBoundsDoNotOverflow() throws {
    var bounds = smallBounds()
    bounds.noExitNanoseconds = .max
    #expect(try replay(recording, bounds: bounds).isIdentical)
  }

  @Test(arguments: [0, 1, .max, 1 << 63] as [UInt64])
  func hostileTimesDoNotTrap(time: UInt64) throws {
    for script in [ProcessorScript(), ProcessorScript(debugFeatures: [])] {
      let bytes = try edited { reel in
        for index in reel.entries.indices {
          reel.entries[index].event.entryTime = index % 3 == 0 ? time : .max / 2
          reel.entries[index].event.exitTime = index % 2 == 0 ? time : .max
        }
      }
      let verdict = try replay(recording, bytes: bytes, script: script).verdict
      #expect(verdict.jumpedNanoseconds <= verdict.guestNanoseconds)
    }
  }

  // MARK: Missing and extra events

  @Test func aMissingInputIsNamed() throws {
    let input = try index(of: .inputData)
    let replayed = try replay(
      recording,
      bytes: try edited {
        $0.entries.remove(at: input)
        $0.seal()
      })
    let divergence = try #require(replayed.divergence)
    #expect(divergence.index == UInt64(input))
    guard case .replyMismatch = divergence.difference else {
      Issue.record("\(divergence.difference)")
      return
    }
  }

  @Test func anInputTooManyIsNamed() throws {
    let input = try index(of: .inputData)
    let bytes = try edited {
      $0.entries.insert($0.entries[input], at: input + 1)
      $0.seal()
    }
    #expect(try replay(recording, bytes: bytes).divergence?.index == UInt64(input) + 1)
  }

  @Test func anInterruptInTheWrongPlaceIsNamed() throws {
    let interrupt = try index(of: .interrupt)
    for place in [2, 10, interrupt + 1] {
      let bytes = try edited {
        $0.entries.insert($0.entries[interrupt], at: place)
        $0.seal()
      }
      let divergence = try #require(try replay(recording, bytes: bytes).divergence)
      #expect(divergence.index == UInt64(place))
    }
  }

  @Test func aVectorBeyondAByteIsNamed() throws {
    let interrupt = try index(of: .interrupt)
    let bytes = try edited {
      $0.entries[interrupt].event.address = 0x120
      $0.seal()
    }
    #expect(try replay(recording, bytes: bytes).divergence?.index == UInt64(interrupt))
  }

  @Test func anInjectionInsideAnInstructionIsAnUnexpectedExit() throws {
    let half = try #require(
      recording.events.firstIndex { $0.kind == .memoryWrite && $0.width == 3 })
    let bytes = try edited {
      $0.entries.insert($0.entries[try index(of: .interrupt)], at: half + 1)
      $0.seal()
    }
    let divergence = try #require(try replay(recording, bytes: bytes).divergence)
    #expect(divergence.index == UInt64(half) + 1)
    guard case .unexpectedExit = divergence.difference else {
      Issue.record("\(divergence.difference)")
      return
    }
    #expect(divergence.replayed?.kind == .memoryWrite && divergence.replayed?.width == 5)
  }

  @Test func lostTailsAreNoticed() throws {
    for count in [1, 5, 30] {
      let bytes = try edited { $0.entries.removeLast(count) }
      try unsupported(bytes, "end record counts \(recording.end.eventCount)")
    }
  }

  @Test func lostBlocksAreNoticed() throws {
    var bytes = try recording.editable().encoded(eventsPerBlock: 20)
    let block = try Reel(MemorySource(bytes)).eventBlocks[1]
    let start = Int(block.offset)
    bytes.removeSubrange(start..<start + 64 + Int(block.header.storedSize))
    let replayed = try replay(recording, bytes: bytes)
    #expect(!replayed.verdict.reelIsWhole, "reading stops at the gap")
    #expect(replayed.verdict.events == 20)
    do {
      let memory = try GuestMemory(mebibytes: 1)
      _ = try Replayer(
        processor: ScriptedProcessor(recording.program, memory: memory), memory: memory,
        reel: Reel(salvaging: MemorySource(bytes)),
        policy: ReplayPolicy(interruptWindowIsExact: true)
      ).run()
      Issue.record("replayed across the gap")
    } catch ReplayError.unsupported(let text) {
      #expect(text.contains("event 40 follows event 19"))
    }
  }

  @Test func aKickWithoutItsSealIsRefused() throws {
    let kick = try index(of: .kick)
    let bytes = try edited {
      $0.entries.insert($0.entries[kick], at: kick)
    }
    try unsupported(bytes, "event \(kick) is a kick", "seal")
  }

  /// A recorder killed between a kick and its mark leaves a slice that nobody can check.
  @Test func aReelThatEndsAtAKickIsNotIdentical() throws {
    let kick = try index(of: .kick)
    let bytes = try edited {
      $0.entries.removeLast($0.entries.count - kick - 1)
      $0.end = nil
    }
    let replayed = try replay(recording, bytes: bytes)
    #expect(replayed.isConsistent)
    #expect(!replayed.verdict.reelIsWhole)
    #expect(replayed.verdict.events == UInt64(kick) + 1)
  }

  // MARK: Keyframes

  @Test func marksOfAbsentOrOtherKeyframes() throws {
    let mark = try #require(recording.kinds.dropFirst().firstIndex(of: .keyframe))
    try unsupported(
      try edited { $0.entries[mark].event.address = 0 }, "keyframe 0", "event \(mark)")
    #expect(throws: ReplayError.self) {
      try replay(
        recording, bytes: try edited { $0.entries[mark].event.address = 1 << 40 })
    }
    #expect(throws: ReplayError.self) {
      try replay(recording, bytes: try edited { $0.keyframes.remove(at: 1) })
    }
  }

  @Test func keyframesWithoutState() throws {
    try unsupported(try edited { $0.keyframes[0].vcpuStates = [] }, "keyframe 0", "vCPU 0")
    try unsupported(try edited { $0.keyframes[1].vcpuStates[0].vcpu = 1 }, "keyframe 1")
    #expect(throws: ReplayError.self) {
      try replay(recording, bytes: try edited { $0.keyframes.removeAll() })
    }
  }

  @Test func keyframePagesOutsideRAM() throws {
    let outside = try edited {
      let page = $0.keyframes[0].pages[0]
      $0.keyframes[0].pages.append(MappedPage(page: 0xffff_fff0, content: page.content))
    }
    try unsupported(outside, "keyframe 0", "RAM")
  }

  @Test func alteredKeyframesAreFound() throws {
    for place in recording.kinds.filter({ $0 == .keyframe }).indices.dropFirst() {
      let original = try recording.editable().keyframes[place]
      let state = try edited {
        var state = try #require(try vcpuState($0.keyframes[place]))
        state.system.cr2 ^= 1
        setState(state, &$0.keyframes[place])
      }
      let replayed = try replay(recording, bytes: state)
      if original.kind == .seal {
        #expect(!replayed.isIdentical)
      } else {
        #expect(replayed.divergence?.index == original.eventIndex)
      }
      let digest = try edited { $0.keyframes[place].digest ^= 1 }
      #expect(try replay(recording, bytes: digest).divergence?.index == original.eventIndex)
      if !original.pages.isEmpty {
        let pages = try edited { $0.keyframes[place].pages[0].content = .zero }
        #expect(try !replay(recording, bytes: pages).isIdentical)
      }
    }
  }

  // MARK: Other vCPUs and kinds

  @Test func otherVCPUsAreRefused() throws {
    try unsupported(try edited { $0.entries[5].event.vcpu = 1 }, "event 5 is on vCPU 1")
  }

  @Test(arguments: [0, 12, 31, 36, 47, 49, 63, 66, 79, 80, 255] as [UInt8])
  func unknownKindsAreNamed(kind: UInt8) throws {
    let bytes = try edited { $0.entries[5].event.kind = EventKind(rawValue: kind) }
    do {
      #expect(try replay(recording, bytes: bytes).divergence?.index == 5)
    } catch ReplayError.unsupported(let text) {
      #expect(text.contains("event 5 is of kind kind-\(kind)"))
    }
  }

  @Test func windowRequestsNeedTheExactRule() throws {
    var other = recording
    other.policy.interruptWindowIsExact = false
    #expect(throws: ReplayError.self) { try replay(other) }
  }
}
