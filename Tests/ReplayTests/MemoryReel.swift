import Machine
import Trace

/// A reel being recorded in memory, in the block order the file writer uses.
final class MemoryReel: TraceSink {
  static let pageKey = [UInt8](repeating: 7, count: 16)
  private(set) var events: [Event] = []
  /// The registers at each event, which the digest covers but the reel does not hold.
  private(set) var registers: [GeneralRegisters] = []
  var currentRegisters: () -> GeneralRegisters = { GeneralRegisters() }
  /// Reports a failed write once this many events have come.
  var failsAfterEvents: Int?
  private let eventsPerBlock: Int
  private var encoder = BlockEncoder(pageKey: pageKey)
  private var bytes: [UInt8]
  private var chunk: [Event] = []
  private var payload: [UInt8] = []
  private var flushed: UInt64 = 0
  private var lastTime: UInt64 = 0

  init(eventsPerBlock: Int = 50) {
    self.eventsPerBlock = eventsPerBlock
    bytes = FileHeader(pageKey: Self.pageKey).encoded()
    bytes += encoder.block(.metadata, Array("{}".utf8))
  }

  var hasFailed: Bool { failsAfterEvents.map { events.count >= $0 } ?? false }

  func append(_ event: Event) {
    if chunk.count == eventsPerBlock { flush() }
    chunk.append(event)
    events.append(event)
    registers.append(currentRegisters())
  }

  func append(_ event: Event, payload bytes: UnsafeRawBufferPointer) {
    append(event)
    unsafe payload.append(contentsOf: bytes)
  }

  private(set) var kernelExits: [KernelExitRecord] = []
  private(set) var totals: [HostTotals] = []

  func append(_ exit: KernelExitRecord) { kernelExits.append(exit) }

  func append(_ totals: HostTotals) { self.totals.append(totals) }

  func append(_ capture: KeyframeCapture) { bytes += encoder.blocks(of: capture) }

  private func flush() {
    guard let last = chunk.last else { return }
    bytes += encoder.eventBlock(chunk, payload, first: flushed, time: lastTime)
    flushed += UInt64(chunk.count)
    lastTime = last.exitTime
    chunk.removeAll()
    payload.removeAll()
  }

  /// The whole reel.
  func finish(_ end: EndRecord) -> [UInt8] {
    flush()
    bytes += encoder.end(end)
    return bytes
  }
}

extension BlockEncoder {
  mutating func eventBlock(
    _ events: [Event], _ payload: [UInt8], first: UInt64, time: UInt64
  ) -> [UInt8] {
    unsafe events.withUnsafeBufferPointer { events in
      unsafe payload.withUnsafeBytes { payload in
        unsafe block(events, payload: payload, firstEvent: first, firstTime: time)
      }
    }
  }
}
