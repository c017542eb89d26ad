internal import Trace

/// A mutation in the making.
struct MutationDraft {
  typealias Entry = EditedReel.Entry

  let original: EditedReel
  let stream: ExpectedStream
  /// The reel as it becomes.
  var reel: EditedReel
  /// The places among the original's events that may be altered.
  var allowed: Range<Int>
  /// What is taken out and put in.
  var splices: [EventSplice] = []
  var count = 0
  var shift: Int64?
  var factor: Double?
  var path: String?
  /// Where the digest was altered, when that is all.
  private var flip: Int?

  init(_ original: EditedReel) {
    self.original = original
    stream = ExpectedStream(original)
    reel = original
    allowed = 0..<original.entries.count
  }

  /// Alters the reel; `false` when it has no place for that.
  mutating func alter(_ kind: ReelMutation.Kind, _ generator: inout SeededGenerator) -> Bool {
    switch kind {
    case .times: return scaleTimes(&generator)
    case .rip: return shiftRIPs(&generator)
    case .header: return changeHeader(&generator)
    default:
      guard let splices = splices(kind, &generator) else { return false }
      self.splices = splices
      apply()
      if kind == .truncated {
        let end = EndRecord(reason: .timeLimit, digest: reel.lastDigest)
        reel.end = generator.next() % 3 == 0 ? nil : end
      }
      return true
    }
  }

  /// Makes the splices.
  mutating func apply() { reel = original.applying(splices) }

  /// The splices of a kind that is of one place; `nil` when there is no such place.
  mutating func splices(
    _ kind: ReelMutation.Kind, _ generator: inout SeededGenerator
  ) -> [EventSplice]? {
    switch kind {
    case .value: changedValue(&generator)
    case .inserted: insertion(&generator)
    case .deleted: deletion(&generator)
    case .duplicated: duplicate(&generator)
    case .moved: movedInterrupt(&generator)
    case .burst: burst(&generator)
    case .registers: flippedDigest(&generator)
    case .console: changedText(&generator)
    case .truncated: missingTail(&generator)
    case .times, .rip, .header: nil
    }
  }

  /// Gives digests as of another run from the first visible difference on.
  ///
  /// While all that is visible is the same, a digest, which is a function of history, is too: one `out`
  /// more in a row of equal ones shows where the row ends.
  mutating func rerun(like original: EditedReel, seed: UInt64) {
    if let flip {
      let flipped = reel.entries[flip].event
      let digest =
        flipped.flags.contains(.fullDigest)
        ? flipped.digest : seed & ~0xff | UInt64(flipped.check)
      reel.rerun(from: flip + 1, like: original, seed: digest)
      return
    }
    let other = ExpectedStream(reel)
    let position = zip(stream.entries, other.entries).enumerated()
      .first { !$1.0.isVisiblySame($1.1) }?.offset
    guard let position else { return }
    for same in 0..<position {
      reel.entries[other.places[same]].takeDigest(of: stream.entries[same])
    }
    reel.rerun(from: other.places[position], like: original, seed: seed)
  }
}

// MARK: - Kinds of one place

extension MutationDraft {
  private mutating func changedValue(_ generator: inout SeededGenerator) -> [EventSplice]? {
    let places = allowed.filter { hasValue($0) }
    guard let place = generator.element(of: places) else { return nil }
    var entry = original.entries[place]
    if entry.payload.isEmpty {
      let bits = entry.event.width == 0 ? 64 : Int(min(8, entry.event.width)) * 8
      let mask = UInt64.max >> UInt64(64 - bits)
      // Few bits or many, but never none.
      let noise = generator.next() & mask & (generator.next() | 1)
      entry.event.value ^= noise == 0 ? 1 : noise
    } else {
      let byte = generator.number(in: 0...entry.payload.count - 1)
      entry.payload[byte] ^= UInt8(generator.number(in: 1...255))
    }
    return [EventSplice(range: place..<place + 1, entries: [entry])]
  }

  /// Whether an event has a value, and is no console text and no timestamp.
  private func hasValue(_ place: Int) -> Bool {
    let event = original.entries[place].event
    switch event.kind {
    case .portWrite, .memoryWrite: return event.stream == 0
    case .msrWrite: return true
    case .inputData:
      let read = place > 0 ? original.entries[place - 1].event : event
      return read.address != 0xe4 || event.width != 8
    case .deviceWrite: return event.payloadLength > 0
    default: return false
    }
  }

  private mutating func changedText(_ generator: inout SeededGenerator) -> [EventSplice]? {
    let places = allowed.filter { original.entries[$0].event.stream != 0 }
    guard !places.isEmpty else { return nil }
    let first = generator.number(in: 0...places.count - 1)
    let changed = places[first..<min(places.count, first + generator.number(in: 1...4))]
    // Letters that stand nowhere else: the text that follows cannot be taken for them.
    let written = Set(places.map { UInt8(truncatingIfNeeded: original.entries[$0].event.value) })
    let fresh = (UInt8(0x21)...0xff).filter { !written.contains($0) }
    guard fresh.count >= changed.count else { return nil }
    return changed.enumerated().map { number, place in
      var entry = original.entries[place]
      if entry.payload.isEmpty {
        entry.event.value = entry.event.value & ~0xff | UInt64(fresh[number])
      } else {
        let element = generator.number(in: 0...entry.event.elementCount - 1)
        entry.payload[element * max(1, Int(entry.event.width))] ^= 0x80
      }
      return EventSplice(range: place..<place + 1, entries: [entry])
    }
  }

