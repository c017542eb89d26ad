import Testing
import Trace

@Suite("A stripped copy: everything but the guest's memory")
struct ReelStripperTests {
  private func strip(_ bytes: [UInt8]) throws -> (bytes: [UInt8], stripper: ReelStripper) {
    var stripper = ReelStripper(try open(bytes))
    var copy = stripper.header
    while let block = try stripper.nextBlock() { copy += block }
    return (copy, stripper)
  }

  @Test("No page, no identity and no key is in the copy's blocks")
  func noMemory() throws {
    let (bytes, stripper) = try strip(sampleReel())
    let reel = try open(bytes)
    #expect(stripper.pageCount == 3)
    #expect(!reel.header.hasPages && reel.header.pageKey == [UInt8](repeating: 0, count: 16))
    #expect(!reel.blocks.contains { $0.header.type == .pages })
    for number in reel.keyframeNumbers {
      #expect(try reel.keyframe(number).pages.isEmpty)
    }
    // The pages of the sample are filled with 1, 2 and 3: such runs are nowhere.
    for block in reel.blocks {
      let raw = try block.header.type == .footer ? [] : reel.uncompressedBytes(of: block)
      for fill in UInt8(1)...3 {
        #expect(!raw.split { $0 != fill }.contains { $0.count > 15 })
      }
    }
  }

  @Test("Events, kernel exits, totals, states and end facts are those of the original")
  func theRest() throws {
    let original = try open(sampleReel())
    let copy = try open(try strip(sampleReel()).bytes)
    #expect(copy.tail == .whole && copy.end == original.end)
    #expect(copy.metadataJSON == original.metadataJSON)
    #expect(try copy.hostTotals() == original.hostTotals())
    for (one, other) in zip(original.eventBlocks, copy.eventBlocks) {
      // What a device wrote is guest memory: zeros, as many as there were bytes.
      var expected = try original.events(of: one)
      for event in expected.events where event.kind == .deviceWrite {
        let start = Int(event.payloadOffset)
        for index in start..<start + Int(event.payloadLength) { expected.payload[index] = 0 }
      }
      #expect(try expected == copy.events(of: other))
    }
    for (one, other) in zip(original.kernelExitBlocks, copy.kernelExitBlocks) {
      #expect(try original.kernelExits(of: one) == copy.kernelExits(of: other))
    }
    #expect(copy.eventCount == original.eventCount && copy.kernelExitBlocks.count == 1)
    for number in original.keyframeNumbers {
      var keyframe = try original.keyframe(number)
      #expect(!keyframe.pages.isEmpty)
      keyframe.pages = []
      #expect(try copy.keyframe(number) == keyframe)
    }
  }

  @Test("The same reel gives the same copy, and so does the copy itself")
  func deterministic() throws {
    let first = try strip(sampleReel()).bytes
    #expect(try strip(sampleReel()).bytes == first)
    let again = try strip(first)
    #expect(again.bytes == first && again.stripper.pageCount == 0)
  }

  @Test("Whoever asks the copy for memory is told that it was stripped")
  func memoryIsRefused() throws {
    let reel = try open(try strip(sampleReel()).bytes)
    #expect(throws: TraceError.pagesStripped) { try reel.pageMap(at: 0) }
    #expect(throws: TraceError.pagesStripped) {
      try reel.page(StoredPage(PageIdentity(low: 1, high: 2), ordinal: 0))
    }
    let map = [3 as UInt32: StoredPage(PageIdentity(low: 1, high: 2), ordinal: 0)]
    #expect(throws: TraceError.pagesStripped) { try reel.forEachPage(of: map) { _, _ in } }
  }

  @Test("Nothing unknown comes through: block types, columns, misplaced blocks, tails")
  func unknown() throws {
    let secret = Array("a secret of the guest".utf8)
    let columns = columnBlock([
      RawColumn(id: 1, bytes: [1, 7, 8]), RawColumn(id: 99, encoding: 5, flags: 0, bytes: secret),
    ])
    let odd = [
      RawBlock(type: 77, raw: secret), RawBlock(type: 1, raw: secret),
      RawBlock(type: 2, columns: columns, eventCount: 2),
      RawBlock(type: 5, raw: endRecord(events: 2).encoded() + secret),
    ]
    let bytes = reelStart() + odd.flatMap(\.bytes)
    let (copy, stripper) = try strip(bytes)
    #expect(stripper.unknownBlockCount == 2 && stripper.unknownColumnCount == 1)
    let reel = try open(copy)
    #expect(reel.blocks.map(\.header.type) == [.metadata, .events, .end, .index, .footer])
    #expect(reel.end == endRecord(events: 2) && reel.eventCount == 2)
    for block in reel.blocks {
      let raw = try block.header.type == .footer ? [] : reel.uncompressedBytes(of: block)
      #expect(!String(decoding: raw, as: UTF8.self).contains("secret"))
    }
  }

  @Test("A damaged reel is refused or copied, never a trap, and a copy can always be opened")
  func damaged() throws {
    let bytes = sampleReel()
    var refused = 0
    for position in stride(from: 0, to: bytes.count, by: 3) {
      var flipped = bytes
      flipped[position] ^= UInt8(1 << (position % 8))
      do {
        _ = try open(try strip(flipped).bytes)
      } catch is TraceError {
        refused += 1
      }
    }
    #expect(refused > 0)
    for length in stride(from: 0, to: bytes.count, by: 7) {
      guard let copy = try? strip(Array(bytes.prefix(length))).bytes else { continue }
      // Only the index may be missing from what is whole again in a copy.
      let isCut = try open(bytes.prefix(length)).end == nil
      #expect(try (open(copy).tail != .whole) == isCut)
    }
  }
}
