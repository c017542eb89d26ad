import Bytes
import ReelFixtures
import Testing
import Trace

@Suite("A reel in memory: header, blocks, cursor, end, and what a cut leaves of it")
struct ReelTests {
  @Test("The file header comes back equal and takes 64 bytes")
  func fileHeader() throws {
    let header = FileHeader(pageKey: testPageKey)
    let bytes = header.encoded()
    #expect(bytes.count == 64)
    #expect(bytes.prefix(8) == [0x89, 0x76, 0x6d, 0x72, 0x65, 0x65, 0x6c, 0x0a])
    #expect(try FileHeader(decoding: bytes) == header)
  }

  @Test("A newer minor version and the candidate are read; older and newer ones refused")
  func versions() throws {
    var header = FileHeader(pageKey: testPageKey)
    #expect((header.major, header.minor) == (1, 0))
    for (major, minor) in [(1, 1), (1, .max), (0, 12)] as [(UInt16, UInt16)] {
      (header.major, header.minor) = (major, minor)
      #expect(try FileHeader(decoding: header.encoded()) == header)
    }
    for (major, minor, words) in [
      (0, 11, "the reel has format 0.11, and this vmreel reads 1.x; use the vmreel that recorded"),
      (0, 13, "the reel has format 0.13, and this vmreel reads 1.x; use the vmreel that recorded"),
      (2, 0, "the reel has format 2.0, and this vmreel reads 1.x; use a newer vmreel"),
    ] as [(UInt16, UInt16, String)] {
      (header.major, header.minor) = (major, minor)
      let refusal = TraceError.unsupportedVersion(major: major, minor: minor)
      #expect(throws: refusal) { try FileHeader(decoding: header.encoded()) }
      #expect(refusal.description.hasPrefix(words))
    }
    header.major = FileHeader.currentMajor
    header.minor = FileHeader.currentMinor
    header.requiredFeatures = 1 << 63
    #expect(throws: TraceError.unsupportedFeatures(bits: 1 << 63)) {
      try FileHeader(decoding: header.encoded())
    }
  }

  @Test("Every flipped bit of the file header is noticed")
  func headerBits() {
    let bytes = FileHeader(pageKey: testPageKey).encoded()
    for bit in 0..<512 {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << (bit % 8)
      #expect(throws: bit < 64 ? TraceError.notAReel : .headerDamaged) {
        try FileHeader(decoding: flipped)
      }
    }
  }

  @Test("A whole reel opens with its metadata, counts and end record")
  func whole() throws {
    let reel = try open(sampleReel())
    #expect(reel.tail == .whole)
    #expect(reel.metadataJSON == Array(#"{"tool":"test"}"#.utf8))
    #expect(reel.end == endRecord(events: 100))
    #expect(reel.eventCount == 100)
    #expect(
      reel.blocks.map(\.header.type) == [
        .metadata, .hostTotals, .pages, .keyframe, .events, .pages, .keyframe, .events,
        .kernelExits, .hostTotals, .end, .index, .footer,
      ])
  }

  @Test("An end record survives the codec for every reason", arguments: EndReason.allCases)
  func endRecords(reason: EndReason) throws {
    var record = endRecord(events: .max)
    record.reason = reason
    record.detail = .max
    let reel = try open(reelStart() + RawBlock(type: 5, raw: record.encoded()).bytes)
    #expect(reel.end == record)
  }

  @Test("A damaged end record costs the end facts, not the reel")
  func damagedEnd() throws {
    var bytes = sampleReel()
    let end = try #require(try open(bytes).blocks.last { $0.header.type == .end })
    bytes[Int(end.offset) + BlockHeader.byteCount] ^= 1
    let reel = try open(bytes)
    #expect(reel.end == nil)
    #expect(reel.tail == .damaged(.blockDamaged(offset: end.offset)))
    #expect(try collect(reel, from: 0).count == 100)
  }

  /// All events a cursor returns, with their indices and payloads.
  private func collect(
    _ reel: Reel, from first: UInt64
  ) throws -> [(index: UInt64, event: Event, payload: [UInt8])] {
    var cursor = EventCursor(reel, from: first)
    var found: [(UInt64, Event, [UInt8])] = []
    while let event = try cursor.next() {
      found.append((cursor.index, event, Array(cursor.payload(of: event))))
    }
    return found
  }

  @Test(
    "A cursor started anywhere returns the events from there, and nothing behind the end",
    arguments: [0, 1, 69, 70, 71, 99, 100, 1000, UInt64.max])
  func cursor(first: UInt64) throws {
    // The same events and payloads that went into the two blocks, in one list.
    let blocks = [sampleEvents(70, seed: 1), sampleEvents(30, seed: 2)]
    let all = blocks.flatMap { block in
      block.events.map { event in
        let start = Int(event.payloadOffset)
        return (event, Array(block.payload[start..<start + Int(event.payloadLength)]))
      }
    }
    let found = try collect(try open(sampleReel()), from: first)
    let expected = all.dropFirst(Int(clamping: first))
    #expect(found.map(\.index) == expected.indices.map(UInt64.init))
    #expect(found.map(\.event) == expected.map(\.0))
    #expect(found.map(\.payload) == expected.map(\.1))
  }

  @Test("A trimmed reel keeps its numbers: a cursor from 0 starts at its first event")
  func trimmed() throws {
    var encoder = BlockEncoder(pageKey: testPageKey)
    let block = appendEvents([Event(.halt), Event(.shutdown)], firstEvent: 5000, with: &encoder)
    let found = try collect(try open(reelStart() + block), from: 0)
    #expect(found.map(\.index) == [5000, 5001])
  }

  @Test("A damaged event block throws, names its offset, and then lies behind the cursor")
  func skipDamaged() throws {
    var bytes = sampleReel()
    let damaged = try #require(try open(bytes).eventBlocks.first)
    bytes[Int(damaged.offset) + BlockHeader.byteCount] ^= 0x40
    var cursor = EventCursor(try open(bytes))
    #expect(throws: TraceError.blockDamaged(offset: damaged.offset)) { try cursor.next() }
    #expect(cursor.skippedEvents == 70)
    #expect(try cursor.next() == sampleEvents(1, seed: 2).events.first.map { $0 })
    #expect(cursor.index == 70)
  }

  @Test("Unknown block types are skipped and stay listed")
  func unknownTypes() throws {
    var encoder = BlockEncoder(pageKey: testPageKey)
    let event = appendEvents([Event(.halt)], with: &encoder)
    let unknown = RawBlock(type: 0xbeef, raw: [1, 2, 3], firstEvent: 99, eventCount: 7)
    let reel = try open(reelStart() + unknown.bytes + event + unknown.bytes)
    #expect(
      reel.blocks.map(\.header.type.name) == ["metadata", "type-48879", "events", "type-48879"])
    #expect(try reel.rawBytes(of: reel.blocks[1]) == [1, 2, 3])
    #expect(try collect(reel, from: 0).count == 1)
  }

  @Test("Event blocks that overlap, leave a gap or overflow end the readable part")
  func eventOrder() throws {
    let halts = columnBlock([RawColumn(id: 1, bytes: [1, 7, 7])])
    func block(_ first: UInt64, count: UInt32 = 2) -> [UInt8] {
      var block = RawBlock(type: 2, columns: halts, eventCount: count)
      block.firstEvent = first
      return block.bytes
    }
    let first = block(10)
    for start in [0, 10, 11, 13, UInt64.max - 1] {
      let second = block(start)
      let reel = try open(reelStart() + first + second)
      let offset = UInt64(reelStart().count + first.count)
      #expect(reel.tail == .damaged(.malformed(offset: offset, what: "first event", nil)))
      #expect(try collect(reel, from: 0).map(\.index) == [10, 11])
    }
    let last = block(.max - 1)
    #expect(throws: Never.self) { try open(reelStart() + last) }
    let many = block(0, count: 1 << 20 | 1)
    #expect(
      try open(reelStart() + many).tail
        == .damaged(.blockTooLarge(offset: UInt64(reelStart().count), rawSize: 1 << 20 | 1)))
  }

  @Test("Salvage finds the blocks behind a damaged header and keeps their event numbers")
  func salvage() throws {
    var bytes = sampleReel()
    let first = try #require(try open(bytes).eventBlocks.first)
    bytes[Int(first.offset)] ^= 1
    // The index has the header, too; without it the reel ends here.
    #expect(try open(bytes).tail == .whole && collect(try open(bytes), from: 0).count == 100)
    #expect(
      try open(bytes.dropLast()).tail == .damaged(.blockHeaderDamaged(offset: first.offset)))
    let reel = Reel(salvaging: MemorySource(bytes))
    #expect(reel.gaps.map(\.offset) == [first.offset] && reel.end != nil)
    #expect(try collect(reel, from: 0).map(\.index) == Array(70..<100))
  }

  @Test("A damaged index is told of, and the blocks are walked instead")
  func damagedIndex() throws {
    let original = try open(sampleReel())
    #expect(original.indexError == nil)
    let index = try #require(original.blocks.first { $0.header.type == .index })
    var bytes = sampleReel()
    bytes[Int(index.offset) + BlockHeader.byteCount + 9] ^= 1
    let walked = try open(bytes)
    #expect(walked.indexError == .blockDamaged(offset: index.offset))
    #expect(walked.tail == .whole && walked.blocks == original.blocks)
    // A damaged footer names no index; its damage ends the reel, behind all that it holds.
    bytes = sampleReel()
    bytes[bytes.count - 9] ^= 1
    let footless = try open(bytes)
    let offset = UInt64(bytes.count - BlockHeader.byteCount)
    #expect(footless.tail == .damaged(.blockHeaderDamaged(offset: offset)))
    #expect(footless.end == original.end && footless.eventCount == 100)
  }

  @Test("A reel written to a stream has no index and is whole")
  func stream() throws {
    var encoder = BlockEncoder(pageKey: testPageKey)
    let bytes = FileHeader(pageKey: testPageKey).encoded() + encoder.block(.metadata, [0x7b, 0x7d])
    let reel = try open(bytes + encoder.end(endRecord(events: 0), isIndexed: false))
    #expect(reel.tail == .whole && reel.blocks.map(\.header.type) == [.metadata, .end])
  }

  @Test("Every cut of a reel opens up to its last whole block or throws a TraceError")
  func truncations() throws {
    let bytes = sampleReel()
    let blocks = try open(bytes).blocks
    let ends = blocks.map { Int($0.offset) + BlockHeader.byteCount + Int($0.header.storedSize) }
    for length in 0..<bytes.count {
      let cut = Array(bytes.prefix(length))
      let whole = ends.count { $0 <= length }
      do {
        let reel = try open(cut)
        #expect(reel.blocks.count == whole && whole > 0, "cut at \(length)")
        let readable = whole == 0 ? FileHeader.byteCount : ends[whole - 1]
        #expect(reel.tail == .partial(offset: UInt64(readable)), "cut at \(length)")
        readEverything(reel)
      } catch let error as TraceError {
        #expect(whole == 0, "cut at \(length): \(error)")
      }
    }
  }

  @Test("A file that is no reel, is empty or has no metadata says so")
  func notReels() {
    #expect(throws: TraceError.notAReel) { try open([]) }
    #expect(throws: TraceError.notAReel) { try open(Array("#!/bin/sh\necho hello\n".utf8)) }
    let header = FileHeader(pageKey: testPageKey).encoded()
    #expect(throws: TraceError.headerTruncated(byteCount: 63)) {
      try open(Array(header.dropLast()))
    }
    #expect(throws: TraceError.missing(what: "metadata block, so it cannot be read")) {
      try open(header)
    }
  }

  @Test("Every error says in one sentence what is wrong and where")
  func descriptions() {
    let errors: [TraceError] = [
      .notAReel, .headerTruncated(byteCount: 9), .headerDamaged,
      .unsupportedVersion(major: 2, minor: 1), .unsupportedFeatures(bits: 0x10),
      .blockHeaderDamaged(offset: 9), .blockTruncated(offset: 9), .blockDamaged(offset: 9),
      .blockTooLarge(offset: 9, rawSize: 1), .decompressionFailed(offset: 9),
      .malformed(offset: 9, what: "x", .truncated(offset: 1, wanted: 2, available: 0)),
      .malformed(offset: 9, what: "x", .malformedVarint(offset: 1)),
      .malformed(offset: 9, what: "x", .outOfBounds(offset: 1, value: 2, limit: 1)),
      .unknownRequiredColumn(offset: 9, column: 77), .pageDamaged(offset: 9, page: 3),
      .unreadable(offset: 9, errorNumber: 5),
    ]
    for error in errors.dropFirst(5) { #expect(error.description.contains("9"), "\(error)") }
    #expect(Set(errors.map(\.description)).count == errors.count)
  }
}
