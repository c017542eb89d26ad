import Bytes
import Testing
import Trace

@Suite("Event blocks: what was encoded is what a reader gets, field by field")
struct EventBlockTests {
  /// Encodes, wraps into a reel, opens and decodes.
  private func roundTrip(
    _ events: [Event], payload: [UInt8] = [], firstEvent: UInt64 = 0, firstTime: UInt64 = 0
  ) throws -> EventBlock {
    var encoder = BlockEncoder(pageKey: testPageKey)
    let block = appendEvents(
      events, payload: payload, firstEvent: firstEvent, firstTime: firstTime, with: &encoder)
    let reel = try open(reelStart() + block)
    return try reel.events(of: try #require(reel.eventBlocks.first))
  }

  @Test("Events of all kinds come back equal", arguments: [1, 2, 16, 63, 64, 1000])
  func allKinds(count: Int) throws {
    let sample = sampleEvents(count)
    let block = try roundTrip(
      sample.events, payload: sample.payload, firstEvent: 1 << 40, firstTime: 77)
    #expect(block.events == sample.events)
    #expect(block.payload == sample.payload)
    #expect(block.firstEvent == 1 << 40)
    #expect(block.skippedColumns == 0)
  }

  @Test("A block of no events is two bytes and decodes to no events")
  func none() throws {
    #expect(encode([]) == [0, 0])
    #expect(try roundTrip([]).events.isEmpty)
  }

  @Test("The largest and smallest values of every field survive the deltas")
  func extremes() throws {
    var largest = Event(EventKind(rawValue: 255))
    largest.flags = EventFlags(rawValue: 255)
    largest.vcpu = .max
    largest.stream = .max
    largest.width = .max
    largest.check = .max
    largest.count = 1 << 24
    largest.address = .max
    largest.value = .max
    largest.rip = .max
    largest.digest = .max
    largest.entryTime = .max
    largest.exitTime = .max
    // The neighbours make each delta wrap in both directions.
    var backwards = Event(EventKind(rawValue: 1))
    backwards.entryTime = 1 << 63
    backwards.exitTime = 0
    backwards.rip = 1 << 63
    let events = [largest, Event(EventKind(rawValue: 0)), largest, backwards, largest]
    #expect(try roundTrip(events, firstTime: .max).events == events)
    #expect(try roundTrip(events, firstTime: 0).events == events)
  }

  @Test("Columns of nothing but defaults are left out, the kinds never")
  func emptyColumns() throws {
    // Two kinds and no times: the directory holds the one column and the block no other byte.
    let raw = encode([Event(.halt), Event(.shutdown)])
    #expect(raw == [1, 0, 1, 0, 0, 1, 2, 0, 0, 0, 7, 8])
    // Kind 0 is nobody's, but a block of it must not be unreadable.
    let unknown = [Event](repeating: Event(EventKind(rawValue: 0)), count: 9)
    #expect(try roundTrip(unknown).events == unknown)
  }

  @Test("Every event finds its own payload bytes")
  func payloads() throws {
    let sample = sampleEvents(50)
    let block = try roundTrip(sample.events, payload: sample.payload)
    for (decoded, original) in zip(block.events, sample.events) {
      let start = Int(original.payloadOffset)
      #expect(
        Array(block.payload(of: decoded))
          == Array(sample.payload[start..<start + Int(original.payloadLength)]))
    }
  }

  @Test("A digest is stored for the events that carry one, and for no other")
  func sparseDigests() throws {
    var with = Event(.portWrite)
    with.flags = .fullDigest
    with.digest = 0x0123_4567_89ab_cdef
    var without = Event(.portWrite)
    without.digest = 0xdead
    let decoded = try roundTrip([without, with, without]).events
    #expect(decoded.map(\.digest) == [0, with.digest, 0])
  }

  // MARK: - Blocks a newer or a hostile writer makes

