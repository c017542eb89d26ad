internal import Bytes
public import Trace

/// A small reel that has every type of block and column, and in which everything holds.
public struct SampleReel {
  /// Guest-made exits, inputs, an interrupt, a kick with its seal, and keyframes: the events.
  public let events: [Event]
  private let payload: [UInt8] = [1, 0, 2, 0, 3, 0]
  private static let firstBlock = 10

  /// Makes the events.
  public init() {
    var list: [Event] = []
    var time: UInt64 = 1600
    func add(_ kind: EventKind, _ change: (inout Event) -> Void = { _ in }) {
      var event = Event(kind)
      if kind.isExit {
        event.entryTime = time
        event.rip = 0xffff_8000_0000_1000 + UInt64(list.count) * 2
        time += 320
        if kind.isGuestMade {
          event.check = UInt8(truncatingIfNeeded: 17 * list.count)
          event.arithmeticFlags = 0x44
        }
      } else {
        event.entryTime = time
      }
      event.exitTime = time
      change(&event)
      list.append(event)
    }
    add(.keyframe)
    add(.portWrite) { ($0.address, $0.width, $0.value, $0.stream) = (0x3f8, 1, 0x41, 1) }
    add(.portRead) { ($0.address, $0.width, $0.count) = (0x1f0, 2, 3) }
    add(.inputData) { ($0.width, $0.count, $0.payloadLength) = (2, 3, 6) }
    add(.memoryRead) { ($0.address, $0.width) = (0xfee0_0000, 4) }
    add(.inputData) { ($0.width, $0.value, $0.device) = (4, 7, 2) }
    add(.deviceWrite) {
      ($0.address, $0.count, $0.value, $0.device, $0.image) = (0x7000, 512, 4096, 2, 1)
    }
    add(.msrWrite) { ($0.address, $0.value) = (0x10, 5) }
    add(.interrupt) { $0.address = 0x20 }
    add(.halt) { ($0.flags, $0.digest, $0.check) = (.fullDigest, 0x1122_3344_5566_7788, 0x88) }
    add(.interrupt) { ($0.address, $0.timestamp) = (0x21, 1000) }
    add(.portWrite) {
      ($0.address, $0.width, $0.value, $0.vcpu, $0.check) = (0xe9, 1, 0x42, 1, 0xc0)
    }
    add(.kick)
    add(.keyframe) { $0.address = 1 }
    add(.portWrite) {
      ($0.address, $0.width, $0.value) = (0xf4, 1, 0)
      ($0.flags, $0.digest, $0.check) = (.fullDigest, 0x99, 0x99)
    }
    events = list
  }

  /// The file.
  ///
  /// - Parameter metadata: the metadata's JSON.
  public func encoded(metadata: [UInt8] = Array(#"{"tool":"vmreel"}"#.utf8)) -> [UInt8] {
    let key = [UInt8](1...16)
    var encoder = BlockEncoder(pageKey: key)
    var bytes = FileHeader(pageKey: key).encoded()
    bytes += encoder.block(.metadata, metadata)
    bytes += encoder.block(.hostTotals, totals(.start, anchor: nil).encoded())
    bytes += encoder.blocks(of: capture(0, [(0, 1), (7, 2)]))
    bytes += append(Array(events[..<Self.firstBlock]), payload, 0, &encoder)
    bytes += encoder.blocks(of: capture(1, [(0, 0), (7, 3)]))
    bytes += append(Array(events[Self.firstBlock...]), [], UInt64(Self.firstBlock), &encoder)
    bytes += unsafe kernelExits.withUnsafeBufferPointer {
      unsafe encoder.block($0, firstTime: 16)
    }
    bytes += encoder.block(BlockType(rawValue: 300), [1, 2, 3])
    bytes += encoder.block(.hostTotals, totals(.end, anchor: 14).encoded())
    return bytes + encoder.end(end)
  }

  private var guestMadeExits: UInt64 { UInt64(events.count { $0.kind.isGuestMade }) }

  private var end: EndRecord {
    EndRecord(
      reason: .debugExit, detail: 0, eventCount: UInt64(events.count),
      guestMadeExits: guestMadeExits, keyframeCount: 2, durationNanoseconds: 4000,
      virtualTime: 9000, digest: 0x99)
  }

  private func append(
    _ events: [Event], _ payload: [UInt8], _ first: EventIndex, _ encoder: inout BlockEncoder
  ) -> [UInt8] {
    let firstTime = first == 0 ? 0 : self.events[Int(first) - 1].exitTime
    return unsafe events.withUnsafeBufferPointer { events in
      unsafe payload.withUnsafeBytes {
        unsafe encoder.block(events, payload: $0, firstEvent: first, firstTime: firstTime)
      }
    }
  }

  private var kernelExits: [KernelExitRecord] {
    (0..<4).map { index in
      var exit = KernelExitRecord()
      exit.anchor = UInt64(index * 2)
      exit.isa = UInt8(1 + index % 2)
      exit.reason = UInt64(48 + index)
      exit.rip = 0x1000 + UInt64(index)
      exit.entryTime = 100 + UInt64(index) * 20
      exit.exitTime = exit.entryTime + 10
      return exit
    }
  }

  private func totals(_ moment: HostTotals.Moment, anchor: EventIndex?) -> HostTotals {
    HostTotals(
      moment: moment, anchor: anchor, time: 77,
      counters: [
        HostTotals.Counter(name: "kvm.exits", value: 9),
        HostTotals.Counter(name: "tracer.recorded", value: 4),
      ])
  }

  /// A keyframe at its mark, with pages each filled with a byte.
  private func capture(_ number: UInt64, _ pages: [(page: UInt32, fill: UInt8)]) -> KeyframeCapture
  {
    let mark = events.firstIndex { $0.kind == .keyframe && $0.address == number } ?? 0
    let exits = events[..<mark].count { $0.kind.isGuestMade }
    return KeyframeCapture(
      keyframe: Keyframe(
        number: number, kind: number == 0 ? .base : .seal, parent: nil, isFullMap: false,
        eventIndex: UInt64(mark), guestMadeExits: UInt64(exits),
        digest: number == 0 ? Self.emptyDigest : 0xabc0, virtualTime: number * 1000, pages: [],
        vcpuStates: [StateEntry(vcpu: 0, kind: 2, version: 3, bytes: [4, 5, 6])],
        boardStates: [StateEntry(kind: 9, version: 1, bytes: [])]),
      pages: pages.map(\.page),
      content: pages.flatMap { [UInt8](repeating: $0.fill, count: PageBlock.pageSize) })
  }

  /// The running digest before anything was absorbed.
  private static let emptyDigest = RunningDigest.initial.value
}
