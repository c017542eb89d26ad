import Bytes
import ReelFixtures
import Trace

/// An event with its payload, as a test writes it down.
struct Entry {
  var event: Event
  var payload: [UInt8] = []
}

/// Makes small reels: fills in times, digests and indexes as a recorder does.
struct ReelBuilder {
  static let key = [UInt8](0..<16)

  var entries: [Entry] = []
  /// Events in each event block.
  var blockSize = 1000
  /// Digests at every this many guest-made exits.
  var digestInterval: UInt64 = 64
  /// Whether an index and a footer follow the end.
  var isIndexed = true
  /// Nanoseconds in the guest before, and of handling after, each exit.
  var slice: UInt64 = 16_000
  var handling: UInt64 = 3_200
  var endReason: EndReason? = .debugExit
  /// Marks whose keyframes are of these kinds; others are periodic.
  var keyframeKinds: [UInt64: KeyframeKind] = [0: .base]
  /// Exits the kernel saw.
  var kernelExits: [KernelExitRecord] = []
  /// The host's counters.
  var totals: [HostTotals] = []
  /// The first page's fill at each keyframe.
  var pageFill: UInt8 = 1

  mutating func add(
    _ kind: EventKind, _ address: UInt64 = 0, value: UInt64 = 0, width: UInt8 = 0,
    stream: UInt8 = 0, rip: UInt64 = 0x1000, payload: [UInt8] = []
  ) {
    var event = Event(kind)
    event.address = address
    event.value = value
    event.width = width
    event.stream = stream
    event.rip = rip
    if !payload.isEmpty {
      event.payloadLength = UInt32(payload.count)
      event.count = UInt32(payload.count / max(1, Int(width)))
    }
    entries.append(Entry(event: event, payload: payload))
  }

  /// A guest that greets, reads its line status, gets interrupts and is kicked.
  static func sample(rounds: Int = 50) -> ReelBuilder {
    var builder = ReelBuilder()
    builder.add(.keyframe, 0)
    for round in 0..<rounds {
      let rip = 0x1000 + UInt64(round) * 16
      builder.add(.portRead, 0x3fd, width: 1, rip: rip)
      builder.add(.inputData, value: 0x60, width: 1, rip: rip)
      let byte = UInt64(Array("hello ".utf8)[round % 6])
      builder.add(.portWrite, 0x3f8, value: byte, width: 1, stream: 1, rip: rip + 4)
      builder.add(.halt, rip: rip + 5)
      builder.add(.interrupt, 0x20, rip: rip + 5)
      if round % 10 == 9 {
        builder.add(.kick, KickReason.quantum.rawValue, rip: 0xdead)
        builder.add(.keyframe, UInt64(round / 10 + 1))
        builder.keyframeKinds[UInt64(round / 10 + 1)] = .seal
      }
    }
    builder.add(.portWrite, 0xe9, width: 1, stream: 2, rip: 0x9000, payload: Array("bye".utf8))
    builder.add(.portWrite, 0xf4, value: 0, width: 1, rip: 0x9010)
    return builder
  }

  /// The events with times and digests filled in.
  func finished() -> [Entry] {
    var digest = RunningDigest.initial
    var now: UInt64 = 0
    var lastExit: UInt64 = 0
    var exits: UInt64 = 0
    return entries.map { entry in
      var entry = entry
      let kind = entry.event.kind
      if kind.isGuestMade || kind.isInput {
        digest.absorb(UInt64(kind.rawValue) | UInt64(entry.event.width) << 8)
        digest.absorb(entry.event.address)
        digest.absorb(entry.event.value)
        digest.absorb(entry.event.rip)
        digest.absorb(bytes: entry.payload)
      }
      if kind.isGuestMade {
        exits += 1
        if exits.isMultiple(of: digestInterval) {
          entry.event.flags = .fullDigest
          entry.event.digest = digest.value
        }
      }
      entry.event.check = kind.isGuestMade ? UInt8(truncatingIfNeeded: digest.value) : 0
      if !kind.isExit { entry.event.rip = 0 }
      entry.event.entryTime = lastExit
      entry.event.exitTime = lastExit
      if kind.isExit {
        entry.event.entryTime = now
        entry.event.exitTime = now + slice
        lastExit = now + slice
        now += slice + handling
      }
      return entry
    }
  }

