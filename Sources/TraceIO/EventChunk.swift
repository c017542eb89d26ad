internal import Trace

/// A preallocated run of events being filled by the vCPU's thread.
@safe
final class EventChunk: @unchecked Sendable {
  // Safe: a chunk belongs to one thread at a time; the writer's queue and semaphore hand it over.

  /// Events a chunk holds; about 1 MiB of raw columns.
  static let capacity = 32_768
  /// Payload bytes a chunk holds; a single payload is at most a page.
  static let payloadCapacity = 256 << 10

  private let events: UnsafeMutableBufferPointer<Event>
  private let payload: UnsafeMutableRawBufferPointer
  private(set) var count = 0
  private(set) var payloadCount = 0
  var firstEvent: EventIndex = 0
  var firstTime: UInt64 = 0

  init() {
    unsafe events = .allocate(capacity: Self.capacity)
    unsafe events.initialize(repeating: Event(EventKind(rawValue: 0)))
    unsafe payload = .allocate(byteCount: Self.payloadCapacity, alignment: 16)
  }

  deinit {
    unsafe events.deallocate()
    unsafe payload.deallocate()
  }

  var isFull: Bool { count == Self.capacity }

  func hasRoom(forPayload byteCount: Int) -> Bool {
    payloadCount + byteCount <= Self.payloadCapacity
  }

  func append(_ event: Event) {
    unsafe events[count] = event
    count += 1
  }

  func append(_ event: Event, payload bytes: UnsafeRawBufferPointer) {
    // Safe: the writer asks `hasRoom` first.
    unsafe payload.baseAddress?.advanced(by: payloadCount)
      .copyMemory(from: bytes.baseAddress.unsafelyUnwrapped, byteCount: bytes.count)
    payloadCount += bytes.count
    append(event)
  }

  func reset() {
    count = 0
    payloadCount = 0
  }

  /// The block of the chunk's events.
  func encode(with encoder: inout BlockEncoder) -> [UInt8] {
    unsafe encoder.block(
      UnsafeBufferPointer(rebasing: events[..<count]),
      payload: UnsafeRawBufferPointer(rebasing: payload[..<payloadCount]),
      firstEvent: firstEvent, firstTime: firstTime)
  }
}
