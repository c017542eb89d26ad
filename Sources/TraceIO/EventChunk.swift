internal import Trace

/// A preallocated run of events being filled by the vCPU's thread.
@safe
final class EventChunk: @unchecked Sendable {
  // Safe: a chunk belongs to one thread at a time; the writer's ring and pools hand it over.

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
  /// Whether there is room for one event, but not for two.
  var isAlmostFull: Bool { count == Self.capacity - 1 }

  func hasRoom(forPayload byteCount: Int) -> Bool {
    payloadCount + byteCount <= Self.payloadCapacity
  }

  func append(_ event: Event) {
    append(event, payloadLength: 0)
  }

  func append(_ event: Event, payload bytes: UnsafeRawBufferPointer) {
    precondition(hasRoom(forPayload: bytes.count), "a payload is at most a chunk's capacity")
    if let source = bytes.baseAddress {
      // Safe: the precondition keeps the copy inside the buffer.
      unsafe payload.baseAddress?.advanced(by: payloadCount)
        .copyMemory(from: source, byteCount: bytes.count)
    }
    payloadCount += bytes.count
    append(event, payloadLength: UInt32(bytes.count))
  }

  /// The length is what was copied, whatever the event claims: a wrong one would make the whole
  /// block unreadable.
  private func append(_ event: Event, payloadLength: UInt32) {
    // Safe: the subscript traps in debug builds; the writer asks `isFull` first.
    unsafe events[count] = event
    unsafe events[count].payloadLength = payloadLength
    count += 1
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
