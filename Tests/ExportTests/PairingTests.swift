import Testing
import Trace

@testable import Export

/// Durations of exits, from times that may be hostile.
@Suite struct PairingTests {
  private func exit(_ entry: UInt64, _ exit: UInt64, vcpu: UInt16 = 0) -> Event {
    var event = Event(.halt)
    (event.entryTime, event.exitTime, event.vcpu) = (entry, exit, vcpu)
    return event
  }

  @Test func handlingEndsWithTheNextEntryOfTheSameVCPU() {
    var pairing = ExitPairing<Event>(hasTimes: true)
    #expect(pairing.add(exit(0, 10), number: 1) == nil)
    #expect(pairing.add(exit(0, 20, vcpu: 65535), number: 2) == nil)
    let first = pairing.add(exit(15, 30), number: 3)
    #expect(first?.number == 1)
    #expect(first?.guestNanoseconds == 10 && first?.handlingNanoseconds == 5)
    let rest = pairing.removeAll()
    #expect(rest.map(\.number) == [2, 3])
    #expect(rest.map(\.guestNanoseconds) == [20, 15])
    #expect(rest.allSatisfy { $0.handlingNanoseconds == nil })
    #expect(pairing.removeAll().isEmpty)
  }

  @Test func timesThatRunBackwardsAreNoDurations() {
    var pairing = ExitPairing<Event>(hasTimes: true)
    _ = pairing.add(exit(.max, 10), number: 1)
    let first = pairing.add(exit(5, .max), number: 2)
    #expect(first?.guestNanoseconds == nil && first?.handlingNanoseconds == nil)
    #expect(pairing.removeAll().first?.guestNanoseconds == UInt64.max - 5)
  }

  @Test func strippedTimesAreNoDurations() {
    var pairing = ExitPairing<Event>(hasTimes: false)
    _ = pairing.add(exit(0, 0), number: 1)
    let first = pairing.add(exit(0, 0), number: 2)
    #expect(first != nil && first?.guestNanoseconds == nil && first?.handlingNanoseconds == nil)
  }

  @Test func onlyWhatTheKernelHandledAloneTakesKernelTime() {
    var pairing = ExitPairing<KernelExitRecord>(hasTimes: true)
    func record(_ entry: UInt64, _ exit: UInt64, _ flags: KernelExitFlags) -> KernelExitRecord {
      var record = KernelExitRecord()
      (record.entryTime, record.exitTime, record.flags) = (entry, exit, flags)
      return record
    }
    #expect(pairing.add(record(9, 9, []), number: 0) == nil)
    let first = pairing.add(record(12, 20, [.entryTime, .returned]), number: 1)
    #expect(first?.number == 0 && first?.guestNanoseconds == nil && first?.handlingNanoseconds == 3)
    let second = pairing.add(record(30, 40, .entryTime), number: 2)
    #expect(second?.guestNanoseconds == 8 && second?.handlingNanoseconds == nil)
    // The entry after it is not known.
    let third = pairing.add(record(50, 50, []), number: 3)
    #expect(third?.handlingNanoseconds == nil && pairing.removeAll().map(\.number) == [3])
  }
}

/// Tables whose size a hostile reel would like to decide.
@Suite struct TableLimitTests {
  @Test func placesAreBounded() {
    var table = PlaceTable()
    var event = Event(.memoryWrite)
    for address in 0..<UInt64(PlaceTable.limit + 1000) {
      event.address = address << 12
      _ = table.number(of: event)
    }
    let number = table.number(of: event)
    let other = table.places[number]
    #expect(other.address == nil && other.name == "mmio-write")
    #expect(table.places.count == PlaceTable.limit + 1)
    event.address = 0x1000
    let first = table.number(of: event)
    #expect(table.places[first].name == "0x1000:W")
  }

  @Test func placesHavePerfsNames() {
    var table = PlaceTable()
    func place(_ kind: EventKind, _ address: UInt64) -> Place {
      var event = Event(kind)
      event.address = address
      let number = table.number(of: event)
      return table.places[number]
    }
    #expect(place(.portWrite, 0x3f8).title == "out 0x3f8 COM1 THR")
    #expect(place(.portRead, 0x3f8).name == "0x3f8:PIN")
    #expect(place(.portRead, 0x3f8).label == "COM1 RBR")
    #expect(place(.portWrite, 1 << 40).name == "0x10000000000:POUT")
    #expect(place(.halt, 7).name == "hlt" && place(.halt, 7).address == nil)
    #expect(place(.kick, 0).name == "kick:quantum" && place(.kick, 9).title == "kick cause-9")
  }

  @Test func linesAreBoundedAndEscaped() {
    var lines = ConsoleLines()
    var event = Event(.portWrite)
    (event.stream, event.width) = (1, 1)
    let payload =
      [UInt8](repeating: 0x61, count: 3 * ConsoleLines.maximumLine) + [0x0d, 0x0a, 0xff]
    let ended = lines.add(event, at: 5, payload: payload[...])
    #expect(ended.map(\.text.count) == [4096, 4096, 4096, 0])
    let rest = lines.removeAll()
    #expect(
      rest.map(\.text) == ["\u{fffd}"] && rest[0].first == 5 && rest[0].streamName == "serial")
  }
}

/// Varints and fields, by the examples of Protocol Buffers' own documentation.
@Suite struct ProtobufTests {
  @Test func wireFormat() {
    var bytes: [UInt8] = []
    bytes.append(field: 1, varint: 150)
    #expect(bytes == [0x08, 0x96, 0x01])
    bytes = []
    bytes.append(field: 2, text: "testing")
    #expect(bytes == [0x12, 0x07] + Array("testing".utf8))
    bytes = []
    bytes.append(varint: .max)
    #expect(bytes == [UInt8](repeating: 0xff, count: 9) + [0x01])
    bytes = []
    bytes.append(field: 60, bytes: [UInt8](repeating: 1, count: 200))
    #expect(bytes.prefix(4) == [0xe2, 0x03, 0xc8, 0x01])
  }
}
