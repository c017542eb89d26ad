/// Copies a reel block by block without some of what it tells.
///
/// Every block kept is decoded and encoded again, so that nothing this version does not know comes
/// through: blocks and columns of unknown kinds, bytes behind a record. Equal reels give equal
/// copies. What is left out with each part is said in TRACE-FORMAT, "Derived reels".
public struct ReelStripper {
  /// Page contents left out.
  public private(set) var pageCount: UInt64 = 0
  /// Blocks left out because their type is unknown, or because they are not where they belong.
  public private(set) var unknownBlockCount: UInt64 = 0
  /// Columns left out because their kind is unknown.
  public private(set) var unknownColumnCount: UInt64 = 0

  private let reel: Reel
  private let parts: StrippedParts
  private let metadataJSON: [UInt8]
  private var encoder = BlockEncoder(pageKey: noKey)
  private var redaction = ConsoleRedaction()
  private var position = 0

  private static let noKey = [UInt8](repeating: 0, count: 16)

  /// Begins a copy.
  ///
  /// - Parameters:
  ///   - parts: what to leave out; `console` takes `pages` with it.
  ///   - metadataJSON: the copy's metadata; `nil` for the reel's own.
  public init(
    _ reel: Reel, without parts: StrippedParts = .pages, metadataJSON: [UInt8]? = nil
  ) {
    self.reel = reel
    self.parts = parts.closure
    self.metadataJSON = metadataJSON ?? reel.metadataJSON
  }

  /// The 64 bytes the copy begins with.
  public var header: [UInt8] {
    var header = reel.header
    if parts.contains(.console) { header.requiredFeatures |= FileHeader.consoleStripped }
    if parts.contains(.pages) {
      header.requiredFeatures |= FileHeader.pagesStripped
      // An identity beside its key would tell whether a page somebody guesses was there.
      header.pageKey = Self.noKey
    }
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
    case .metadata where position == 1: return encoder.block(.metadata, metadataJSON)
    case .events: return encode(try reel.events(of: block), block.header)
    case .kernelExits: return encode(try reel.kernelExits(of: block), block.header)
    case .hostTotals:
      return encoder.block(.hostTotals, stripped(try reel.hostTotals(of: block)).encoded())
    case .keyframe: return encoder.block(stripped(try reel.keyframe(of: block)))
    case .pages: return try encodePages(block)
    case .end: return reel.end.map { encoder.end(stripped($0)) }
    case .index, .footer: return nil
    default:
      unknownBlockCount += 1
      return nil
    }
  }

  /// The pages again, each held to its identity; `nil` when they are left out.
  private mutating func encodePages(_ block: BlockDescriptor) throws(TraceError) -> [UInt8]? {
    // Read in any case, so that damage is told of and not passed over.
    let pages = try reel.pages(of: block)
    guard !parts.contains(.pages) else {
      pageCount += UInt64(pages.identities.count)
      return nil
    }
    if let bad = reel.firstMismatch(in: pages) {
      throw .pageDamaged(offset: block.offset, page: bad)
    }
    var header = BlockHeader(type: .pages)
    header.firstEvent = block.header.firstEvent
    header.eventCount = block.header.eventCount
    return encoder.block(header, pages.encoded())
  }

  private mutating func encode(_ block: EventBlock, _ header: BlockHeader) -> [UInt8] {
    unknownColumnCount += UInt64(block.skippedColumns)
    var block = block
    for index in block.events.indices { strip(&block.events[index], &block.payload) }
    let firstTime = parts.contains(.times) ? 0 : header.firstTime
    return unsafe block.events.withUnsafeBufferPointer { list in
      unsafe block.payload.withUnsafeBytes {
        unsafe encoder.block(
          list, payload: $0, firstEvent: header.firstEvent, firstTime: firstTime)
      }
    }
  }

  private mutating func strip(_ event: inout Event, _ payload: inout [UInt8]) {
    if parts.contains(.times) {
      event.entryTime = 0
      event.exitTime = 0
    }
    // What a device wrote is guest memory.
    let holdsMemory = parts.contains(.pages) && event.kind == .deviceWrite
    let holdsText = parts.contains(.console) && redaction.redact(&event)
    guard holdsMemory || holdsText else { return }
    let start = Int(event.payloadOffset)
    for index in start..<start + Int(event.payloadLength) { payload[index] = 0 }
  }

  private mutating func encode(_ block: KernelExitBlock, _ header: BlockHeader) -> [UInt8] {
    unknownColumnCount += UInt64(block.skippedColumns)
    var block = block
    if parts.contains(.times) {
      for index in block.exits.indices {
        block.exits[index].entryTime = 0
        block.exits[index].exitTime = 0
        block.exits[index].flags.remove(.entryTime)
      }
    }
    // What a port access wrote or read may be the console's.
    if parts.contains(.console) {
      for index in block.exits.indices { block.exits[index].value = 0 }
    }
    let firstTime = parts.contains(.times) ? 0 : header.firstTime
    return unsafe block.exits.withUnsafeBufferPointer {
      unsafe encoder.block($0, firstTime: firstTime)
    }
  }

  private func stripped(_ totals: HostTotals) -> HostTotals {
    guard parts.contains(.times) else { return totals }
    var totals = totals
    totals.time = 0
    // KVM counts waiting in nanoseconds, and in histograms of them.
    totals.counters.removeAll { $0.name.hasSuffix("_ns") || $0.name.hasSuffix("_hist") }
    return totals
  }

  private func stripped(_ keyframe: Keyframe) -> Keyframe {
    var keyframe = keyframe
    if parts.contains(.pages) { keyframe.pages = [] }
    if parts.contains(.console) {
      keyframe.digest = 0
      keyframe.vcpuStates = []
      keyframe.boardStates = []
    }
    return keyframe
  }

  private func stripped(_ end: EndRecord) -> EndRecord {
    var end = end
    if parts.contains(.times) { end.durationNanoseconds = 0 }
    if parts.contains(.console) { end.digest = 0 }
    return end
  }
}
