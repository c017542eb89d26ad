/// Copies a reel block by block without the contents of guest memory.
///
/// Left out are the blocks of pages, the keyframes' page maps and the page key: an identity beside its
/// key would still tell whether a page somebody guesses was there. Every block kept is decoded and
/// encoded again, so that nothing this version does not know comes through: blocks and columns of
/// unknown kinds, bytes behind a record. Equal reels give equal copies.
///
/// What the events hold stays: console, input, and registers at keyframes.
public struct ReelStripper {
  /// Page contents left out.
  public private(set) var pageCount: UInt64 = 0
  /// Blocks left out because their type is unknown, or because they are not where they belong.
  public private(set) var unknownBlockCount: UInt64 = 0
  /// Columns left out because their kind is unknown.
  public private(set) var unknownColumnCount: UInt64 = 0

  private let reel: Reel
  private var encoder = BlockEncoder(pageKey: noKey)
  private var position = 0

  private static let noKey = [UInt8](repeating: 0, count: 16)

  /// Begins a copy.
  public init(_ reel: Reel) {
    self.reel = reel
  }

  /// The 64 bytes the copy begins with.
  public var header: [UInt8] {
    var header = reel.header
    header.requiredFeatures |= FileHeader.pagesStripped
    header.pageKey = Self.noKey
    return header.encoded()
  }

  /// The copy's next block; `nil` behind the last.
  ///
  /// - Throws: the ``TraceError`` of a block that is damaged; no copy can be had then.
  public mutating func nextBlock() throws(TraceError) -> [UInt8]? {
    while position < reel.blocks.count {
      let block = reel.blocks[position]
      position += 1
      if let copy = try copy(of: block) { return copy }
    }
    return nil
  }

  private mutating func copy(of block: BlockDescriptor) throws(TraceError) -> [UInt8]? {
    switch block.header.type {
    case .metadata where position == 1:
      return encoder.block(.metadata, reel.metadataJSON)
    case .events:
      return encode(try reel.events(of: block), block.header)
    case .kernelExits:
      return encode(try reel.kernelExits(of: block), block.header)
    case .hostTotals:
      return encoder.block(.hostTotals, try reel.hostTotals(of: block).encoded())
    case .keyframe:
      var keyframe = try reel.keyframe(of: block)
      keyframe.pages = []
      return encoder.block(keyframe)
    case .pages:
      // Read, so that damage is told of and not passed over.
      pageCount += UInt64(try reel.pages(of: block).identities.count)
      return nil
    case .end:
      return reel.end.map { encoder.end($0) }
    case .index, .footer: return nil
    default:
      unknownBlockCount += 1
      return nil
    }
  }

  private mutating func encode(_ events: EventBlock, _ header: BlockHeader) -> [UInt8] {
    unknownColumnCount += UInt64(events.skippedColumns)
    return unsafe events.events.withUnsafeBufferPointer { list in
      unsafe events.payload.withUnsafeBytes {
        unsafe encoder.block(
          list, payload: $0, firstEvent: header.firstEvent, firstTime: header.firstTime)
      }
    }
  }

  private mutating func encode(_ kernelExits: KernelExitBlock, _ header: BlockHeader) -> [UInt8] {
    unknownColumnCount += UInt64(kernelExits.skippedColumns)
    return unsafe kernelExits.exits.withUnsafeBufferPointer {
      unsafe encoder.block($0, firstTime: header.firstTime)
    }
  }
}
