import Machine
import Replay
import Testing
import Trace

/// Lets the recorded guest get something else than what was logged, as a faulty host would.
///
/// The log agrees with itself, so only the guest's own behaviour can give the fault away.
@Suite struct FaultTests {
  private let reads = ScriptedProgram(
    [
      .input(0x60, width: 1), .set(.rbx, 1), .out(0x80, width: 1),
      .loadDevice(GuestPrograms.device, width: 4), .set(.rax, 7), .out(0x80, width: 1),
      .readMSR(0x10), .store(.rax, 0x5000), .set(.rax, 9), .out(0x80, width: 1),
    ] + GuestPrograms.finish)

  private func recording(alteringReply reply: Int, bits: UInt64 = 2) throws -> Recording {
    var script = ProcessorScript()
    script.alteredReplies = [reply: bits]
    return try record(reads, script: script)
  }

  private func inputs(_ recording: Recording) -> [UInt64] {
    recording.events.indices.filter { recording.events[$0].kind == .inputData }.map(UInt64.init)
  }

  @Test func anObservedInputIsFoundAtTheNextExit() throws {
    let recording = try recording(alteringReply: 0)
    let input = inputs(recording)[0]
    let divergence = try #require(try replay(recording).divergence)
    #expect(divergence.index == input + 1)
    guard case .fields(let names) = divergence.difference else {
      Issue.record("\(divergence.difference)")
      return
    }
    #expect(names == ["value"])
    #expect(divergence.suspects.map(\.index) == [input])
    #expect(divergence.recorded.value ^ 2 == divergence.replayed?.value)
    #expect(divergence.context.map(\.index) == Array(0...input))
  }

  @Test func anOverwrittenInputIsNoDifference() throws {
    let recording = try recording(alteringReply: 1)
    #expect(try replay(recording).isIdentical, "the guest never looked at it")
  }

  @Test func anInputKeptOnlyInMemoryIsFoundAtTheEnd() throws {
    let recording = try recording(alteringReply: 2)
    let divergence = try #require(try replay(recording).divergence)
    #expect(divergence.index == recording.end.eventCount - 1)
    guard case .state(let state, let pages) = divergence.difference else {
      Issue.record("\(divergence.difference)")
      return
    }
    #expect(state.isEmpty)
    #expect(pages.map(\.page) == [5] && pages.map(\.offset) == [0])
    #expect(pages[0].recorded ^ pages[0].replayed == 2)
  }

  @Test func hiddenStateIsFoundAtTheNextKeyframe() throws {
    let program = ScriptedProgram(
      [.input(0x60, width: 1), .add(.rax, .max - 0xfe), .jumpUnlessZero(.rax, "hide")]
        + [.jump("go"), .label("hide"), .touchHidden, .label("go"), .set(.rax, 0)]
        + GuestPrograms.finish)
    var script = ProcessorScript()
    script.alteredReplies = [0: 1]
    let divergence = try #require(try replay(try record(program, script: script)).divergence)
    guard case .state(let state, let pages) = divergence.difference else {
      Issue.record("\(divergence.difference)")
      return
    }
    #expect(!state.isEmpty && pages.isEmpty)
  }

  /// Every reply of the rich program in turn: found or harmless, and never before its event.
  @Test func everyAlteredReplyIsFoundInTime() throws {
    var found = 0
    for reply in 0..<12 {
      var script = ProcessorScript()
      script.alteredReplies = [reply: 0x10]
      let recording = try record(GuestPrograms.rich, script: script) {
        $0.input = Array("xy".utf8)
      }
      guard let input = singleInputs(recording).dropFirst(reply).first else { break }
      guard let divergence = try replay(recording).divergence else { continue }
      found += 1
      #expect(divergence.index > input)
      let next = recording.events.indices.first {
        $0 > Int(input) && recording.events[$0].kind.isGuestMade
      }
      if UInt64(try #require(next)) == divergence.index {
        #expect(divergence.suspects.contains { $0.index == input })
      }
    }
    #expect(found >= 5)
  }

  private func singleInputs(_ recording: Recording) -> [UInt64] {
    inputs(recording).filter { recording.events[Int($0)].payloadLength == 0 }
  }

  @Test func anotherVectorIsFoundAtTheNextExit() throws {
    var script = ProcessorScript()
    script.alteredVectors = [0: 0x21]
    let recording = try record(GuestPrograms.rich, script: script) { $0.input = [0x78, 0x79] }
    let interrupt = try #require(recording.kinds.firstIndex(of: .interrupt))
    let divergence = try #require(try replay(recording).divergence)
    #expect(divergence.index == UInt64(interrupt) + 1)
    #expect(divergence.suspects.map(\.index) == [UInt64(interrupt)])
  }

  @Test func replayingFaultsAreFoundToo() throws {
    let recording = try record(reads)
    var script = ProcessorScript()
    script.alteredReplies = [0: 4]
    let divergence = try #require(try replay(recording, script: script).divergence)
    #expect(divergence.index == inputs(recording)[0] + 1)
  }
}
