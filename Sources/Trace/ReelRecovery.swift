/// What of a partial or damaged reel makes a whole one: its blocks up to the first that is not good,
/// and the end record they call for.
///
/// Every block kept is read, decoded and held to the checks that need no other block. Keyframes at
/// the end whose events are lost are left out with their pages: nothing leads to them.
public struct ReelRecovery {
  /// What the recording had and the reel will not.
  public struct Loss: Equatable, Sendable {
    /// Bytes of the file behind what is kept.
    public var byteCount: UInt64 = 0
    /// What is wrong with the first block that is not kept; `nil` when the file just ends.
    public var error: TraceError?
    /// Keyframes left out because their events are lost.
    public var keyframes: UInt64 = 0
    /// Events that something left of the reel shows to have been there, at least.
    public var knownEvents: UInt64 = 0
    /// Host nanoseconds behind the last event kept that blocks behind the damage show, at least.
    public var knownNanoseconds: UInt64 = 0

    /// Nothing.
    public init() {}
  }

  /// The reel it is made of.
  public let reel: Reel
  /// The blocks kept, in order; the first is the metadata.
  public private(set) var kept: [BlockDescriptor] = []
  /// The end record of the whole reel.
  public private(set) var end: EndRecord
  /// Whether ``end`` is the recording's own: then nothing of it is lost, and the index is made anew.
  public private(set) var isEndOriginal = false
  /// What is lost.
  public private(set) var loss = Loss()

  /// Block headers that were damaged, and are known from the index.
  public private(set) var repairedHeaders = 0

  private let source: any ReelSource
  private var marks: [(block: Int, keyframe: UInt64)] = []
  private var keyframeNumbers: Set<UInt64> = []
  private var lastEvent: EventIndex = 0
  private var lastDigestEvent: EventIndex = 0

  /// Reads a reel to the first block that is not good.
  ///
  /// - Throws: ``RecoveryRefusal``.
  public init(_ source: any ReelSource) throws(RecoveryRefusal) {
    self.source = source
    do throws(TraceError) {
      reel = try Reel(source)
    } catch {
      throw .unreadable(error)
    }
    end = EndRecord(reason: .recovered)
    keepGoodBlocks()
    if isEndOriginal, repairedHeaders == 0, isIndexed { throw .whole }
    if !isEndOriginal {
      endBeforeMissingKeyframe()
      countEvents()
      guard end.eventCount > 0 else { throw .noEvents }
      leaveOutUnreachedKeyframes()
      countKeyframes()
      measureLoss()
    }
  }

  /// Hands out the whole reel's bytes from its beginning: other metadata, the blocks kept as they
  /// are, the end record.
  ///
  /// - Throws: the ``TraceError`` of a block that can no longer be read, or what `body` throws.
  public func forEachPart(
    metadataJSON: [UInt8], _ body: (_ bytes: [UInt8]) throws -> Void
  ) throws {
    var encoder = BlockEncoder(pageKey: reel.header.pageKey)
    try body(reel.header.encoded())
    try body(encoder.block(.metadata, metadataJSON))
    for block in kept.dropFirst() {
      try body(encoder.block(copying: block.header, stored: try reel.storedBytes(of: block)))
    }
    try body(encoder.end(end))
  }

  // MARK: What is good

  /// Whether the reel has an index, and a good one.
  private var isIndexed: Bool {
    reel.indexError == nil && reel.blocks.last?.header.type == .footer && reel.tail == .whole
  }

  private mutating func keepGoodBlocks() {
    for block in reel.blocks {
      do throws(TraceError) {
        if (try? source.readBlockHeader(at: block.offset)) != block.header { repairedHeaders += 1 }
        if block.header.type == .end {
          end = try EndRecord(decoding: try reel.rawBytes(of: block), at: block.offset)
          isEndOriginal = true
          return
        }
        guard block.header.type != .index, block.header.type != .footer else { continue }
        try check(block)
        kept.append(block)
      } catch {
        loss.error = error
        return
      }
    }
    if case .damaged(let error) = reel.tail { loss.error = error }
  }

  private mutating func check(_ block: BlockDescriptor) throws(TraceError) {
    switch block.header.type {
    case .events:
      for event in try reel.events(of: block).events where event.kind == .keyframe {
        marks.append((block: kept.count, keyframe: event.address))
      }
    case .pages:
      let pages = try reel.pages(of: block)
      if let bad = reel.firstMismatch(in: pages) {
        throw .pageDamaged(offset: block.offset, page: bad)
      }
    case .keyframe: keyframeNumbers.insert(try reel.keyframe(of: block).number)
    case .kernelExits: _ = try reel.kernelExits(of: block)
    case .hostTotals: _ = try reel.hostTotals(of: block)
    case .metadata: _ = try reel.rawBytes(of: block)
    default: _ = try reel.storedBytes(of: block)
    }
  }

