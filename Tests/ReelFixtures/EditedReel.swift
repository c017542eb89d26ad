internal import Bytes
internal import FoundationEssentials
public import Trace

/// A reel taken apart into values, to be altered and put together again without the guest's memory.
public struct EditedReel: Sendable {
  /// An event with its payload.
  public struct Entry: Equatable, Sendable {
    /// The event.
    public var event: Event
    /// Its payload.
    public var payload: [UInt8]

    /// Whether `diff` compares it: exits the guest made, and inputs.
    public var isCompared: Bool { event.kind.isGuestMade || event.kind.isInput }
  }

  /// The index of the first event.
  public private(set) var firstEvent: EventIndex
  /// The events in order.
  public var entries: [Entry] = []
  /// Keyframes whose marks are among the events; their places are found anew by these marks.
  public var keyframes: [Keyframe] = []
  /// What the reel says about itself.
  public var metadata: Metadata
  /// How it ends; `nil` for one whose recorder was killed.
  ///
  /// Its counts are made anew.
  public var end: EndRecord?
  /// Events of a block.
  public var eventsPerBlock = 256

  /// The time before the first event, and the guest-made exits.
  var firstTime: UInt64 = 0
  private var firstExits: UInt64 = 0

  /// Takes a reel apart: its events in a range, less what is at the ends without its answer or seal.
  public init(_ bytes: [UInt8], events wanted: Range<EventIndex> = 0 ..< .max) throws {
    let reel = try Reel(MemorySource(bytes))
    metadata = try JSONDecoder().decode(Metadata.self, from: Data(reel.metadataJSON))
    firstEvent = wanted.lowerBound
    var cursor = EventCursor(reel, from: wanted.lowerBound)
    while let event = try cursor.next(), wanted.contains(cursor.index) {
      if entries.isEmpty { firstEvent = cursor.index }
      entries.append(Entry(event: event, payload: Array(cursor.payload(of: event))))
    }
    let isCut = firstEvent + UInt64(entries.count) < reel.eventCount
    dropOpenEnds()
    firstTime = firstEvent == 0 ? 0 : entries.first?.event.entryTime ?? 0
    try takeKeyframes(of: reel)
    end = reel.end
    if isCut { end = EndRecord(reason: .exitLimit, digest: lastDigest) }
  }

  private mutating func dropOpenEnds() {
    while let last = entries.last, last.event.kind.expectsInput || last.event.kind.isHostMade {
      entries.removeLast()
    }
    while let first = entries.first, first.event.kind == .inputData {
      entries.removeFirst()
      firstEvent += 1
    }
  }

  private mutating func takeKeyframes(of reel: Reel) throws {
    for number in reel.keyframeNumbers where place(ofMark: number) != nil {
      var keyframe = try reel.keyframe(number)
      keyframe.pages = []
      if keyframes.isEmpty {
        (keyframe.isFullMap, keyframe.parent) = (true, nil)
        firstExits = keyframe.guestMadeExits - exits(before: place(ofMark: number) ?? 0)
      }
      keyframes.append(keyframe)
    }
  }

  /// The running digest as far as the last guest-made exit tells it.
  var lastDigest: UInt64 {
    guard let last = entries.last(where: { $0.event.kind.isGuestMade })?.event else { return 0 }
    return last.flags.contains(.fullDigest) ? last.digest : UInt64(last.check)
  }

  /// Where the mark of a keyframe stands among the events.
  func place(ofMark number: UInt64) -> Int? {
    entries.firstIndex { $0.event.kind == .keyframe && $0.event.address == number }
  }

  private func exits(before place: Int) -> UInt64 {
    UInt64(entries[..<place].count { $0.event.kind.isGuestMade })
  }
}

// MARK: - Putting together

