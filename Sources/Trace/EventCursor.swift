/// Walks a reel's events in order, decoding one block at a time.
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
    nextBlock = Self.firstBlock(of: reel.eventBlocks, endingAfter: first)
  }

  /// The index of the event ``next()`` returned last.
  public private(set) var index: EventIndex = 0

  /// The next event, or `nil` at the end of the reel.
  ///
  /// - Throws: what is wrong with the next block; ``skipDamagedBlock()`` goes on behind it.
  public mutating func next() throws(TraceError) -> Event? {
    while true {
      if let block, position < block.events.count {
        index = block.firstEvent &+ UInt64(position)
        defer { position += 1 }
        return block.events[position]
      }
      guard nextBlock < reel.eventBlocks.count else { return nil }
      let decoded = try reel.events(of: reel.eventBlocks[nextBlock])
      position = Int(clamping: first > decoded.firstEvent ? first - decoded.firstEvent : 0)
      block = decoded
      nextBlock += 1
    }
  }

  /// Steps over the block that ``next()`` could not decode and says which events it held.
  public mutating func skipDamagedBlock() -> Range<EventIndex> {
    guard nextBlock < reel.eventBlocks.count else { return index..<index }
    let header = reel.eventBlocks[nextBlock].header
    nextBlock += 1
    return header.firstEvent..<header.endEvent
  }

  /// The payload of the event just returned.
  public func payload(of event: Event) -> ArraySlice<UInt8> {
    block?.payload(of: event) ?? []
  }

  /// Binary search: the blocks' event ranges ascend and do not overlap.
  private static func firstBlock(
    of blocks: [BlockDescriptor], endingAfter event: EventIndex
  ) -> Int {
    var low = 0
    var high = blocks.count
    while low < high {
      let middle = (low + high) / 2
      if blocks[middle].header.endEvent > event { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