  /// A mark whose keyframe is lost cannot be passed by a replay: its block is not kept.
  private mutating func endBeforeMissingKeyframe() {
    guard let orphan = marks.first(where: { !keyframeNumbers.contains($0.keyframe) }) else {
      return
    }
    loss.error = .missing(what: "keyframe \(orphan.keyframe), which its events mark")
    kept.removeSubrange(orphan.block...)
  }

  private mutating func countEvents() {
    for descriptor in kept where descriptor.header.type == .events {
      guard let block = try? reel.events(of: descriptor) else { continue }
      for (position, event) in block.events.enumerated() {
        if event.kind.isGuestMade { end.guestMadeExits += 1 }
        if event.flags.contains(.fullDigest) {
          end.digest = event.digest
          lastDigestEvent = block.firstEvent &+ UInt64(position)
        }
        end.durationNanoseconds = max(end.durationNanoseconds, event.exitTime)
      }
      end.eventCount += UInt64(block.events.count)
      lastEvent = block.firstEvent &+ UInt64(block.events.count) &- 1
    }
  }

  /// Behind the last block of events: keyframes whose marks are lost, and pages only they need.
  private mutating func leaveOutUnreachedKeyframes() {
    let tail = (kept.lastIndex { $0.header.type == .events } ?? 0) + 1
    var reachedEnd = tail
    for position in tail..<kept.count where kept[position].header.type == .keyframe {
      guard let keyframe = try? reel.keyframe(of: kept[position]) else { continue }
      if keyframe.eventIndex <= lastEvent {
        reachedEnd = position + 1
      } else {
        loss.keyframes += 1
        loss.knownEvents = max(loss.knownEvents, keyframe.eventIndex &- lastEvent)
      }
    }
    let rest = kept[reachedEnd...].filter { ![.keyframe, .pages].contains($0.header.type) }
    kept = kept[..<reachedEnd] + rest
  }

  /// The end record's keyframes; one that is younger than the last whole digest among the events
  /// has the last digest known.
  private mutating func countKeyframes() {
    for block in kept where block.header.type == .keyframe {
      guard let keyframe = try? reel.keyframe(of: block) else { continue }
      end.keyframeCount += 1
      end.virtualTime = keyframe.virtualTime
      if keyframe.eventIndex >= lastDigestEvent { end.digest = keyframe.digest }
    }
  }

  // MARK: What is lost

  /// A block of events behind the damage tells how many there were; nothing else does for sure.
  private mutating func measureLoss() {
    let goodEnd = kept.last?.endOffset ?? 0
    loss.byteCount = reel.byteCount &- min(goodEnd, reel.byteCount)
    guard loss.byteCount > 0 else { return }
    let salvaged = Reel(salvaging: source)
    for block in salvaged.eventBlocks where block.offset >= goodEnd {
      guard block.header.endEvent > lastEvent &+ 1 else { continue }
      loss.knownEvents = max(loss.knownEvents, block.header.endEvent &- 1 &- lastEvent)
      loss.knownNanoseconds = max(
        loss.knownNanoseconds,
        block.header.lastTime &- min(end.durationNanoseconds, block.header.lastTime))
    }
  }
}

/// Why a reel cannot be recovered, or need not be.
public enum RecoveryRefusal: Error, Equatable, Sendable {
  /// Every block is good, the end record too.
  case whole
  /// No event is left, so that there is nothing to replay or to read.
  case noEvents
  /// The file header or the metadata is lost.
  case unreadable(TraceError)
}

extension RecoveryRefusal: CustomStringConvertible {
  /// One sentence: what is the matter, and what to do.
  public var description: String {
    switch self {
    case .whole: "the reel is whole, so there is nothing to recover; use it as it is"
    case .noEvents:
      "no whole block of events is left, so nothing of the recording can be recovered"
    case .unreadable(.unsupportedVersion(let major, let minor)):
      TraceError.unsupportedVersion(major: major, minor: minor).description
    case .unreadable(.unsupportedFeatures(let bits)):
      TraceError.unsupportedFeatures(bits: bits).description
    case .unreadable(let error):
      "\(error.description); without that nothing can be recovered"
    }
  }
}
