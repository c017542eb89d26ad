import Testing
import Trace

@Suite("Copies without host times or console text")
struct StrippedPartsTests {
  private func strip(_ bytes: [UInt8], _ parts: StrippedParts) throws -> [UInt8] {
    var stripper = ReelStripper(try open(bytes), without: parts)
    var copy = stripper.header
    while let block = try stripper.nextBlock() { copy += block }
    return copy
  }

  private func events(_ reel: Reel) throws -> [Event] {
    try reel.eventBlocks.flatMap { try reel.events(of: $0).events }
  }

  @Test("Without times, all else and the pages are there, and no time is")
  func times() throws {
    let original = try open(sampleReel())
    let bytes = try strip(sampleReel(), .times)
    let copy = try open(bytes)
    #expect(copy.header == original.header)
    let expected = try events(original).map { event in
      var event = event
      (event.entryTime, event.exitTime) = (0, 0)
      return event
    }
    #expect(try events(copy) == expected)
    for block in copy.eventBlocks {
      let columns = try copy.columnSizes(of: block).map(\.id)
      #expect(!columns.contains(EventColumn.gap.rawValue))
      #expect(!columns.contains(EventColumn.slice.rawValue))
    }
    for block in copy.blocks {
      #expect(block.header.firstTime == 0 && block.header.lastTime == 0)
    }
    for exit in try copy.kernelExitBlocks.flatMap({ try copy.kernelExits(of: $0).exits }) {
      #expect(exit.entryTime == 0 && exit.exitTime == 0 && !exit.flags.contains(.entryTime))
    }
    #expect(try copy.hostTotals().allSatisfy { $0.time == 0 })
    #expect(copy.end?.durationNanoseconds == 0 && copy.end?.digest == original.end?.digest)
    for number in original.keyframeNumbers {
      #expect(try copy.keyframe(number) == original.keyframe(number))
      for (_, content) in try copy.pageMap(at: number) {
        #expect(try copy.page(content) == original.page(content))
      }
    }
    #expect(try strip(bytes, .times) == bytes)
  }

  @Test("Counters of waiting go with the times")
  func counters() throws {
    var encoder = BlockEncoder(pageKey: testPageKey)
    let totals = HostTotals(
      moment: .end, anchor: nil, time: 5,
      counters: ["kvm.exits", "kvm.halt_wait_ns", "kvm.halt_wait_hist"].map {
        HostTotals.Counter(name: $0, value: 7)
      })
    let bytes = reelStart() + encoder.block(.hostTotals, totals.encoded())
    let copy = try open(try strip(bytes, .times))
    #expect(try copy.hostTotals().first?.counters.map(\.name) == ["kvm.exits"])
  }

  /// A guest that prints `ab` and, with a string instruction, `cd`, and reads `ef` and `gh`.
  private func talkativeReel() -> [UInt8] {
    func event(
      _ kind: EventKind, _ address: UInt64 = 0, _ text: String = "", width: UInt8 = 1,
      stream: UInt8 = 0
    ) -> (Event, [UInt8]) {
      var event = Event(kind)
      (event.address, event.width, event.stream) = (address, width, stream)
      (event.check, event.arithmeticFlags) = kind.isExit ? (0x5a, 0x45) : (0, 0)
      let bytes = Array(text.utf8)
      if bytes.count == 1 { event.value = UInt64(bytes[0]) }
      if bytes.count > 1 { (event.count, event.payloadLength) = (2, 2) }
      return (event, bytes.count > 1 ? bytes : [])
    }
    var list = [
      event(.portWrite, 0x3f8, "a", stream: 1), event(.portWrite, 0xe9, "b", stream: 2),
      event(.portWrite, 0x3f8, "cd", stream: 1), event(.portRead, 0x3f8), event(.inputData, 0, "e"),
      event(.portRead, 0x3f7, width: 2), event(.inputData, 0, "f"), event(.portRead, 0x3f8),
      event(.inputData, 0, "gh"), event(.portRead, 0x3fd), event(.inputData, 0, "x"),
      event(.portWrite, 0x70, "y"), event(.memoryWrite, 0x4000_0000, "z"),
    ]
    list[2].0.flags = .fullDigest
    list[2].0.digest = 0x1234_5678_9abc_de5a
    var encoder = BlockEncoder(pageKey: testPageKey)
    var bytes = reelStart() + encoder.blocks(of: capture(0, [(0, 1)]))
    bytes += appendEvents(list.map(\.0), payload: list.flatMap(\.1), with: &encoder)
    return bytes + encoder.end(endRecord(events: UInt64(list.count)))
  }

  @Test("Without console text, all that went through consoles is zeros, other values stay")
  func console() throws {
    let bytes = try strip(talkativeReel(), .console)
    let copy = try open(bytes)
    #expect(!copy.header.hasConsole && !copy.header.hasPages)
    let block = try copy.events(of: copy.eventBlocks[0])
    let text = block.events.map { UInt8(truncatingIfNeeded: $0.value) } + block.payload
    #expect(text.filter { $0 != 0 } == Array("xyz".utf8))
    #expect(block.payload == [0, 0, 0, 0])
    let original = try events(try open(talkativeReel()))
    #expect(block.events.map(\.kind) == original.map(\.kind))
    #expect(block.events.map(\.payloadLength) == original.map(\.payloadLength))
    #expect(block.events.map(\.stream) == original.map(\.stream))
    for event in block.events {
      #expect(event.check == 0 && event.digest == 0 && event.flags.isEmpty)
      #expect(event.arithmeticFlags == 0)
    }
    let keyframe = try copy.keyframe(0)
    #expect(keyframe.digest == 0 && keyframe.vcpuStates.isEmpty && keyframe.boardStates.isEmpty)
    #expect(copy.end?.digest == 0 && copy.end?.eventCount == UInt64(original.count))
    #expect(try strip(bytes, .console) == bytes)
  }

  @Test("Parts combine, in one step or in several")
  func combined() throws {
    let all = try strip(talkativeReel(), [.pages, .times, .console])
    #expect(try strip(talkativeReel(), [.times, .console]) == all)
    #expect(try strip(try strip(talkativeReel(), .times), .console) == all)
    #expect(try strip(try strip(talkativeReel(), .console), .times) == all)
  }

  @Test("The history names the parts as options do")
  func names() {
    #expect(StrippedParts([.pages, .times]).operation == "strip --pages --times")
    #expect(StrippedParts.console.closure == [.pages, .console])
    var metadata: [StrippedParts] = []
    for operation in ["strip --times", "trim", "strip", "strip --console --more", "--times"] {
      metadata.append(StrippedParts(operation: operation))
    }
    #expect(metadata == [.times, [], [], .console, []])
  }
}
