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
      sample.events, payload: sample.payload, firstEvent: 1 << 40, firstTime: 16_000)
    #expect(block.events == sample.events)
    #expect(block.payload == sample.payload)
    #expect(block.firstEvent == 1 << 40)
    #expect(block.skippedColumns == 0)
  }

  @Test("A block of no events is two bytes and decodes to no events")
  func none() throws {
    #expect(try stored([]) == [0, 0])
    #expect(try roundTrip([]).events.isEmpty)
  }

  /// The stored bytes of a block of events.
  private func stored(_ events: [Event]) throws -> [UInt8] {
    var encoder = BlockEncoder(pageKey: testPageKey)
    let reel = try open(reelStart() + appendEvents(events, with: &encoder))
    return try reel.storedBytes(of: try #require(reel.eventBlocks.first))
  }

  @Test("The largest and smallest values of every field survive the deltas")
  func extremes() throws {
    var largest = Event(EventKind(rawValue: 31))
    largest.flags = EventFlags(rawValue: 0xfb)
    largest.vcpu = .max
    largest.stream = .max
    largest.width = .max
    largest.check = .max
    largest.count = 1 << 24
    largest.address = .max
    largest.value = .max
    largest.rip = .max
    largest.digest = .max
    largest.timestamp = .max
    largest.waited = .max
    largest.entryTime = .max & ~15
    largest.exitTime = .max & ~15
    // The neighbours make each delta wrap in both directions.
    var backwards = Event(EventKind(rawValue: 1))
    backwards.entryTime = 1 << 63
    backwards.exitTime = 0
    backwards.rip = 1 << 63
    var mark = Event(EventKind(rawValue: 255))
    (mark.entryTime, mark.exitTime) = (.max & ~15, .max & ~15)
    let events = [largest, mark, largest, backwards, largest]
    #expect(try roundTrip(events, firstTime: .max).events == events)
    #expect(try roundTrip(events, firstTime: 0).events == events)
  }

  @Test("Columns of nothing but defaults are left out, the kinds never")
  func emptyColumns() throws {
    // Two kinds and no times: the directory holds the one column and the block no other byte.
    let raw = try stored([Event(.halt), Event(.shutdown)])
    #expect(raw == [1, 0, 1, 0, 0, 1, 3, 0, 0, 0, 3, 0, 0, 0, 1, 7, 8])
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
    _ columns: [RawColumn], count: UInt32, tail: [UInt8] = []
  ) throws -> EventBlock {
    let block = RawBlock(type: 2, columns: columnBlock(columns) + tail, eventCount: count)
    let reel = try open(reelStart() + block.bytes)
    return try reel.events(of: try #require(reel.eventBlocks.first))
  }

  /// The column of kinds.
  private func kinds(_ kinds: UInt8...) -> RawColumn { RawColumn(id: 1, bytes: [1] + kinds) }

  @Test("Unknown optional columns are skipped and counted; the known ones still decode")
  func optionalColumns() throws {
    let block = try decode(
      [
        kinds(7, 8), RawColumn(id: 300, encoding: 99, flags: 0, bytes: [1, 2, 3]),
        RawColumn(id: 301, flags: 0, bytes: []),
      ], count: 2)
    #expect(block.events.map(\.kind) == [.halt, .shutdown])
    #expect(block.skippedColumns == 2)
  }

  @Test("A known optional column in an unknown encoding is skipped too")
  func optionalEncoding() throws {
    let unknown = RawColumn(id: 10, encoding: 200, flags: 0, bytes: [1, 2, 3])
    let block = try decode([kinds(7), unknown], count: 1)
    #expect(block.skippedColumns == 1)
    #expect(block.events.map(\.check) == [0])
  }

  @Test("Unknown required columns and encodings are refused by number")
  func requiredColumns() {
    #expect(throws: TraceError.unknownRequiredColumn(offset: startCount, column: 300)) {
      try decode([kinds(7), RawColumn(id: 300, bytes: [0])], count: 1)
    }
    #expect(throws: TraceError.unknownRequiredColumn(offset: startCount, column: 8)) {
      try decode([kinds(7), RawColumn(id: 8, encoding: 77, bytes: [0])], count: 1)
    }
  }

  @Test("Columns out of order or twice are refused: they cost a pass each or misplace digests")
  func columnOrder() {
    #expect(throws: directoryError) { try decode([kinds(7), kinds(7)], count: 1) }
    #expect(throws: directoryError) {
      try decode([RawColumn(id: 2, bytes: [1, 1]), kinds(7)], count: 1)
    }
  }

  @Test("Columns that end early or late, trailing bytes and a wrong event count are refused")
  func lengths() {
    #expect(throws: TraceError.self) { try decode([kinds(7)], count: 2) }
    #expect(throws: TraceError.self) { try decode([kinds(7, 7, 7)], count: 2) }
    #expect(throws: directoryError) { try decode([kinds(7)], count: 1, tail: [0]) }
    #expect(throws: TraceError.blockTooLarge(offset: startCount, rawSize: 1 << 20)) {
      try decode([kinds(7)], count: 1 << 20)
    }
    #expect(throws: TraceError.self) {
      try decode([kinds(7), RawColumn(id: 3, bytes: [])], count: 1)
    }
    #expect(throws: TraceError.self) { try decode([RawColumn(id: 3, bytes: [1, 1])], count: 1) }
  }

  @Test("A column is as long as the events it is for are many")
  func rows() throws {
    // One exit among three events, so one RIP; no event announces a digest or a timestamp.
    let rip = RawColumn(id: 9, encoding: 3, flags: 0, bytes: [1, 4])
    #expect(try decode([kinds(33, 7, 64), rip], count: 3).events.map(\.rip) == [0, 2, 0])
    for id in [9, 11, 16] as [UInt16] {
      let encoding: UInt8 = [9: 3, 11: 0, 16: 1][id] ?? 0
      let column = RawColumn(id: id, encoding: encoding, bytes: [1, 4, 4, 4])
      #expect(throws: TraceError.self) { try decode([kinds(33, 7, 64), column], count: 3) }
    }
  }

  @Test("Field values beyond their bounds are refused, not cut")
  func bounds() throws {
    // vCPU 65 536, then 2²⁴ elements and one more.
    #expect(throws: TraceError.self) {
      try decode([kinds(7), RawColumn(id: 3, bytes: [4, 1])], count: 1)
    }
    #expect(
      try decode([kinds(7), RawColumn(id: 6, bytes: [8, 1])], count: 1).events[0].count == 1 << 24)
    #expect(throws: TraceError.self) {
      try decode([kinds(7), RawColumn(id: 6, bytes: [9, 1, 1])], count: 1)
    }
  }

  @Test("Payload lengths must add up to the payload", arguments: [0, 1, 3, 200] as [UInt8])
  func payloadLengths(length: UInt8) {
    #expect(throws: TraceError.malformed(offset: startCount, what: "payload length", nil)) {
      try decode(
        [
          kinds(7), RawColumn(id: 14, bytes: [1, length]),
          RawColumn(id: 15, encoding: 2, bytes: [1, 2]),
        ], count: 1)
    }
  }

  private var directoryError: TraceError {
    .malformed(offset: startCount, what: "column directory", nil)
  }

  /// Where the first block after the metadata begins.
  private var startCount: UInt64 { UInt64(reelStart().count) }
}
