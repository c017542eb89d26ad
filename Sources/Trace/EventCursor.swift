/// Walks a reel's events in order, decoding one block at a time.
public struct EventCursor {
  private let reel: Reel
  private let blocks: [BlockDescriptor]
  private let first: EventIndex
  private var nextBlock: Int
  private var block: EventBlock?
  private var position = 0

  /// Starts at an event, or at the reel's first event after it.
  public init(_ reel: Reel, from first: EventIndex = 0) {
    self.reel = reel
    blocks = reel.eventBlocks
    nextBlock =
      blocks.firstIndex {
        $0.header.firstEvent &+ UInt64($0.header.eventCount) > first
      } ?? blocks.count
    self.first = first
  }

  /// The index of the event ``next()`` returned last.
  public private(set) var index: EventIndex = 0

  /// The next event, or `nil` at the end of the reel.
  public mutating func next() throws(TraceError) -> Event? {
    while true {
      if let block, position < block.events.count {
        index = block.firstEvent &+ UInt64(position)
        defer { position += 1 }
        if index < first { continue }
        return block.events[position]
      }
      guard nextBlock < blocks.count else { return nil }
      block = try reel.events(of: blocks[nextBlock])
      position = 0
      nextBlock += 1
    }
  }

  /// The payload of the event just returned.
  public func payload(of event: Event) -> ArraySlice<UInt8> {
    block?.payload(of: event) ?? []
  }
}
