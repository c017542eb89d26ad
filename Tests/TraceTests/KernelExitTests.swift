import Bytes
import Testing
import Trace

@Suite("Kernel exits and host totals: what was encoded is what a reader gets")
struct KernelExitTests {
  private func reel(_ blocks: [[KernelExitRecord]]) throws -> Reel {
    var encoder = BlockEncoder(pageKey: testPageKey)
    var bytes = reelStart()
    var time: UInt64 = 5
    for exits in blocks {
      bytes += appendKernelExits(exits, firstTime: time, with: &encoder)
      time = exits.last?.exitTime ?? time
    }
    return try open(bytes)
  }

  private func all(_ reel: Reel, from first: EventIndex = 0) throws -> [KernelExitRecord] {
    var cursor = KernelExitCursor(reel, from: first)
    var exits: [KernelExitRecord] = []
    while let exit = try cursor.next() { exits.append(exit) }
    return exits
  }

  @Test("Exits come back equal, over any number of blocks", arguments: [1, 2, 61, 1000])
  func roundTrip(count: Int) throws {
    let exits = sampleKernelExits(count)
    #expect(try all(reel([exits])) == exits)
    let parts = [Array(exits.prefix(count / 2)), Array(exits.dropFirst(count / 2))]
    #expect(try all(reel(parts)) == exits)
  }

  @Test("The largest and smallest values of every field survive the deltas")
  func extremes() throws {
    var largest = KernelExitRecord()
    largest.anchor = .max - 7
    largest.vcpu = .max
    largest.isa = .max
    largest.flags = KernelExitFlags(rawValue: .max)
    (largest.reason, largest.rip, largest.info1, largest.info2) = (.max, .max, .max, .max)
    (largest.interruptInformation, largest.errorCode, largest.address) = (.max, .max, .max)
    (largest.entryTime, largest.exitTime) = (.max, .max)
    var backwards = KernelExitRecord()
    backwards.anchor = .max - 7
    (backwards.rip, backwards.entryTime) = (1 << 63, 1 << 63)
    let exits = [largest, backwards, largest, backwards]
    #expect(try all(reel([exits])) == exits)
  }

  @Test("A cursor from an event hands out the exits anchored there or later, from any block")
  func seeking() throws {
    let exits = sampleKernelExits(90)
    let blocks = stride(from: 0, to: 90, by: 10).map { Array(exits[$0..<$0 + 10]) }
    let reel = try reel(blocks)
    #expect(reel.kernelExitBlocks.count == 9)
    for first: EventIndex in [0, 1, 9, 13, 29, 30] {
      #expect(try all(reel, from: first) == exits.filter { $0.anchor >= first })
    }
  }

  @Test("A damaged block costs its exits alone, and they are counted")
  func damage() throws {
    let exits = sampleKernelExits(30)
    var encoder = BlockEncoder(pageKey: testPageKey)
    let first = appendKernelExits(Array(exits[..<10]), firstTime: 5, with: &encoder)
    var second = appendKernelExits(Array(exits[10..<20]), with: &encoder)
    let third = appendKernelExits(
      Array(exits[20...]), firstTime: exits[19].exitTime, with: &encoder)
    second[second.count - 1] ^= 1
    var cursor = KernelExitCursor(try open(reelStart() + first + second + third))
    var read: [KernelExitRecord] = []
    var failures = 0
    while true {
      do throws(TraceError) {
        guard let exit = try cursor.next() else { break }
        read.append(exit)
      } catch {
        failures += 1
      }
    }
    #expect(failures == 1)
    #expect(cursor.skippedExits == 10)
    #expect(read == Array(exits[..<10] + exits[20...]))
  }

  @Test("Blocks that go back among the events, and counts beyond the bytes, are refused")
  func lies() throws {
    let exits = sampleKernelExits(30)
    let offset = UInt64(reelStart().count)
    var encoder = BlockEncoder(pageKey: testPageKey)
    let late = appendKernelExits(Array(exits[20...]), with: &encoder)
    let early = appendKernelExits(Array(exits[..<10]), with: &encoder)
    #expect(
      try open(reelStart() + late + early).tail
        == .damaged(
          .malformed(offset: offset + UInt64(late.count), what: "first event", nil)))
    let claim = RawBlock(type: 6, raw: [0, 0], eventCount: 3)
    let reel = try open(reelStart() + claim.bytes)
    #expect(throws: TraceError.blockTooLarge(offset: offset, rawSize: 3)) {
      try reel.kernelExits(of: reel.kernelExitBlocks[0])
    }
    let huge = RawBlock(type: 6, raw: [], eventCount: 1 << 20 + 1)
    #expect(
      try open(reelStart() + huge.bytes).tail
        == .damaged(.blockTooLarge(offset: offset, rawSize: 1 << 20 + 1)))
  }

  @Test("Host totals come back, in the order they were read")
  func totals() throws {
    let start = sampleTotals(.start, anchor: nil, recorded: 0)
    let end = sampleTotals(.end, anchor: 41, recorded: .max)
    var encoder = BlockEncoder(pageKey: testPageKey)
    let reel = try open(
      reelStart() + encoder.block(.hostTotals, start.encoded())
        + encoder.block(.hostTotals, end.encoded()))
    #expect(try reel.hostTotals() == [start, end])
    #expect(end["tracer.recorded"] == .max)
    #expect(end["nothing"] == nil)
  }

  @Test("Host totals with more counters than bytes, or an unknown moment, are malformed")
  func hostileTotals() throws {
    for raw: [UInt8] in [
      [], [9, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0xff, 0x7f], [0, 0, 0, 1, 9, 65],
    ] {
      let reel = try open(reelStart() + RawBlock(type: 7, raw: raw).bytes)
      #expect(throws: TraceError.self) { try reel.hostTotals() }
    }
  }
}
