import ReelFixtures
import Testing

@testable import Trace

/// What a scan by columns shows of an event.
private struct Scanned: Equatable {
  var index: EventIndex = 0
  var kind: UInt64 = 0
  var vcpu: UInt64 = 0
  var stream: UInt64 = 0
  var width: UInt64 = 0
  var count: UInt64 = 0
  var address: UInt64 = 0
  var value: UInt64 = 0
  var waited: UInt64 = 0
  var payload: [UInt8] = []
  /// Of exits only.
  var rip: UInt64 = 0
  var entryTime: UInt64 = 0
  var exitTime: UInt64 = 0

  /// What the cursor shows, as far as a run has it.
  init(
    _ event: Event, _ payload: ArraySlice<UInt8>, at index: EventIndex, _ columns: Set<EventColumn>
  ) {
    func word(_ column: EventColumn, _ value: some BinaryInteger) -> UInt64 {
      columns.contains(column) ? UInt64(value) : 0
    }
    self.index = index
    kind = UInt64(event.kind.rawValue)
    vcpu = word(.vcpu, event.vcpu)
    stream = word(.stream, event.stream)
    width = word(.width, event.width)
    count = word(.count, event.count)
    address = word(.address, event.address)
    value = word(.value, event.value)
    waited = word(.waited, event.waited)
    if columns.isSuperset(of: [.payload, .payloadLength]) { self.payload = Array(payload) }
    guard event.kind.isExit else { return }
    rip = word(.ripDelta, event.rip)
    if columns.isSuperset(of: [.gap, .slice]) {
      (entryTime, exitTime) = (event.entryTime, event.exitTime)
    }
  }

  init(
    _ run: borrowing EventRun, row: Int, exit: Int?, payload: [UInt8], _ columns: Set<EventColumn>
  ) {
    index = run.firstEvent + UInt64(row)
    kind = run.kinds[row]
    vcpu = run.vcpus[row]
    stream = run.streams[row]
    width = run.widths[row]
    count = run.counts[row]
    address = run.addresses[row]
    value = run.values[row]
    waited = run.waits[row]
    self.payload = payload
    guard let exit else { return }
    rip = run.rips[exit]
    // Without both columns the times mean nothing.
    if columns.isSuperset(of: [.gap, .slice]) {
      (entryTime, exitTime) = (run.entryTimes[exit], run.exitTimes[exit])
    }
  }
}

@Suite("Runs of columns: a scan sees what a cursor sees")
struct EventRunTests {
  private static let all = Set(EventColumn.allCases)

  private func scanned(
    _ reel: Reel, _ columns: Set<EventColumn>, in run: inout EventRun
  ) throws -> [Scanned] {
    var found: [Scanned] = []
    for block in reel.eventBlocks {
      var place = 0
      try reel.forEachRun(of: block, columns, in: &run) { run in
        var exit = 0
        for row in 0..<run.count {
          let isExit = EventKind(rawValue: UInt8(run.kinds[row])).isExit
          let end = place + Int(run.payloadLengths[row])
          let payload = columns.contains(.payload) ? Array(run.payload[place..<end]) : []
          place = end
          found.append(
            Scanned(run, row: row, exit: isExit ? exit : nil, payload: payload, columns))
          exit += isExit ? 1 : 0
        }
        #expect(exit == run.exitCount)
      }
    }
    return found
  }

  private func read(_ reel: Reel, _ columns: Set<EventColumn> = all) throws -> [Scanned] {
    var cursor = EventCursor(reel)
    var found: [Scanned] = []
    while let event = try cursor.next() {
      found.append(Scanned(event, cursor.payload(of: event), at: cursor.index, columns))
    }
    return found
  }

