/// Cuts a range of events out of a reel that can be replayed by itself.
///
/// It begins with the mark of a keyframe, the last one before the range from which a replay can
/// begin, and ends with the range, or right after it where an access waits for its answer or a
/// stretch for its seal. Events and keyframes keep their numbers; the pages that a kept keyframe
/// names are stored anew. Memory is bounded by the guest's, not by the reel.
public struct ReelTrimmer {
  /// The events the new reel holds.
  public let range: Range<EventIndex>
  /// The number of the keyframe it begins with.
  public let firstKeyframe: UInt64
  /// Blocks left out because their type is unknown: nobody can say which events they belong to.
  public private(set) var unknownBlockCount: UInt64 = 0
  /// The new reel's end record; complete once everything before it was handed out.
  public private(set) var end: EndRecord

  private let reel: Reel
  private var encoder: BlockEncoder
  /// The pages at the last keyframe handed out.
  private var map: [UInt32: StoredPage] = [:]
  /// Host nanoseconds before the first event and at the last.
  private var firstTime: UInt64?
  private var lastTime: UInt64 = 0
  private var lastDigestEvent: EventIndex = 0

  /// Chooses where to cut.
  ///
  /// - Parameters:
  ///   - lower: the first event wanted.
  ///   - upper: the event behind the last one wanted; `nil` for the reel's end.
  /// - Throws: ``TrimRefusal``.
  public init(
    _ reel: Reel, from lower: EventIndex, to upper: EventIndex? = nil
  ) throws(TrimRefusal) {
    self.reel = reel
    let held = (reel.eventBlocks.first?.header.firstEvent ?? 0)..<reel.eventCount
    let first = max(lower, held.lowerBound)
    let last = min(upper ?? held.upperBound, held.upperBound)
    guard first < last else { throw .noEvents(held: held) }
    do throws(TraceError) {
      let keyframe = try Self.keyframe(of: reel, notAfter: first)
      guard let keyframe, keyframe.eventIndex >= held.lowerBound else {
        throw TraceError.missing(
          what: "keyframe at event \(first) or before it, so there is no state to begin with")
      }
      firstKeyframe = keyframe.number
      range = keyframe.eventIndex..<(try Self.end(of: reel, atLeast: last))
    } catch {
      throw .unreadable(error)
    }
    encoder = BlockEncoder(pageKey: reel.header.pageKey)
    end = EndRecord(reason: .trimmed)
  }

  /// Whether the range ends where the recording does, so that its end record holds.
  public var reachesEnd: Bool { reel.end != nil && range.upperBound == reel.eventCount }

  /// Hands out the new reel's bytes: the file header, then whole blocks.
  ///
  /// - Parameter metadataJSON: the new reel's metadata.
  /// - Throws: the ``TraceError`` of a block that is damaged, and what `body` throws.
  public mutating func forEachPart(
    metadataJSON: [UInt8], _ body: ([UInt8]) throws -> Void
  ) throws {
    try body(reel.header.encoded())
    try body(encoder.block(.metadata, metadataJSON))
    for block in reel.blocks {
      switch block.header.type {
      case .events: try body(try events(of: block))
      case .kernelExits: try body(try kernelExits(of: block))
      case .hostTotals: try body(try hostTotals(of: block))
      case .keyframe: try copyKeyframe(block, body)
      // Pages come with the keyframes that name them.
      case .pages, .metadata, .end, .index, .footer: break
      default: unknownBlockCount += 1
      }
    }
    finishEnd()
    try body(encoder.end(end))
  }

  private mutating func finishEnd() {
    end.durationNanoseconds = lastTime &- min(firstTime ?? 0, lastTime)
    guard reachesEnd, let original = reel.end else { return }
    end.reason = original.reason
    end.detail = original.detail
    end.virtualTime = original.virtualTime
    end.digest = original.digest
  }
}

// MARK: - Where to cut

