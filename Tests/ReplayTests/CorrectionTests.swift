import Machine
import Replay
import Testing
import Trace

/// Replays that take one event for another than the log holds.
@Suite struct CorrectionTests {
  private let program = ScriptedProgram(
    [.input(0x60, width: 1), .out(0x80, width: 1), .set(.rax, 9), .out(0x80, width: 1)]
      + GuestPrograms.finish)

  private func altered(_ change: (inout EditableReel) throws -> Void) throws -> (Recording, [UInt8])
  {
    let recording = try record(program)
    var reel = try recording.editable()
    try change(&reel)
    return (recording, reel.encoded())
  }

  private func first(_ kind: EventKind, _ recording: [EditableReel.Entry]) throws -> Int {
    try #require(recording.firstIndex { $0.event.kind == kind })
  }

  private func result(
    _ reel: (recording: Recording, bytes: [UInt8]), _ change: ReplayCorrection.Change, at index: Int
  ) throws -> Replayed {
    try replay(
      reel.recording, bytes: reel.bytes,
      correction: ReplayCorrection(change, at: EventIndex(index)))
  }

  @Test func theExitAsReplayedFitsTheChecksOfAnAlteredLog() throws {
    var index = 0
    let reel = try altered {
      index = try first(.portWrite, $0.entries)
      $0.entries[index].event.value ^= 1
    }
    #expect(try replay(reel.0, bytes: reel.1).divergence?.index == EventIndex(index))
    #expect(try result(reel, .exitAsReplayed, at: index).isIdentical)
    #expect(try result(reel, .checkIgnored, at: index).divergence?.index == EventIndex(index))
    #expect(try result(reel, .exitAsReplayed, at: index + 1).divergence != nil)
  }

  @Test func itDoesNotFitWhereTheLogAgreesWithItself() throws {
    var index = 0
    let reel = try altered {
      index = try first(.portWrite, $0.entries)
      $0.entries[index].event.value ^= 1
      $0.seal()
    }
    let divergence = try #require(try result(reel, .exitAsReplayed, at: index).divergence)
    guard case .registers = divergence.difference else {
      Issue.record("\(divergence.difference)")
      return
    }
    #expect(divergence.index == EventIndex(index))
  }

  @Test func aCheckCanBeLeftOut() throws {
    var index = 0
    let reel = try altered {
      index = try first(.portWrite, $0.entries)
      $0.entries[index].event.check ^= 1
    }
    #expect(try replay(reel.0, bytes: reel.1).divergence?.index == EventIndex(index))
    #expect(try result(reel, .checkIgnored, at: index).isIdentical)
  }

  @Test func onlyTheRecordedInputFits() throws {
    var (index, recorded) = (0, UInt64(0))
    let reel = try altered {
      index = try first(.inputData, $0.entries)
      recorded = $0.entries[index].event.value
      $0.entries[index].event.value = recorded ^ 5
    }
    #expect(try replay(reel.0, bytes: reel.1).divergence != nil)
    for value in UInt64(0)...255 {
      let isIdentical = try result(reel, .input(value), at: index).isIdentical
      #expect(isIdentical == (value == recorded), "\(value)")
    }
  }

  @Test func aKeyframeCanBeLeftOut() throws {
    var mark = 0
    let reel = try altered {
      let place = $0.keyframes.count - 1
      var state = try #require(try vcpuState($0.keyframes[place]))
      state.registers.r15 ^= 1
      setState(state, &$0.keyframes[place])
      mark = Int($0.keyframes[place].eventIndex)
    }
    #expect(try replay(reel.0, bytes: reel.1).divergence?.index == EventIndex(mark))
    #expect(try result(reel, .keyframeIgnored, at: mark).isIdentical)
    #expect(try result(reel, .keyframeIgnored, at: mark - 1).divergence != nil)
  }
}
