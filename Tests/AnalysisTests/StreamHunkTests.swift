import ReelFixtures
import Testing
import Trace

@testable import Analysis

@Suite struct StreamHunkTests {
  private let builder = ReelBuilder.sample(rounds: 60)

  private func difference(
    _ edit: (inout [Entry]) throws -> Void,
    _ configure: (inout ReelDifference.Options) -> Void = { _ in }
  ) throws -> ReelDifference {
    var other = builder
    try edit(&other.entries)
    var options = ReelDifference.Options()
    configure(&options)
    return try ReelDifference(try builder.reel(), try other.reel(), options: options)
  }

  private func index(_ kind: EventKind, _ number: Int) throws -> Int {
    let all = builder.entries.indices.filter { builder.entries[$0].event.kind == kind }
    return try #require(all.dropFirst(number).first)
  }

  /// One interrupt at another place: nothing else differs, whichever way it went.
  @Test(arguments: [1, 2, 3, -1, -2, -3])
  func aMovedInterruptIsOneStretch(steps: Int) throws {
    let place = try index(.interrupt, 22)
    let found = try difference { entries in
      var interrupt = entries.remove(at: place)
      interrupt.event.waited = 0
      entries.insert(interrupt, at: place + steps)
    }
    let hunk = try #require(found.hunks?.hunks.first)
    #expect(found.hunks?.count == 1 && found.hunks?.movedEvents == 1)
    #expect(hunk.change == .moved && hunk.isLater == (steps > 0))
    #expect(hunk.distance == abs(steps))
    #expect(hunk.a.first == UInt64(place) && hunk.b.first == UInt64(place + steps))
    #expect(found.kind.name == .moved && found.kind.count == abs(steps))
    #expect(found.kind.isLater == (steps > 0))
  }

  /// Of many interrupts of one vector, the one that is missing is told, not all behind it.
  @Test func aMissingInterruptDoesNotShiftTheOthers() throws {
    let place = try index(.interrupt, 10)
    let found = try difference { entries in entries.remove(at: place) }
    #expect(found.hunks?.count == 1 && found.hunks?.deletedEvents == 1)
    #expect(found.hunks?.hunks.first?.a.first == UInt64(place))
    #expect(found.kind.name == .deleted && found.kind.count == 1)
  }