extension ReelTrimmer {
  /// The last keyframe from which a replay can begin: no interrupt window is awaited there, since
  /// a keyframe does not hold that.
  private static func keyframe(
    of reel: Reel, notAfter event: EventIndex
  ) throws(TraceError) -> Keyframe? {
    for number in reel.keyframeNumbers(notAfter: event) {
      let keyframe = try reel.keyframe(number)
      if try !reel.isWindowAwaited(at: keyframe.eventIndex) { return keyframe }
    }
    return nil
  }

  /// The end of a range that holds an event's answer and its seal, as far as the reel has them.
  private static func end(
    of reel: Reel, atLeast wanted: EventIndex
  ) throws(TraceError) -> EventIndex {
    var cursor = EventCursor(reel, from: wanted - 1)
    guard var last = try cursor.next() else { return wanted }
    var end = wanted
    while last.kind.expectsInput || last.kind.isHostMade || last.flags.contains(.tainted) {
      guard let next = try cursor.next(), next.kind == .inputData || next.kind == .keyframe else {
        break
      }
      // What follows a tainted read is its answer, and then the seal.
      let isTainted = last.flags.contains(.tainted) && next.kind == .inputData
      last = next
      if isTainted { last.flags.insert(.tainted) }
      end = cursor.index + 1
    }
    return end
  }
}

extension Reel {
  /// The keyframes at an event or before it, the last one first.
  fileprivate func keyframeNumbers(notAfter event: EventIndex) -> [UInt64] {
    keyframeBlocks.prefix { $0.header.firstEvent <= event }
      .map { UInt64($0.header.number) }.reversed()
  }

  /// Whether the guest was to be stopped at an interrupt window when an event happened.
  fileprivate func isWindowAwaited(at event: EventIndex) throws(TraceError) -> Bool {
    for block in eventBlocks.reversed() where block.header.firstEvent < event {
      let kinds = try column(.kind, of: block) ?? []
      let before = Int(clamping: event - block.header.firstEvent)
      for kind in kinds.prefix(before).reversed() {
        switch EventKind(rawValue: UInt8(truncatingIfNeeded: kind)) {
        case .windowRequest: return true
        case .interruptWindow, .interrupt: return false
        default: break
        }
      }
    }
    return false
  }
}

// MARK: - Blocks

extension ReelTrimmer {
  /// An event block as it is, or the part of it that lies in the range.
  private mutating func events(of block: BlockDescriptor) throws(TraceError) -> [UInt8] {
    let header = block.header
    let kept = range.clamped(to: header.firstEvent..<header.endEvent)
    guard !kept.isEmpty else { return [] }
    let decoded = try reel.events(of: block)
    let places = Int(kept.lowerBound - header.firstEvent)..<Int(kept.upperBound - header.firstEvent)
    let before = places.lowerBound > 0 ? decoded.events[places.lowerBound - 1].exitTime : nil
    let events = Array(decoded.events[places])
    note(events, from: kept.lowerBound, after: before ?? header.firstTime)
    if kept.count == Int(header.eventCount) {
      return encoder.block(copying: header, stored: try reel.storedBytes(of: block))
    }
    let payload = events.flatMap { decoded.payload(of: $0) }
    return unsafe events.withUnsafeBufferPointer { events in
      unsafe payload.withUnsafeBytes {
        unsafe encoder.block(
          events, payload: $0, firstEvent: kept.lowerBound,
          firstTime: before ?? header.firstTime)
      }
    }
  }

  private mutating func note(
    _ events: [Event], from first: EventIndex, after time: UInt64
  ) {
    firstTime = firstTime ?? time
    end.eventCount += UInt64(events.count)
    for (position, event) in events.enumerated() {
      if event.kind.isGuestMade { end.guestMadeExits += 1 }
      if event.flags.contains(.fullDigest) {
        noteDigest(event.digest, at: first + UInt64(position))
      }
      lastTime = max(lastTime, event.exitTime)
    }
  }

  private mutating func noteDigest(_ digest: UInt64, at event: EventIndex) {
    guard event >= lastDigestEvent else { return }
    lastDigestEvent = event
    end.digest = digest
  }