  private func expectSame(
    _ reel: Reel, _ columns: Set<EventColumn> = all, location: SourceLocation = #_sourceLocation
  ) throws {
    var run = EventRun()
    let (scanned, read) = (try scanned(reel, columns, in: &run), try read(reel, columns))
    #expect(scanned.count == read.count, sourceLocation: location)
    for (one, other) in zip(scanned, read) {
      try #require(one == other, "columns \(columns.count)", sourceLocation: location)
    }
  }

  /// A reel of blocks in each of which some columns are all zero, so that they are not stored.
  private func reel(seed: UInt64) throws -> Reel {
    var random = SplitMix64(state: seed)
    var encoder = BlockEncoder(pageKey: testPageKey)
    var bytes = reelStart()
    var (first, time) = (seed, seed &* 16 % 1 << 40)
    for round in 0..<8 {
      let counts = [1, 511, 512, 513, 1024, 1300]
      var (events, payload) = sampleEvents(
        counts[Int(random.next() % 6)], seed: random.next())
      if random.next() % 3 == 0 {
        payload = []
        for index in events.indices {
          (events[index].payloadLength, events[index].payloadOffset) = (0, 0)
        }
      }
      let absent = random.next() &* (round == 0 ? 0 : 1)
      var last = time
      for index in events.indices {
        events[index].waited = UInt32(truncatingIfNeeded: random.next() >> 40)
        let slice = (events[index].exitTime &- events[index].entryTime) % 4096
        let gap = random.next() % 64 * 16
        Self.zero(&events[index], absent)
        events[index].entryTime = last
        if events[index].kind.isExit {
          if absent & 1 << 10 == 0 { events[index].entryTime &+= gap }
          last = events[index].entryTime
          if absent & 1 << 11 == 0 { last &+= slice }
        }
        events[index].exitTime = last
      }
      bytes += appendEvents(
        events, payload: payload, firstEvent: first, firstTime: time, with: &encoder)
      first += UInt64(events.count)
      time = last
    }
    return try open(bytes)
  }

  private static func zero(_ event: inout Event, _ absent: UInt64) {
    func zero<T: FixedWidthInteger>(_ bit: Int, _ field: WritableKeyPath<Event, T>) {
      if absent >> bit & 1 != 0 { event[keyPath: field] = 0 }
    }
    zero(0, \.vcpu)
    zero(1, \.stream)
    zero(2, \.width)
    zero(3, \.count)
    zero(4, \.address)
    zero(5, \.value)
    zero(6, \.waited)
    zero(7, \.rip)
    zero(8, \.timestamp)
    if absent >> 9 & 1 != 0 { event.flags = [] }
  }

  @Test("Columns that come and go from block to block leave nothing behind", arguments: 1...40)
  func columnsComeAndGo(seed: Int) throws {
    let reel = try reel(seed: UInt64(seed))
    try expectSame(reel)
    var random = SplitMix64(state: UInt64(seed) << 20)
    for _ in 0..<4 {
      let mask = random.next()
      try expectSame(reel, Self.all.filter { mask >> UInt64($0.rawValue) & 1 != 0 })
    }
  }

  @Test("One run serves the blocks of different reels and of different columns")
  func oneRun() throws {
    let reels = [try reel(seed: 100), try reel(seed: 101)]
    var run = EventRun()
    for columns: Set<EventColumn> in [Self.all, [], [.gap, .slice], Self.all, [.address]] {
      for reel in reels {
        let (found, expected) = (try scanned(reel, columns, in: &run), try read(reel, columns))
        #expect(found == expected)
      }
    }
  }

  @Test("A damaged block is refused before any run of it")
  func damaged() throws {
    var bytes = sampleReel()
    let block = try #require(try open(bytes).eventBlocks.last)
    bytes[Int(block.offset) + 70] ^= 1
    let reel = try open(bytes)
    var run = EventRun()
    #expect(throws: TraceError.blockDamaged(offset: block.offset)) {
      try reel.forEachRun(of: block, Self.all, in: &run) { _ in Issue.record("a run") }
    }
  }
}
