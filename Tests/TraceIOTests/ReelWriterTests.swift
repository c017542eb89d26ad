import Glibc
import Testing
import Trace
import TraceIO

@Suite("The writer's thread: what the recorder appended is what the file holds")
struct ReelWriterTests {
  @Test("Events and payloads across many chunks read back equal and in order")
  func manyEvents() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("many.reel")
    let count = 100_000
    let writer = try makeWriter(path)
    for index in 0..<count {
      let payload = noisyPayload(index)
      // Both ways to append without a payload must give the same.
      if payload.isEmpty, index % 2 == 0 {
        writer.append(noisyEvent(index))
      } else {
        writer.append(noisyEvent(index), bytes: payload)
      }
    }
    let size = try writer.finish(endRecord(events: UInt64(count)))
    let reel = try openReel(path)
    #expect(reel.tail == .whole && reel.eventCount == UInt64(count))
    #expect(reel.byteCount == size.stored && size.raw > 0)
    // Chunks hold 32 768 events and 256 KiB of payload: both borders were crossed.
    #expect(reel.eventBlocks.count > count / 32_768 + 1)
    var cursor = EventCursor(reel)
    for index in 0..<count {
      guard var event = try cursor.next() else { break }
      let payload = noisyPayload(index)
      var expected = noisyEvent(index)
      expected.payloadLength = UInt32(payload.count)
      let bytes = Array(cursor.payload(of: event))
      event.payloadOffset = 0
      guard event == expected, bytes == payload, cursor.index == index else {
        Issue.record("event \(index): \(event) with \(bytes.count) bytes")
        return
      }
    }
    #expect(try cursor.next() == nil)
  }

  @Test("Block times meet: each block begins when the one before ended")
  func blockTimes() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("times.reel")
    let writer = try makeWriter(path)
    for index in 0..<70_000 { writer.append(noisyEvent(index)) }
    _ = try writer.finish(endRecord(events: 70_000))
    let blocks = try openReel(path).eventBlocks
    #expect(blocks.count == 3 && blocks.first?.header.firstTime == 0)
    for (block, next) in zip(blocks, blocks.dropFirst()) {
      #expect(block.header.lastTime == next.header.firstTime)
    }
    #expect(blocks.last?.header.lastTime == noisyEvent(69_999).exitTime)
  }

  @Test("A payload's length is what was copied, whatever the event says")
  func payloadLength() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("lengths.reel")
    let writer = try makeWriter(path)
    var lying = Event(.inputData)
    lying.payloadLength = 9999
    writer.append(lying)
    writer.append(lying, bytes: [1, 2, 3])
    writer.append(lying, bytes: [])
    writer.append(lying, bytes: [UInt8](repeating: 7, count: 256 << 10))
    _ = try writer.finish(endRecord(events: 4))
    var cursor = EventCursor(try openReel(path))
    var lengths: [Int] = []
    while let event = try cursor.next() { lengths.append(cursor.payload(of: event).count) }
    #expect(lengths == [0, 3, 0, 256 << 10])
  }

  @Test("Keyframes keep their order among themselves, their pages before them")
  func keyframes() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("keyframes.reel")
    let writer = try makeWriter(path)
    for number in 0..<200 as Range<UInt64> {
      for index in 0..<50 { writer.append(noisyEvent(Int(number) * 50 + index)) }
      writer.append(
        KeyframeCapture(
          keyframe: Keyframe(
            number: number, kind: .periodic, parent: nil, isFullMap: false,
            eventIndex: number * 50 + 49, guestMadeExits: 0, digest: 0, virtualTime: 0, pages: [],
            vcpuStates: [], boardStates: []),
          pages: [UInt32(number % 11)],
          content: [UInt8](repeating: UInt8(number % 17), count: PageBlock.pageSize)))
    }
    _ = try writer.finish(endRecord(events: 10_000))
    let reel = try openReel(path)
    var known: Set<PageIdentity> = [.zeroPage]
    var numbers: [UInt64] = []
    for block in reel.blocks {
      if block.header.type == .pages { known.formUnion(try reel.pages(of: block).identities) }
      guard block.header.type == .keyframe else { continue }
      let keyframe = try reel.keyframe(of: block)
      numbers.append(keyframe.number)
      #expect(keyframe.pages.allSatisfy { known.contains($0.content.identity) })
    }
    #expect(numbers == Array(0..<200))
    // What page 0…10 held last, by the arithmetic above.
    let map = try reel.pageMap(at: 199)
    for last in 189...199 as ClosedRange<UInt64> {
      let content = map[UInt32(last % 11)] ?? .zero
      #expect(try reel.page(content)[0] == UInt8(last % 17))
    }
  }

  @Test("An event a second later hands the chunk over; events without times do not, one by one")
  func flushing() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("flush.reel")
    let writer = try makeWriter(path)
    writer.append(Event(.halt))
    var late = Event(.halt)
    late.exitTime = 2_000_000_000
    writer.append(late)
    eventually("the first event is in the part file") {
      (try? openReel(path + ".part").eventCount) == 1
    }
    for _ in 0..<1000 {
      writer.append(Event(.interrupt))
      writer.append(late)
    }
    _ = try writer.finish(endRecord(events: 2002))
    #expect(try openReel(path).eventBlocks.map(\.header.eventCount) == [1, 2001])
  }

  /// A disk that is slower than the guest: the waits are counted, and end up among the totals.
  @Test func waitsAreCounted() throws {
    let slow = SlowDestination()
    let writer = try ReelWriter(
      slow, header: FileHeader(pageKey: [UInt8](1...16)), metadataJSON: [])
    for index in 0..<300_000 { writer.append(noisyEvent(index)) }
    let waits = writer.waits
    // Nine chunks of which three are free: six waits or five, of 20 ms each.
    #expect((4...7).contains(waits.count), "\(waits)")
    #expect(waits.nanoseconds > 60_000_000, "\(waits)")
    writer.append(HostTotals(moment: .end, anchor: 1, time: 1, counters: []))
    _ = try writer.finish(endRecord(events: 300_000))
    let totals = try #require(try Reel(slow).hostTotals().last)
    #expect(totals["writer.waits"] == waits.count)
    #expect(totals["writer.wait-nanoseconds"] == waits.nanoseconds)
  }
}

/// Keeps a reel in memory and takes its time.
private final class SlowDestination: ReelDestination, ReelSource {
  private var bytes: [UInt8] = []
  var byteCount: UInt64 { UInt64(bytes.count) }
  let isSeekable = true

  func write(_ block: [UInt8]) throws(FileError) {
    usleep(20_000)
    bytes += block
  }

  func synchronize() throws(FileError) {}
  func close() throws(FileError) {}

  func read(at offset: UInt64, count: Int) throws(TraceError) -> [UInt8] {
    Array(bytes[Int(offset)..<Int(offset) + count])
  }
}
