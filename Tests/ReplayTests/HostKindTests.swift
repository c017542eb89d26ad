import Machine
import Replay
import Testing
import Trace

/// Reels on a host that reports exits in another way than the one that recorded them.
@Suite struct HostKindTests {
  private func script(standsAfter: Bool) -> ProcessorScript {
    var script = ProcessorScript()
    script.standsAfterPortWrites = standsAfter
    return script
  }

  private func richRecording(_ script: ProcessorScript) throws -> Recording {
    try record(GuestPrograms.rich, script: script) { $0.input = Array("xy".utf8) }
  }

  /// Plain OUTs only: string writes keep RIP at the instruction everywhere.
  private func portWrites(_ recording: Recording) -> [Event] {
    recording.events.filter { $0.kind == .portWrite && $0.count == 0 }
  }

  @Test(arguments: [false, true])
  func anOUTAgreesWhereverRIPStands(recordedAfter: Bool) throws {
    let recording = try richRecording(script(standsAfter: recordedAfter))
    let elsewhere = try replay(
      recording, script: script(standsAfter: !recordedAfter), hostIsOfRecordedKind: false)
    #expect(elsewhere.isIdentical, "\(elsewhere.verdict.outcome)")
    #expect(elsewhere.verdict.exitsNormalized == UInt64(portWrites(recording).count))
    #expect(elsewhere.console == recording.console)
    let here = try replay(recording, script: script(standsAfter: recordedAfter))
    #expect(here.isIdentical && here.verdict.exitsNormalized == 0)
  }

  @Test func aHostOfTheSameKindMustAgreeExactly() throws {
    let recording = try richRecording(script(standsAfter: false))
    let replayed = try replay(recording, script: script(standsAfter: true))
    let first = try #require(recording.events.firstIndex { $0.kind == .portWrite })
    #expect(replayed.divergence?.index == UInt64(first))
  }

  @Test func bothConventionsMakeTheSameDigests() throws {
    let at = try richRecording(script(standsAfter: false))
    let after = try richRecording(script(standsAfter: true))
    #expect(at.events.map(\.check) == after.events.map(\.check))
    #expect(at.events.map(\.rip) != after.events.map(\.rip))
  }

  /// One byte on is right after `out`, two bytes on is another place, and before it lies no OUT.
  @Test(arguments: [2, 14, 40, UInt64.max, UInt64.max - 1] as [UInt64])
  func anotherPlaceIsADifference(offset: UInt64) throws {
    let recording = try richRecording(script(standsAfter: false))
    var reel = try recording.editable()
    let place = try #require(
      reel.entries.indices.first { index in
        let event = reel.entries[index].event
        return event.kind == .portWrite && event.count == 0
          && recording.program.operation(at: event.rip &- 1).map { !$0.isOUT } ?? false
      })
    reel.entries[place].event.rip &+= offset
    let replayed = try replay(recording, bytes: reel.encoded(), hostIsOfRecordedKind: false)
    let divergence = try #require(replayed.divergence)
    #expect(divergence.index == UInt64(place))
    guard case .fields(["rip"]) = divergence.difference else {
      Issue.record("\(divergence.difference)")
      return
    }
  }

  /// Where another instruction lies, RIP is not forgiven.
  @Test func onlyAnOUTMayStandElsewhere() throws {
    let recording = try richRecording(ProcessorScript())
    for kind in [EventKind.portRead, .memoryRead, .memoryWrite, .msrRead, .msrWrite, .halt] {
      var reel = try recording.editable()
      let place = try #require(reel.entries.indices.first { reel.entries[$0].event.kind == kind })
      reel.entries[place].event.rip &+= 1
      let replayed = try replay(recording, bytes: reel.encoded(), hostIsOfRecordedKind: false)
      let divergence = try #require(replayed.divergence)
      #expect(divergence.index == UInt64(place), "\(kind.name)")
    }
  }

  @Test func arithmeticFlagsCountOnAHostOfTheSameKindOnly() throws {
    let recording = try richRecording(ProcessorScript())
    var other = ProcessorScript()
    other.undefinedFlags = 0x811
    let strict = try #require(try replay(recording, script: other).divergence)
    guard case .fields(["arithmetic flags"]) = strict.difference else {
      Issue.record("\(strict.difference)")
      return
    }
    #expect(strict.recorded.arithmeticFlags == 0 && strict.replayed?.arithmeticFlags == 0x811)
  }

  /// No interrupt comes here, so that no flags lie on the guest's stack.
  @Test func undefinedFlagsAreNoDifferenceElsewhere() throws {
    let program = ScriptedProgram(
      out(0x3f8, 0x41) + [.input(0x3fd, width: 1), .storeDevice(0xfed0_0000, width: 4)]
        + out(0xf4, 0))
    let recording = try record(program)
    var other = ProcessorScript()
    other.undefinedFlags = 0x8d5
    #expect(try replay(recording, script: other).divergence != nil)
    let elsewhere = try replay(recording, script: other, hostIsOfRecordedKind: false)
    #expect(elsewhere.isIdentical, "\(elsewhere.verdict.outcome)")
    #expect(elsewhere.verdict.keyframesCompared == recording.end.keyframeCount)
  }
}

extension Operation {
  fileprivate var isOUT: Bool { if case .out = self { true } else { false } }
}