  func bytes() -> [UInt8] { bytes(of: finished()) }

  /// The reel of given events, which are stored as they are.
  func bytes(of entries: [Entry], firstEvent: EventIndex = 0) -> [UInt8] {
    var encoder = BlockEncoder(pageKey: Self.key)
    var output = FileHeader(pageKey: Self.key).encoded()
    output += encoder.block(.metadata, Array("{}".utf8))
    var lastTime: UInt64 = 0
    for start in stride(from: 0, to: entries.count, by: blockSize) {
      let chunk = Array(entries[start..<min(start + blockSize, entries.count)])
      output += block(
        chunk, first: firstEvent + UInt64(start), firstTime: lastTime, &encoder)
      lastTime = chunk.last?.event.exitTime ?? lastTime
      output += keyframes(in: entries, start, chunk.count, firstEvent, &encoder)
    }
    if !kernelExits.isEmpty {
      output += unsafe kernelExits.withUnsafeBufferPointer {
        unsafe encoder.block($0, firstTime: 0)
      }
    }
    for total in totals { output += encoder.block(.hostTotals, total.encoded()) }
    if let endReason {
      output += encoder.end(endRecord(entries, endReason, lastTime), isIndexed: isIndexed)
    }
    return output
  }

  func reel() throws -> Reel { try Reel(MemorySource(bytes())) }

  private func block(
    _ chunk: [Entry], first: EventIndex, firstTime: UInt64, _ encoder: inout BlockEncoder
  ) -> [UInt8] {
    let payload = chunk.flatMap(\.payload)
    return unsafe chunk.map(\.event).withUnsafeBufferPointer { events in
      unsafe payload.withUnsafeBytes {
        unsafe encoder.block(events, payload: $0, firstEvent: first, firstTime: firstTime)
      }
    }
  }

  private func keyframes(
    in entries: [Entry], _ start: Int, _ count: Int, _ firstEvent: EventIndex,
    _ encoder: inout BlockEncoder
  ) -> [UInt8] {
    var output: [UInt8] = []
    for position in start..<start + count where entries[position].event.kind == .keyframe {
      let number = entries[position].event.address
      let exits = entries[..<position].count { $0.event.kind.isGuestMade }
      let keyframe = Keyframe(
        number: number, kind: keyframeKinds[number] ?? .periodic, parent: nil, isFullMap: false,
        eventIndex: firstEvent + UInt64(position), guestMadeExits: UInt64(exits),
        digest: digest(after: entries[..<position]),
        virtualTime: number * 1_000_000, pages: [],
        vcpuStates: [StateEntry(kind: 1, version: 1, bytes: [1, 2, 3])], boardStates: [])
      let fill = pageFill &+ UInt8(truncatingIfNeeded: number)
      output += encoder.blocks(
        of: KeyframeCapture(
          keyframe: keyframe, pages: [3],
          content: [UInt8](repeating: fill, count: PageBlock.pageSize)))
    }
    return output
  }

  /// The running digest as far as the last guest-made exit stores it.
  private func digest(after entries: ArraySlice<Entry>) -> UInt64 {
    guard let last = entries.last(where: { $0.event.kind.isGuestMade })?.event else {
      return RunningDigest.initial.value
    }
    return last.flags.contains(.fullDigest) ? last.digest : UInt64(last.check)
  }

  private func endRecord(
    _ entries: [Entry], _ reason: EndReason, _ lastTime: UInt64
  ) -> EndRecord {
    EndRecord(
      reason: reason, detail: 0, eventCount: UInt64(entries.count),
      guestMadeExits: UInt64(entries.count { $0.event.kind.isGuestMade }),
      keyframeCount: UInt64(entries.count { $0.event.kind == .keyframe }),
      durationNanoseconds: lastTime, virtualTime: 5_000_000, digest: digest(after: entries[...]))
  }
}
