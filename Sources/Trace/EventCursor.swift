/// Walks a reel's events in order, decoding one block at a time.
///
/// After a throw the damaged block lies behind the cursor: a caller that calls ``next()`` again
/// goes on after it, and ``skippedEvents`` says how many events were lost.
public struct EventCursor {
  private let reel: Reel
  private let first: EventIndex
  private var nextBlock: Int
  private var block: EventBlock?
  private var position = 0

  /// Starts at an event, or at the reel's first event after it.
  public init(_ reel: Reel, from first: EventIndex = 0) {
    self.reel = reel
    self.first = first
    nextBlock = reel.eventBlocks.partition { $0.header.endEvent > first }
  }

  /// The index of the event ``next()`` returned last.
  public private(set) var index: EventIndex = 0

  /// The number of events in blocks that could not be decoded, as their headers state it.
  public private(set) var skippedEvents: UInt64 = 0

  /// The next event, or `nil` at the end of the reel.
  ///
  /// - Throws: the ``TraceError`` of a damaged block, once for each.
  public mutating func next() throws(TraceError) -> Event? {
    while true {
      if let block, position < block.events.count {
        index = block.firstEvent &+ UInt64(position)
        defer { position += 1 }
        return block.events[position]
      }
      guard nextBlock < reel.eventBlocks.count else { return nil }
      let descriptor = reel.eventBlocks[nextBlock]
      nextBlock += 1
      block = nil
      skippedEvents &+= UInt64(descriptor.header.eventCount)
      let decoded = try reel.events(of: descriptor)
      skippedEvents &-= UInt64(descriptor.header.eventCount)
      position = Int(clamping: first > decoded.firstEvent ? first - decoded.firstEvent : 0)
      block = decoded
    }
  }

  /// The payload of the event just returned.
  public func payload(of event: Event) -> ArraySlice<UInt8> {
    block?.payload(of: event) ?? []
  }
}
