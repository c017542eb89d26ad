/// Walks a reel's kernel exits in order, decoding one block at a time.
///
/// After a throw the damaged block lies behind the cursor: a caller that calls ``next()`` again
/// goes on after it, and ``skippedExits`` says how many were lost.
public struct KernelExitCursor {
  private let reel: Reel
  private let first: EventIndex
  private var nextBlock: Int
  private var block: KernelExitBlock?
  private var position = 0

  /// The number of kernel exits in blocks that could not be decoded, as their headers state it.
  public private(set) var skippedExits: UInt64 = 0

  /// Starts at the first kernel exit that is anchored at an event or after it.
  public init(_ reel: Reel, from first: EventIndex = 0) {
    self.reel = reel
    self.first = first
    // Anchors ascend from block to block, so what matters begins at most one block before.
    let later = reel.kernelExitBlocks.firstIndex { $0.header.firstEvent >= first }
    nextBlock = max(0, (later ?? reel.kernelExitBlocks.count) - 1)
  }

  /// The next kernel exit, or `nil` at the end of the reel.
  ///
  /// - Throws: the ``TraceError`` of a damaged block, once for each.
  public mutating func next() throws(TraceError) -> KernelExitRecord? {
    while true {
      if let block, position < block.exits.count {
        defer { position += 1 }
        if block.exits[position].anchor < first { continue }
        return block.exits[position]
      }
      guard nextBlock < reel.kernelExitBlocks.count else { return nil }
      let descriptor = reel.kernelExitBlocks[nextBlock]
      nextBlock += 1
      block = nil
      skippedExits &+= UInt64(descriptor.header.eventCount)
      let decoded = try reel.kernelExits(of: descriptor)
      skippedExits &-= UInt64(descriptor.header.eventCount)
      position = 0
      block = decoded
    }
  }
}