  /// A block whose columns the test writes itself.
  private func decode(
    _ columns: [(id: UInt16, encoding: UInt8, flags: UInt8, bytes: [UInt8])], count: UInt32,
    tail: [UInt8] = []
  ) throws -> EventBlock {
    var writer = ByteWriter()
    writer.append(UInt16(columns.count))
    for column in columns {
      writer.append(column.id)
      writer.append(column.encoding)
      writer.append(column.flags)
      writer.append(UInt32(column.bytes.count))
    }
    let raw = writer.bytes + columns.flatMap(\.bytes) + tail
    let reel = try open(reelStart() + RawBlock(type: 2, raw: raw, eventCount: count).bytes)
    return try reel.events(of: try #require(reel.eventBlocks.first))
  }

  @Test("Unknown optional columns are skipped and counted; the known ones still decode")
  func optionalColumns() throws {
    let block = try decode(
      [(1, 0, 1, [7, 8]), (300, 99, 0, [1, 2, 3]), (301, 0, 0, [])], count: 2)
    #expect(block.events.map(\.kind) == [.halt, .shutdown])
    #expect(block.skippedColumns == 2)
  }

  @Test("A known optional column in an unknown encoding is skipped too")
  func optionalEncoding() throws {
    let block = try decode([(1, 0, 1, [7]), (10, 200, 0, [1, 2, 3])], count: 1)
    #expect(block.skippedColumns == 1)
    #expect(block.events.map(\.check) == [0])
  }

  @Test("Unknown required columns and encodings are refused by number")
  func requiredColumns() {
    #expect(throws: TraceError.unknownRequiredColumn(offset: startCount, column: 300)) {
      try decode([(1, 0, 1, [7]), (300, 0, 1, [0])], count: 1)
    }
    #expect(throws: TraceError.unknownRequiredColumn(offset: startCount, column: 8)) {
      try decode([(1, 0, 1, [7]), (8, 77, 1, [0])], count: 1)
    }
  }

  @Test("Columns out of order or twice are refused: they cost a pass each or misplace digests")
  func columnOrder() {
    let error = TraceError.malformed(offset: startCount, what: "column order", nil)
    #expect(throws: error) { try decode([(1, 0, 1, [7]), (1, 0, 1, [7])], count: 1) }
    #expect(throws: error) { try decode([(2, 0, 1, [1]), (1, 0, 1, [7])], count: 1) }
  }

  @Test("Columns that end early or late, trailing bytes and a wrong event count are refused")
  func lengths() {
    #expect(throws: TraceError.self) { try decode([(1, 0, 1, [7])], count: 2) }
    #expect(throws: TraceError.self) { try decode([(1, 0, 1, [7, 7, 7])], count: 2) }
    #expect(throws: TraceError.malformed(offset: startCount, what: "tail", nil)) {
      try decode([(1, 0, 1, [7])], count: 1, tail: [0])
    }
    #expect(throws: TraceError.blockTooLarge(offset: startCount, rawSize: 1 << 20)) {
      try decode([(1, 0, 1, [7])], count: 1 << 20)
    }
    #expect(throws: TraceError.self) { try decode([(1, 0, 1, [7]), (3, 1, 1, [0x80])], count: 1) }
  }

  @Test("Field values beyond their bounds are refused, not cut")
  func bounds() {
    // vCPU 65 536, then 2²⁴ + 1 elements.
    #expect(throws: TraceError.self) {
      try decode([(1, 0, 1, [7]), (3, 1, 1, [0x80, 0x80, 0x04])], count: 1)
    }
    #expect(throws: TraceError.self) {
      try decode([(1, 0, 1, [7]), (6, 1, 1, [0x81, 0x80, 0x80, 0x08])], count: 1)
    }
  }

  @Test("Payload lengths must add up to the payload", arguments: [0, 1, 3, 200] as [UInt8])
  func payloadLengths(length: UInt8) {
    let varint = length < 128 ? [length] : [length & 0x7f | 0x80, 1]
    #expect(throws: TraceError.malformed(offset: startCount, what: "payload length", nil)) {
      try decode([(1, 0, 1, [7]), (14, 1, 1, varint), (15, 5, 1, [1, 2])], count: 1)
    }
  }

  /// Where the first block after the metadata begins.
  private var startCount: UInt64 { UInt64(reelStart().count) }
}
