internal import Trace

/// Where a recorder could have put an event, and which.
extension MutationDraft {
  /// Places before which an event may stand: not between a read and its answer, nor between a kick or a
  /// tainted exit and its seal, and before the last compared event.
  var slots: [Int] {
    let entries = original.entries
    guard let last = stream.places.last else { return [] }
    return allowed.filter { place in
      guard place > 0, place <= last else { return false }
      let before = entries[place - 1].event
      let isTainted =
        before.flags.contains(.tainted)
        || before.kind == .inputData && place > 1
          && entries[place - 2].event.flags.contains(.tainted)
      return !before.kind.expectsInput && !before.kind.isHostMade && !isTainted
    }
  }

  /// Compared events that are neither reads nor answers, and not the last.
  var singles: [Int] {
    allowed.filter { place in
      let event = original.entries[place].event
      return original.entries[place].isCompared && !event.kind.expectsInput
        && event.kind != .inputData && !event.flags.contains(.tainted)
        && place != stream.places.last
    }
  }

  /// An event that a guest could make at a place: one of its own, or one that it never made.
  func newEntry(at place: Int, _ generator: inout SeededGenerator) -> Entry? {
    var entry: Entry
    if generator.next() % 2 == 0, let own = generator.element(of: singles) {
      entry = original.entries[own]
    } else {
      entry = Entry(event: newEvent(&generator), payload: [])
      if entry.event.kind.isGuestMade {
        entry.event.check = UInt8(truncatingIfNeeded: generator.next())
        entry.event.rip = lastExit(before: place).rip &+ UInt64(generator.number(in: 1...64))
      }
    }
    let time = lastExit(before: place).exitTime
    (entry.event.entryTime, entry.event.exitTime) = (time, time)
    return entry
  }

  private func newEvent(_ generator: inout SeededGenerator) -> Event {
    let kinds: [EventKind] = [.portWrite, .portWrite, .memoryWrite, .msrWrite, .interrupt, .halt]
    var event = Event(generator.element(of: kinds) ?? .halt)
    switch event.kind {
    case .portWrite:
      event.address = [0x3f8, 0x80, 0x20, 0xcf8][generator.number(in: 0...3)]
      event.stream = event.address == 0x3f8 ? 1 : 0
      event.width = 1
      event.value = generator.next() & 0xff
    case .memoryWrite:
      event.address = 0xfee0_0000 | generator.next() & 0xff0
      event.width = 4
      event.value = generator.next() & 0xffff_ffff
    case .msrWrite:
      event.address = 0xc000_0080
      event.value = generator.next()
    case .interrupt: event.address = generator.next() & 0x0f | 0x20
    default: break
    }
    return event
  }

  private func lastExit(before place: Int) -> Event {
    original.entries[..<place].last { $0.event.kind.isExit }?.event ?? Event(.halt)
  }

  /// Whether an event at a place would be unlike the compared ones before and behind it, RIPs aside.
  func isUnlikeNeighbours(_ entry: Entry, at place: Int) -> Bool {
    let position = stream.count(before: place)
    return [position - 1, position].filter(stream.entries.indices.contains)
      .allSatisfy {
        let fields = stream.entries[$0].differences(from: entry)
        return !Set(fields).isSubset(of: ["rip", "check", "timestamp"])
      }
  }
}
