import Bytes
import ReelFixtures
import Testing
import Trace

/// Deterministic numbers (SplitMix64), so that a failing case can be run again.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}

let testPageKey = [UInt8](1...16)

/// The parts of a block header a test may want to lie about.
struct RawBlock {
  var type: UInt16
  var raw: [UInt8]
  var firstEvent: UInt64 = 0
  var eventCount: UInt32 = 0
  var number: UInt32 = 0
  var firstTime: UInt64 = 0
  var lastTime: UInt64 = 0
  var rawSize: UInt32?
  var stored: [UInt8]?

  /// Header and frame with good checksums, written from TRACE-FORMAT and not with `BlockHeader`.
  var bytes: [UInt8] {
    let stored = self.stored ?? FrameCompressor().compress(raw)
    var writer = ByteWriter()
    writer.append(bytes: Array("vmrb".utf8))
    writer.append(type)
    writer.append(UInt16(0))
    writer.append(UInt32(stored.count))
    writer.append(rawSize ?? UInt32(raw.count))
    writer.append(firstEvent)
    writer.append(eventCount)
    writer.append(number)
    writer.append(firstTime)
    writer.append(lastTime)
    writer.append(UInt64(CRC32.checksum(stored)))
    writer.append(UInt64(CRC32.checksum(writer.bytes)))
    return writer.bytes + stored
  }
}

/// A file header and the metadata block every reel begins with.
func reelStart() -> [UInt8] {
  FileHeader(pageKey: testPageKey).encoded() + RawBlock(type: 1, raw: Array("{}".utf8)).bytes
}

/// Opens bytes as a reel.
func open(_ bytes: some Sequence<UInt8>) throws -> Reel {
  try Reel(MemorySource(Array(bytes)))
}

/// A column as a test writes it.
struct RawColumn {
  var id: UInt16
  var encoding: UInt8 = 0
  var flags: UInt8 = 1
  var bytes: [UInt8]
}

/// The stored bytes of a block of columns, none compressed, written from TRACE-FORMAT.
func columnBlock(_ columns: [RawColumn]) -> [UInt8] {
  var writer = ByteWriter()
  writer.append(UInt16(columns.count))
  for column in columns {
    writer.append(column.id)
    writer.append(column.encoding)
    writer.append(column.flags)
    writer.append(UInt32(column.bytes.count))
    writer.append(UInt32(column.bytes.count))
  }
  return writer.bytes + columns.flatMap(\.bytes)
}

extension RawBlock {
  /// A block of columns that are stored as they are.
  init(type: UInt16, columns: [UInt8], eventCount: UInt32) {
    self.init(
      type: type, raw: [], eventCount: eventCount, rawSize: UInt32(columns.count), stored: columns)
  }
}

/// Appends events as one block, as the writer does.
func appendEvents(
  _ events: [Event], payload: [UInt8] = [], firstEvent: UInt64 = 0, firstTime: UInt64 = 0,
  with encoder: inout BlockEncoder
) -> [UInt8] {
  unsafe events.withUnsafeBufferPointer { events in
    unsafe payload.withUnsafeBytes {
      unsafe encoder.block(events, payload: $0, firstEvent: firstEvent, firstTime: firstTime)
    }
  }
}

/// Events of all kinds with varied fields; payload bytes come in the second half.
func sampleEvents(_ count: Int, seed: UInt64 = 1) -> (events: [Event], payload: [UInt8]) {
  var random = SplitMix64(state: seed)
  var payload: [UInt8] = []
  var time: UInt64 = 16_000
  let events = (0..<count).map { index in
    var event = Event(EventKind.names[index % EventKind.names.count].kind)
    event.vcpu = UInt16(index % 3)
    event.stream = UInt8(index % 2)
    event.width = [1, 2, 4, 8][index % 4]
    event.address = random.next() >> (random.next() % 64)
    event.value = random.next() >> (random.next() % 64)
    event.entryTime = time
    if event.kind.isExit {
      event.check = UInt8(truncatingIfNeeded: random.next())
      event.rip = 0xffff_8000_0000_0000 &+ random.next() % 4096
      event.entryTime += random.next() % 1000 * 16
      time = event.entryTime + random.next() % 1000 * 16
    }
    event.exitTime = time
    if event.kind == .interrupt {
      event.timestamp = random.next()
      event.waited = UInt32(truncatingIfNeeded: random.next() >> 44)
    }
    if event.kind == .inputData { (event.device, event.image) = (3, UInt16(index)) }
    if index % 64 == 63 {
      event.flags = .fullDigest
      event.digest = random.next()
    }
    if index % 5 == 4 {
      event.count = 3
      event.payloadLength = 3 * UInt32(event.width)
      event.payloadOffset = UInt32(payload.count)
      payload += (0..<event.payloadLength).map { _ in UInt8.random(in: 0...255, using: &random) }
    }
    return event
  }
  return (events, payload)
}