  private mutating func insertion(_ generator: inout SeededGenerator) -> [EventSplice]? {
    guard let place = generator.element(of: slots) else { return nil }
    for _ in 0..<16 {
      guard let entry = newEntry(at: place, &generator) else { return nil }
      guard isUnlikeNeighbours(entry, at: place) else { continue }
      count = 1
      return [EventSplice(range: place..<place, entries: [entry])]
    }
    return nil
  }

  private mutating func burst(_ generator: inout SeededGenerator) -> [EventSplice]? {
    guard let place = generator.element(of: slots) else { return nil }
    for _ in 0..<16 {
      guard let entry = newEntry(at: place, &generator) else { return nil }
      // Devices write many stretches at once, but two interrupts never come without an exit between
      // them.
      let isOwn = entry.payload.isEmpty && !entry.isPlacedByHost
      guard isOwn || entry.event.kind == .deviceWrite else { continue }
      let isCounting = entry.event.width == 1 && generator.next() % 2 == 0
      count = generator.number(in: 10...200)
      let entries = (0..<count).map { number in
        var entry = entry
        if isCounting { entry.event.value = UInt64(number % 256) }
        return entry
      }
      guard entries.allSatisfy({ isUnlikeNeighbours($0, at: place) }) else { continue }
      return [EventSplice(range: place..<place, entries: entries)]
    }
    return nil
  }

  private mutating func deletion(_ generator: inout SeededGenerator) -> [EventSplice]? {
    guard let place = generator.element(of: singles) else { return nil }
    count = 1
    return [EventSplice(range: place..<place + 1)]
  }

  private mutating func duplicate(_ generator: inout SeededGenerator) -> [EventSplice]? {
    guard let place = generator.element(of: singles) else { return nil }
    count = 1
    var copy = original.entries[place]
    copy.event.entryTime = copy.event.exitTime
    return [EventSplice(range: place + 1..<place + 1, entries: [copy])]
  }

  private mutating func flippedDigest(_ generator: inout SeededGenerator) -> [EventSplice]? {
    let places = allowed.filter { original.entries[$0].event.kind.isGuestMade }
    let whole = places.filter { original.entries[$0].event.flags.contains(.fullDigest) }
    // Whole digests are rare, and a difference in their high bits alone is a case of its own.
    let wantsWhole = generator.next() % 4 == 0 && !whole.isEmpty
    guard let place = generator.element(of: wantsWhole ? whole : places) else { return nil }
    var entry = original.entries[place]
    if wantsWhole {
      entry.event.digest ^= 1 << UInt64(generator.number(in: 8...63))
    } else {
      let noise = UInt8(generator.number(in: 1...255))
      entry.event.check ^= noise
      if entry.event.flags.contains(.fullDigest) { entry.event.digest ^= UInt64(noise) }
    }
    flip = place
    return [EventSplice(range: place..<place + 1, entries: [entry])]
  }

  private mutating func missingTail(_ generator: inout SeededGenerator) -> [EventSplice]? {
    let places = slots.filter { stream.count(before: $0) > 4 }
    guard let place = generator.element(of: places) else { return nil }
    count = stream.entries.count - stream.count(before: place)
    return [EventSplice(range: place..<original.entries.count)]
  }
}

// MARK: - Interrupts

extension MutationDraft {
  /// Takes an interrupt out and puts it back past 1 to 40 of the guest's own events.
  ///
  /// It may pass others of its like: these stay where they are.
  private mutating func movedInterrupt(_ generator: inout SeededGenerator) -> [EventSplice]? {
    let places = allowed.filter { original.entries[$0].event.kind == .interrupt }
    guard let place = generator.element(of: places) else { return nil }
    let interrupt = original.entries[place]
    let targets = targets(from: stream.count(before: place))
    guard let (distance, slot) = generator.element(of: targets) else { return nil }
    count = distance
    let out = EventSplice(range: place..<place + 1, isHalfOfMove: true)
    let back = EventSplice(range: slot..<slot, entries: [interrupt], isHalfOfMove: true)
    return distance > 0 ? [out, back] : [back, out]
  }

  /// Whether another interrupt than the one at a position stands right before or behind a place.
  private func isBesideInterrupt(_ place: Int, but position: Int) -> Bool {
    let next = stream.count(before: place)
    var (first, end) = (next, next)
    while first > 0, stream.entries[first - 1].isPlacedByHost { first -= 1 }
    while end < stream.entries.count, stream.entries[end].isPlacedByHost { end += 1 }
    return (first..<end).contains { $0 != position }
  }

  /// Where an interrupt can go, and past how many of the guest's own events.
  private func targets(from position: Int) -> [(distance: Int, slot: Int)] {
    let slots = Set(slots.filter { !isBesideInterrupt($0, but: position) })
    var targets: [(distance: Int, slot: Int)] = []
    var distance = 0
    for passed in position + 1..<stream.entries.count where distance < 40 {
      distance += stream.entries[passed].isPlacedByHost ? 0 : 1
      let slot = stream.places[passed] + 1
      if distance > 0, slots.contains(slot) { targets.append((distance, slot)) }
    }
    distance = 0
    for passed in (0..<position).reversed() where distance < 40 {
      distance += stream.entries[passed].isPlacedByHost ? 0 : 1
      let slot = stream.places[passed]
      if distance > 0, slots.contains(slot) { targets.append((-distance, slot)) }
    }
    return targets
  }
}