  private mutating func kernelExits(of block: BlockDescriptor) throws(TraceError) -> [UInt8] {
    guard block.header.firstEvent < range.upperBound else { return [] }
    let all = try reel.kernelExits(of: block).exits
    guard let first = all.firstIndex(where: { range.contains($0.anchor) }) else { return [] }
    let kept = all.filter { range.contains($0.anchor) }
    if kept.count == all.count {
      return encoder.block(copying: block.header, stored: try reel.storedBytes(of: block))
    }
    let time = first > 0 ? all[first - 1].exitTime : block.header.firstTime
    return unsafe kept.withUnsafeBufferPointer { unsafe encoder.block($0, firstTime: time) }
  }

  /// Totals read in the range; those from before the guest first ran when it begins there.
  private mutating func hostTotals(of block: BlockDescriptor) throws(TraceError) -> [UInt8] {
    let totals = try reel.hostTotals(of: block)
    guard totals.anchor.map(range.contains) ?? (range.lowerBound == 0) else { return [] }
    return encoder.block(.hostTotals, totals.encoded())
  }

  /// A keyframe with the pages that changed since the one before it.
  private mutating func copyKeyframe(
    _ block: BlockDescriptor, _ body: ([UInt8]) throws -> Void
  ) throws {
    guard range.contains(block.header.firstEvent) else { return }
    var keyframe = try reel.keyframe(of: block)
    let isFirst = keyframe.number == firstKeyframe
    end.keyframeCount += 1
    end.virtualTime = keyframe.virtualTime
    noteDigest(keyframe.digest, at: keyframe.eventIndex)
    guard reel.header.hasPages else {
      keyframe.isFullMap = keyframe.isFullMap || isFirst
      keyframe.parent = keyframe.isFullMap ? nil : keyframe.parent
      try body(encoder.block(keyframe))
      return
    }
    var output: [UInt8] = []
    for (page, content) in try changes(to: keyframe, isFirst: isFirst) {
      // Safe: `page(_:)` returns one page's bytes.
      unsafe try reel.page(content).withUnsafeBytes {
        unsafe encoder.append(page: page, $0, to: &output)
      }
      guard !output.isEmpty else { continue }
      try body(output)
      output.removeAll(keepingCapacity: true)
    }
    encoder.append(keyframe, to: &output)
    try body(output)
  }

  /// The pages in which a keyframe differs from the one handed out before it.
  ///
  /// All pages of the first, in the order they are stored in, so that each block of them is
  /// decoded once; later ones in ascending order, as their map lists them.
  private mutating func changes(
    to keyframe: Keyframe, isFirst: Bool
  ) throws(TraceError) -> [(UInt32, StoredPage)] {
    if isFirst {
      map = try reel.pageMap(at: keyframe.number)
      return map.sorted { ($0.value.ordinal, $0.key) < ($1.value.ordinal, $1.key) }
        .map { ($0.key, $0.value) }
    }
    var changed: [(UInt32, StoredPage)] = []
    if keyframe.isFullMap {
      let full = try reel.pageMap(at: keyframe.number)
      for page in Set(full.keys).union(map.keys)
      where full[page, default: .zero] != map[page, default: .zero] {
        changed.append((page, full[page, default: .zero]))
      }
    } else {
      changed = keyframe.pages.map { ($0.page, $0.content) }
    }
    for (page, content) in changed { map[page] = content == .zero ? nil : content }
    return changed.sorted { $0.0 < $1.0 }
  }
}

/// Why a range cannot be cut out of a reel.
public enum TrimRefusal: Error, Equatable, Sendable {
  /// None of the reel's events lies in it.
  case noEvents(held: Range<EventIndex>)
  /// A block that says where to cut cannot be read, or is not there.
  case unreadable(TraceError)
}

extension TrimRefusal: CustomStringConvertible {
  /// One sentence: what is the matter, and what to do.
  public var description: String {
    switch self {
    case .noEvents(let held) where held.isEmpty:
      "the reel holds no events, so there is nothing to trim"
    case .noEvents(let held):
      "no event lies in the range; the reel holds the events "
        + "\(held.lowerBound)..\(held.upperBound), the last number excluded"
    case .unreadable(let error): error.description
    }
  }
}