/// Kernel exits of both instruction sets with varied fields, anchored at ascending events.
func sampleKernelExits(_ count: Int, seed: UInt64 = 3) -> [KernelExitRecord] {
  var random = SplitMix64(state: seed)
  var time: UInt64 = 900
  return (0..<count).map { index in
    var exit = KernelExitRecord()
    exit.anchor = UInt64(index / 3)
    exit.vcpu = UInt16(index % 2)
    exit.isa = UInt8(1 + index % 2)
    exit.flags = KernelExitFlags(rawValue: UInt8(truncatingIfNeeded: random.next() % 64))
    exit.reason = [48, 0x400, 0x8000_0021, 0xffff_ffff][index % 4]
    exit.rip = 0xffff_8000_0000_0000 &+ random.next() % 4096
    exit.info1 = random.next() >> (random.next() % 64)
    exit.info2 = random.next() >> (random.next() % 64)
    exit.interruptInformation = random.next() >> 32
    exit.errorCode = random.next() >> 48
    exit.address = random.next() >> (random.next() % 64)
    exit.entryTime = time + random.next() % 1000
    exit.exitTime = exit.entryTime + random.next() % 1000
    time = exit.exitTime
    return exit
  }
}

/// Appends kernel exits as one block, as the writer does.
func appendKernelExits(
  _ exits: [KernelExitRecord], firstTime: UInt64 = 0, with encoder: inout BlockEncoder
) -> [UInt8] {
  unsafe exits.withUnsafeBufferPointer { unsafe encoder.block($0, firstTime: firstTime) }
}

/// The host's counters.
func sampleTotals(_ moment: HostTotals.Moment, anchor: EventIndex?, recorded: UInt64) -> HostTotals
{
  HostTotals(
    moment: moment, anchor: anchor, time: 77,
    counters: [
      HostTotals.Counter(name: "kvm.exits", value: recorded),
      HostTotals.Counter(name: "tracer.recorded", value: recorded),
    ])
}

/// A page filled with one byte.
func page(of byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: PageBlock.pageSize) }

/// A capture as the recorder takes it.
func capture(_ number: UInt64, _ pages: [(page: UInt32, fill: UInt8)]) -> KeyframeCapture {
  KeyframeCapture(
    keyframe: Keyframe(
      number: number, kind: number == 0 ? .base : .seal, parent: nil, isFullMap: false,
      eventIndex: number * 10, guestMadeExits: number * 7, digest: 0xd1 &+ number,
      virtualTime: number * 1_000_000, pages: [],
      vcpuStates: [StateEntry(vcpu: 1, kind: 2, version: 3, bytes: [4, 5, 6])],
      boardStates: [StateEntry(kind: 9, version: 1, bytes: [])]),
    pages: pages.map(\.page), content: pages.flatMap { page(of: $0.fill) })
}

/// End facts.
func endRecord(events: UInt64) -> EndRecord {
  EndRecord(
    reason: .debugExit, detail: 42, eventCount: events, guestMadeExits: events / 2,
    keyframeCount: 2, durationNanoseconds: 123_456, virtualTime: .max, digest: 0xfeed)
}

/// A small whole reel: metadata, two event blocks, pages, two keyframes, kernel exits, host totals,
/// end.
func sampleReel() -> [UInt8] {
  var encoder = BlockEncoder(pageKey: testPageKey)
  var bytes = FileHeader(pageKey: testPageKey).encoded()
  bytes += encoder.block(.metadata, Array(#"{"tool":"test"}"#.utf8))
  bytes += encoder.block(
    .hostTotals, sampleTotals(.start, anchor: nil, recorded: 0).encoded())
  bytes += encoder.blocks(of: capture(0, [(0, 1), (7, 2), (9, 0)]))
  let first = sampleEvents(70, seed: 1)
  bytes += appendEvents(first.events, payload: first.payload, firstTime: 5, with: &encoder)
  bytes += encoder.blocks(of: capture(1, [(0, 0), (7, 3)]))
  let second = sampleEvents(30, seed: 2)
  bytes += appendEvents(
    second.events, payload: second.payload, firstEvent: 70,
    firstTime: first.events.last?.exitTime ?? 0, with: &encoder)
  bytes += appendKernelExits(sampleKernelExits(60), firstTime: 5, with: &encoder)
  bytes += encoder.block(.hostTotals, sampleTotals(.end, anchor: 99, recorded: 60).encoded())
  return bytes + encoder.end(endRecord(events: 100))
}