  /// What a device writes at once is one stretch, as what the guest does in a row is.
  @Test(arguments: [1, 7, 200]) func whatADeviceWritesAtOnceIsOneStretch(count: Int) throws {
    let place = try index(.interrupt, 10)
    let writes = Self.deviceWrites(count, at: 0x5000)
    let found = try difference { $0.insert(contentsOf: writes, at: place) }
    let hunk = try #require(found.hunks?.hunks.first)
    #expect(found.hunks?.count == 1 && found.hunks?.insertedEvents == count)
    #expect(hunk.change == .inserted && hunk.b.first == UInt64(place))
    #expect(hunk.b.count == count && hunk.a.count == 0)
    #expect(
      hunk.b.runs == [
        EventHunk.Run(kind: "dma", space: .mmio, place: HexWord(0x5000), count: count)
      ])
    #expect(hunk.b.records.count == min(count, EventHunk.shownRecords))
    #expect(found.kind.name == (count < 8 ? .inserted : .burst) && found.kind.count == count)
  }

  /// The other way round they are missing; and events that both have, or of the guest, part stretches.
  @Test func whatBothHavePartsStretchesOfDeviceWrites() throws {
    let (first, second) = (try index(.interrupt, 10), try index(.halt, 20))
    var options = ReelDifference.Options()
    options.isApart = true
    options.mapsStreams = true
    var other = builder
    other.entries.insert(contentsOf: Self.deviceWrites(5, at: 0x6000), at: second + 1)
    other.entries.insert(contentsOf: Self.deviceWrites(4, at: 0x6000), at: second)
    other.entries.insert(contentsOf: Self.deviceWrites(3, at: 0x5000), at: first + 1)
    other.entries.insert(contentsOf: Self.deviceWrites(2, at: 0x5000), at: first)
    let found = try ReelDifference(try other.reel(), try builder.reel(), options: options)
    for hunks in [found.hunks, found.streams?.interrupts] {
      #expect(hunks?.hunks.map(\.change) == Array(repeating: .deleted, count: 4))
      #expect(hunks?.hunks.map(\.a.count) == [2, 3, 4, 5])
      #expect(hunks?.deletedEvents == 14 && hunks?.insertedEvents == 0)
    }
    #expect(found.map?.stretches.map(\.count) == [2, 3, 4, 5])
    #expect(found.map?.stretches.map(\.a.count) == [2, 3, 4, 5])
    #expect(found.map?.stretches.map(\.b.isEmpty) == [true, true, true, true])
  }

  private static func deviceWrites(_ count: Int, at address: UInt64) -> [Entry] {
    (0..<count).map { number in
      var event = Event(.deviceWrite)
      event.address = address
      event.payloadLength = 4
      return Entry(event: event, payload: [UInt8(number % 256), 2, 3, 4])
    }
  }

  @Test func ripsAreToldAsShiftsNotStretches() throws {
    let found = try difference { entries in
      for place in entries.indices where entries[place].event.rip >= 0x1100 {
        entries[place].event.rip += 0x40
      }
    }
    #expect(found.kind.name == .rip && found.kind.shift == HexWord(0x40))
    #expect(found.hunks?.count == 0)
    let shifted = try difference { entries in
      for place in entries.indices where entries[place].event.rip >= 0x1100 {
        entries[place].event.rip += 0x40
      }
      entries[200].event.value ^= 1
    }
    #expect(shifted.firstVisibleDifference?.a?.index == 200)
    #expect(shifted.hunks?.changedEvents == 1)
    #expect(shifted.hunks?.ripShifts.map(\.shift) == [HexWord(0x40)])
  }

  @Test func allEventsAreKeptWhereTheyAreAskedFor() throws {
    let place = try index(.halt, 8)
    let burst = [Entry](repeating: builder.entries[try index(.portWrite, 2)], count: 40)
    let found = try difference({ $0.insert(contentsOf: burst, at: place) }) {
      $0.keepsAllEvents = true
      $0.context = 2
    }
    let hunk = try #require(found.hunks?.hunks.first)
    #expect(hunk.b.records.count == 40 && hunk.a.records.isEmpty)
    #expect(hunk.context.map(\.index) == [UInt64(place) - 2, UInt64(place) - 1])
    #expect(found.kind.name == .burst && found.kind.count == 40)
    let short = try difference { $0.insert(contentsOf: burst, at: place) }
    #expect(short.hunks?.hunks.first?.b.records.count == EventHunk.shownRecords)
    #expect(short.hunks?.hunks.first?.b.runs.map(\.count) == [40])
  }

  @Test func eachStreamIsToldByItself() throws {
    let (write, interrupt) = (try index(.portWrite, 14), try index(.interrupt, 30))
    let found = try difference({ entries in
      entries[write].event.value = 0x0a
      entries.remove(at: interrupt)
    }) { $0.isApart = true }
    let streams = try #require(found.streams)
    #expect(streams.guest.count == 1 && streams.guest.changedEvents == 1)
    #expect(streams.interrupts.count == 1 && streams.interrupts.deletedEvents == 1)
    #expect(streams.consoles.map(\.console) == ["serial", "debug"])
    let serial = try #require(streams.consoles.first)
    #expect(serial.deletedLines == 1 && serial.insertedLines == 2)
    #expect(
      serial.hunks.first?.b.map(\.text) == [
        "hello hello he", "lo " + String(repeating: "hello ", count: 7),
      ])
    #expect(streams.consoles.last?.count == 0)
    #expect(found.kind.name == .console)
  }

  /// A board's own clock differs from run to run, and the kernel writes it before each line.
  @Test func timeStampsOfTheKernelDoNotTellLinesApart() throws {
    func reel(_ text: String) throws -> Reel {
      var builder = ReelBuilder()
      builder.add(.keyframe, 0)
      for byte in text.utf8 {
        builder.add(.portWrite, 0x3f8, value: UInt64(byte), width: 1, stream: 1)
      }
      return try builder.reel()
    }
    var options = ReelDifference.Options()
    options.isApart = true
    let found = try ReelDifference(
      try reel("[    0.100] one\r\n[    0.200] two\n[x] three\n"),
      try reel("[    0.150] one\n[    0.300] 2\n[y] three\n"), options: options)
    let console = try #require(found.streams?.consoles.first)
    #expect(console.commonLines == 1)
    #expect(console.deletedLines == 2 && console.insertedLines == 2)
  }

  /// Two seeds of a synthetic guest differ from the first exit on; it must end all the same, and the
  /// numbers must add up to all events of either.
  @Test func whatHasLittleInCommonAddsUp() throws {
    var one = ReelBuilder.sample(rounds: 400)
    var two = ReelBuilder.sample(rounds: 300)
    for place in one.entries.indices where one.entries[place].event.kind.isGuestMade {
      one.entries[place].event.address &+= UInt64(place % 7)
    }
    for place in two.entries.indices where two.entries[place].event.kind.isGuestMade {
      two.entries[place].event.address &+= UInt64(place % 5)
    }
    let hunks = try #require(try ReelDifference(try one.reel(), try two.reel()).hunks)
    let first = try #require(try ReelDifference(try one.reel(), try two.reel()).firstDifference)
    func streamed(_ builder: ReelBuilder) -> Int {
      builder.entries.count { $0.event.kind.isGuestMade || $0.event.kind.isInput }
        - Int(first.commonEvents)
    }
    let paired = hunks.commonEvents + hunks.changedEvents + hunks.movedEvents
    #expect(paired + hunks.deletedEvents == streamed(one))
    #expect(paired + hunks.insertedEvents == streamed(two))
  }
}