extension EditedReel {
  /// The file's bytes; every checksum is right.
  public func encoded() throws -> [UInt8] {
    let key = [UInt8](repeating: 0, count: 16)
    var header = FileHeader(pageKey: key)
    header.requiredFeatures = FileHeader.pagesStripped
    var encoder = BlockEncoder(pageKey: key)
    var bytes = header.encoded()
    let json = JSONEncoder()
    json.outputFormatting = .sortedKeys
    bytes += encoder.block(.metadata, Array(try json.encode(metadata)))
    let keyframes = placedKeyframes()
    var time = firstTime
    for start in stride(from: 0, to: entries.count, by: eventsPerBlock) {
      let chunk = entries[start..<min(start + eventsPerBlock, entries.count)]
      bytes += block(chunk, firstTime: time, &encoder)
      time = lastTime(of: chunk) ?? time
      let held = firstEvent + UInt64(chunk.startIndex)..<firstEvent + UInt64(chunk.endIndex)
      for keyframe in keyframes where held.contains(keyframe.eventIndex) {
        bytes += encoder.block(keyframe)
      }
    }
    guard var end else { return bytes }
    end.eventCount = UInt64(entries.count)
    end.guestMadeExits = exits(before: entries.count)
    end.keyframeCount = UInt64(keyframes.count)
    return bytes + encoder.end(end)
  }

  private func lastTime(of chunk: ArraySlice<Entry>) -> UInt64? {
    chunk.last { $0.event.kind.isExit }?.event.exitTime
  }

  private func block(
    _ chunk: ArraySlice<Entry>, firstTime: UInt64, _ encoder: inout BlockEncoder
  ) -> [UInt8] {
    var events = chunk.map(\.event)
    // An event that is no exit has the time of the exit before; the block's last time is taken of
    // its last event.
    events[events.count - 1].exitTime = lastTime(of: chunk) ?? firstTime
    let payload = chunk.flatMap(\.payload)
    return unsafe events.withUnsafeBufferPointer { events in
      unsafe payload.withUnsafeBytes {
        unsafe encoder.block(
          events, payload: $0, firstEvent: firstEvent + UInt64(chunk.startIndex),
          firstTime: firstTime)
      }
    }
  }

  /// The keyframes at their marks' places.
  private func placedKeyframes() -> [Keyframe] {
    keyframes.compactMap { keyframe in
      guard let place = place(ofMark: keyframe.number) else { return nil }
      var keyframe = keyframe
      keyframe.eventIndex = firstEvent + UInt64(place)
      keyframe.guestMadeExits = firstExits + exits(before: place)
      return keyframe
    }
  }
}

// MARK: - Another run

extension EditedReel {
  /// Gives digests from an event on as another run has them: functions of a history that differs.
  ///
  /// Registers are not known here, so that these are not the digests a recorder would have made;
  /// whole ones stand where a recorder puts them. One check in 256 is the same by chance, as it is
  /// in recordings.
  mutating func rerun(from place: Int, like original: EditedReel, seed: UInt64) {
    let counting = DigestCounting(original)
    var digest = RunningDigest(value: seed)
    var exits = self.exits(before: place)
    for index in place..<entries.count {
      let event = entries[index].event
      if event.kind == .keyframe { setDigest(digest.value, ofKeyframe: event.address) }
      guard entries[index].isCompared else { continue }
      digest.absorb(UInt64(event.kind.rawValue) | UInt64(event.width) << 8)
      for word in [event.address, event.value, event.rip] { digest.absorb(word) }
      digest.absorb(bytes: entries[index].payload)
      guard event.kind.isGuestMade else { continue }
      exits += 1
      entries[index].event.check = UInt8(truncatingIfNeeded: digest.value)
      let isWhole = counting.isWhole(exits)
      entries[index].event.digest = isWhole ? digest.value : 0
      if isWhole {
        entries[index].event.flags.insert(.fullDigest)
      } else {
        entries[index].event.flags.remove(.fullDigest)
      }
    }
    end?.digest = digest.value
  }

  private mutating func setDigest(_ digest: UInt64, ofKeyframe number: UInt64) {
    for index in keyframes.indices where keyframes[index].number == number {
      keyframes[index].digest = digest
    }
  }
}

/// Which guest-made exits of a reel carry the whole digest.
private struct DigestCounting {
  private var interval: UInt64
  private var first: UInt64

  /// Counts exits from 1 at the first of the events.
  init(_ reel: EditedReel) {
    let exits = reel.entries.filter { $0.event.kind.isGuestMade }
    let whole = exits.indices.filter { exits[$0].event.flags.contains(.fullDigest) }
    interval = reel.metadata.policies.check == "full" ? 1 : 64
    first = UInt64((whole.first ?? exits.count) + 1)
  }

  func isWhole(_ exits: UInt64) -> Bool {
    exits >= first && (exits - first).isMultiple(of: interval)
  }
}
