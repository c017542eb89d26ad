internal import Trace

/// Walks a reel's blocks in file order and then holds what they said against each other.
struct ReelVerifier {
  private struct KeyframeFacts {
    var offset: UInt64
    var eventIndex: EventIndex
    var guestMadeExits: UInt64
    var digest: UInt64
  }

  private struct Mark {
    var index: EventIndex
    var offset: UInt64
    var guestMadeExits: UInt64
    var digest: DigestKnowledge
  }

  let reel: Reel
  var result = ReelVerification()
  private var nextEvent: EventIndex?
  private var lastTime: UInt64?
  /// The event before, where it is known.
  private var lastEvent: Event?
  private var digest = DigestKnowledge.none
  private var guestMadeExits: UInt64 = 0
  var lastAnchor: EventIndex = 0
  var lastKernelExitTime: UInt64?
  var lastTotals: (totals: HostTotals, block: BlockDescriptor)?
  private var storedPages: [UInt64: PageIdentity] = [:]
  private var ordinals: [PageIdentity: UInt64] = [:]
  private var keyframes: [UInt64: KeyframeFacts] = [:]
  private var lastKeyframe: UInt64?
  /// Keyframes since the last full map, which bound what a restore reads.
  private var partialMaps: UInt64 = 0
  private var marks: [UInt64: Mark] = [:]
  /// Whether a block was lost, so that totals and cross-references cannot be expected to hold.
  var hasLoss = false
  private var canCheckPages = true

  init(_ reel: Reel) {
    self.reel = reel
    digest = DigestKnowledge(atFirst: reel.eventBlocks.first?.header.firstEvent ?? 0)
  }

  mutating func run() {
    result.checked.bytes = reel.byteCount
    result.isStripped = !reel.header.hasPages
    checkOpening()
    for (position, block) in reel.blocks.enumerated() {
      check(block, position)
    }
    checkTail()
    checkMarks()
    checkEnd()
    checkObservations()
  }

  /// Puts the findings in the order of the file.
  mutating func sort() {
    result.findings.sort { $0.offset < $1.offset }
  }

  // MARK: The file around the blocks

  private mutating func checkOpening() {
    for error in reel.openingErrors {
      if case .missing(let what) = error {
        note(.damage, at: UInt64(FileHeader.byteCount), "metadata", "the reel has no \(what)")
      } else if error.isOfFileHeader {
        canCheckPages = false
        note(.damage, at: 0, "file header", error.description)
        note(.unchecked, at: 0, "pages", "page identities need the key in the file header")
      }
    }
    let isKeyZero = reel.header.pageKey.allSatisfy { $0 == 0 }
    if canCheckPages, isKeyZero != result.isStripped {
      note(
        .damage, at: 0, "file header",
        isKeyZero
          ? "the page key is all zeros, so page identities prove nothing"
          : "the reel is marked as stripped, and its page key is still there")
    }
    for gap in reel.gaps {
      hasLoss = true
      note(
        .damage, at: gap.offset, "block header",
        "\(gap.error.description); \(gap.byteCount) bytes were skipped")
    }
  }

  private mutating func checkTail() {
    guard case .partial(let offset) = reel.tail else { return }
    let left = reel.byteCount &- min(offset, reel.byteCount)
    let end = reel.blocks.last { $0.header.type == .end }
    let lacksFooter = end?.header.number == 1 && reel.blocks.last?.header.type != .footer
    switch (end != nil, left) {
    case (true, 0):
      note(.incomplete, at: offset, "index", "the reel stops before the index that its end names")
    case (true, _) where lacksFooter:
      note(.incomplete, at: offset, "index", "the reel stops inside its index; \(left) bytes of it")
    case (true, _):
      note(.damage, at: offset, "file", "\(left) bytes follow the end record")
    case (false, 0):
      note(.incomplete, at: offset, "end", "the reel stops here without its end record")
    case (false, _):
      note(.incomplete, at: offset, "file", "the reel stops inside a block; \(left) bytes of it")
    }
  }

  // MARK: One block

  private mutating func check(_ block: BlockDescriptor, _ position: Int) {
    do throws(TraceError) {
      switch block.header.type {
      case .metadata: try checkMetadata(block, position)
      case .events: try checkEvents(block)
      case .kernelExits: try checkKernelExits(block)
      case .hostTotals: lastTotals = (try reel.hostTotals(of: block), block)
      case .pages: try checkPages(block)
      case .keyframe: try checkKeyframe(block)
      case .end:
        _ = try reel.rawBytes(of: block)
        checkEndPlace(block, position)
      case .index: try checkIndex(block, position)
      case .footer: try checkFooter(block, position)
      default:
        _ = try reel.rawBytes(of: block)
        result.checked.unknownBlocks += 1
      }
      result.checked.blocks += 1
    } catch {
      hasLoss = true
      note(.damage, block, error.description)
      if block.header.type == .events {
        nextEvent = block.header.firstEvent &+ UInt64(block.header.eventCount)
        lastTime = block.header.lastTime
      }
    }
  }

  private mutating func checkMetadata(
    _ block: BlockDescriptor, _ position: Int
  ) throws(TraceError) {
    if !JSONSyntax.isObject(try reel.rawBytes(of: block)) {
      note(.damage, block, "the metadata is no JSON object")
    }
    if position != 0 { note(.damage, block, "metadata that is not the first block") }
  }

  private mutating func checkEndPlace(_ block: BlockDescriptor, _ position: Int) {
    let following = reel.blocks[(position + 1)...]
    // A file can hold very many end records: nothing here may take as long as there are blocks.
    let isIndexed =
      following.count <= 2 && [BlockType.index, .footer].starts(with: following.map(\.header.type))
    if !isIndexed, !hasLoss {
      note(.damage, block, "\(following.count) blocks follow the end record")
    } else if case .damaged(let error) = reel.tail {
      note(.damage, block, error.description)
    }
  }

  /// Holds the index to the headers it lists.
  private mutating func checkIndex(
    _ block: BlockDescriptor, _ position: Int
  ) throws(TraceError) {
    let listed = try reel.indexedBlocks(in: block)
    if listed.count != position || !listed.elementsEqual(reel.blocks[..<position]) {
      note(.damage, block, "the index does not list the blocks that are there")
    }
  }

  private mutating func checkFooter(
    _ block: BlockDescriptor, _ position: Int
  ) throws(TraceError) {
    _ = try reel.storedBytes(of: block)
    let index = position > 0 ? reel.blocks[position - 1] : block
    if index.header.type != .index || block.header.firstEvent != index.offset {
      note(.damage, block, "the footer does not name the index before it")
    }
  }

  private mutating func checkEvents(_ block: BlockDescriptor) throws(TraceError) {
    let decoded = try reel.events(of: block)
    if let nextEvent, nextEvent != decoded.firstEvent {
      note(
        .damage, block, "the block begins at event \(decoded.firstEvent), not \(nextEvent)")
    }
    if let lastTime, lastTime != block.header.firstTime, nextEvent == decoded.firstEvent {
      note(
        .damage, block,
        "the block goes on from \(block.header.firstTime) ns, the one before ends at \(lastTime) ns"
      )
    }
    lastTime = block.header.lastTime
    if let last = decoded.events.last, last.exitTime != block.header.lastTime {
      note(
        .damage, block,
        "the last event is at \(last.exitTime) ns, the block header says \(block.header.lastTime)")
    }
    // The event before the block is lost, or is none.
    if nextEvent != decoded.firstEvent { lastEvent = nil }
    for (position, event) in decoded.events.enumerated() {
      check(event, decoded.firstEvent &+ UInt64(position), block)
      lastEvent = event
    }
    nextEvent = decoded.firstEvent &+ UInt64(decoded.events.count)
    result.checked.events += UInt64(decoded.events.count)
    result.checked.skippedColumns += UInt64(decoded.skippedColumns)
  }

  private mutating func check(
    _ event: Event, _ index: EventIndex, _ block: BlockDescriptor
  ) {
    if event.flags.contains(.fullDigest), UInt8(truncatingIfNeeded: event.digest) != event.check {
      note(.damage, block, "event \(index): its check is not the low half of its digest")
    }
    if !reel.header.hasConsole, event.check != 0 || event.flags.contains(.fullDigest) {
      note(.damage, block, "event \(index): a digest in a reel marked as without console text")
    }
    if let breach = EventRules.breach(in: event) {
      note(.damage, block, "event \(index): \(breach)")
    }
    if let lastEvent, let breach = AnswerRule.breach(in: event, after: lastEvent) {
      note(.damage, block, "event \(index): \(breach)")
    }
    if event.flags.rawValue >> 3 != 0 {
      note(.note, block, "event \(index): reserved flags are set")
    }
    digest.pass(event)
    if event.kind == .keyframe {
      let mark = Mark(
        index: index, offset: block.offset, guestMadeExits: guestMadeExits, digest: digest)
      if marks.updateValue(mark, forKey: event.address) != nil {
        note(.damage, block, "event \(index): keyframe \(event.address) is marked twice")
      }
    }
    if event.kind.isGuestMade { guestMadeExits += 1 }
  }

  private mutating func checkPages(_ block: BlockDescriptor) throws(TraceError) {
    let pages = try reel.pages(of: block)
    if result.isStripped { note(.damage, block, "pages in a reel that is marked as stripped") }
    for (place, identity) in pages.identities.enumerated() {
      let ordinal = block.header.firstEvent &+ UInt64(place)
      storedPages[ordinal] = identity
      if identity == .zeroPage {
        note(.damage, block, "page \(ordinal) is stored with identity zero")
      }
      if let before = ordinals.updateValue(ordinal, forKey: identity) {
        note(.damage, block, "page \(ordinal) is page \(before) once more")
      }
    }
    guard canCheckPages else { return }
    if let bad = reel.firstMismatch(in: pages) {
      throw .pageDamaged(offset: block.offset, page: bad)
    }
    result.checked.pages += UInt64(pages.identities.count)
  }

  private mutating func checkKeyframe(_ block: BlockDescriptor) throws(TraceError) {
    let keyframe = try reel.keyframe(of: block)
    let name = "keyframe \(keyframe.number)"
    if keyframes[keyframe.number] != nil { note(.damage, block, "\(name) is there twice") }
    checkParent(of: keyframe, block, name)
    let missing = keyframe.pages.filter {
      $0.content != .zero && storedPages[$0.content.ordinal] != $0.content.identity
    }
    if let first = missing.first {
      note(
        .damage, block,
        "\(name) names \(missing.count) pages that precede it nowhere, first page "
          + HexWord(UInt64(first.page)).description)
    }
    if keyframe.boardStates.contains(where: { $0.vcpu != 0 }) {
      note(.damage, block, "\(name) has board state of a vCPU")
    }
    keyframes[keyframe.number] = KeyframeFacts(
      offset: block.offset, eventIndex: keyframe.eventIndex,
      guestMadeExits: keyframe.guestMadeExits, digest: keyframe.digest)
    lastKeyframe = keyframe.number
    result.checked.keyframes += 1
  }

  private mutating func checkParent(
    of keyframe: Keyframe, _ block: BlockDescriptor, _ name: String
  ) {
    if result.isStripped {
      // Whatever parents and flags say, there is no map.
      if !keyframe.pages.isEmpty { note(.damage, block, "\(name) lists pages that were stripped") }
      return
    }
    partialMaps = keyframe.isFullMap ? 0 : partialMaps + 1
    switch keyframe.parent {
    case let parent? where keyframe.isFullMap:
      note(.damage, block, "\(name) has a full page map, and builds on keyframe \(parent)")
    case let parent? where parent >= keyframe.number || keyframes[parent] == nil:
      note(.damage, block, "\(name) builds on keyframe \(parent), which does not precede it")
    case let parent? where parent != lastKeyframe && !hasLoss:
      note(.damage, block, "\(name) builds on keyframe \(parent), which is not the one before it")
    case nil where !keyframe.isFullMap:
      note(.damage, block, "\(name) has neither a parent nor a full page map")
    default:
      if partialMaps >= Keyframe.fullMapInterval {
        note(.damage, block, "\(name) is \(partialMaps) keyframes away from a full page map")
      }
    }
  }

  // MARK: What the blocks say of each other

  private mutating func checkMarks() {
    guard !hasLoss else { return }
    let isWhole = reel.tail == .whole
    // A trimmed reel begins in mid-recording: its exits count from its first keyframe.
    let base = marks.min { $0.value.index < $1.value.index }.flatMap { mark in
      keyframes[mark.key].map { $0.guestMadeExits &- mark.value.guestMadeExits }
    }
    for (number, keyframe) in keyframes.sorted(by: { $0.key < $1.key }) {
      let name = "keyframe \(number)"
      guard let mark = marks[number] else {
        if isWhole || keyframe.eventIndex < reel.eventCount {
          note(.damage, at: keyframe.offset, "keyframe", "\(name) has no mark among the events")
        }
        continue
      }
      if mark.index != keyframe.eventIndex {
        note(
          .damage, at: keyframe.offset, "keyframe",
          "\(name) says event \(keyframe.eventIndex), but its mark is event \(mark.index)")
      }
      if let base, keyframe.guestMadeExits != mark.guestMadeExits &+ base {
        note(
          .damage, at: keyframe.offset, "keyframe",
          "\(name) says \(keyframe.guestMadeExits) guest-made exits precede it; "
            + "there are \(mark.guestMadeExits &+ base)")
      }
      if reel.header.hasConsole, !mark.digest.admits(keyframe.digest) {
        note(
          .damage, at: keyframe.offset, "keyframe",
          "\(name) has another running digest than the events before its mark")
      }
    }
    for (number, mark) in marks.sorted(by: { $0.key < $1.key })
    where keyframes[number] == nil && isWhole {
      note(
        .damage, at: mark.offset, "events",
        "event \(mark.index) marks keyframe \(number), which is not there")
    }
  }

  private mutating func checkEnd() {
    guard !hasLoss, let end = reel.end,
      let block = reel.blocks.last(where: { $0.header.type == .end })
    else { return }
    let facts: [(name: String, stated: UInt64, counted: UInt64)] = [
      ("events", end.eventCount, result.checked.events),
      ("guest-made exits", end.guestMadeExits, guestMadeExits),
      ("keyframes", end.keyframeCount, UInt64(keyframes.count)),
    ]
    for fact in facts where fact.stated != fact.counted {
      note(
        .damage, block,
        "the end record says \(fact.stated) \(fact.name); there are \(fact.counted)")
    }
    // Where the recording went on, the end's digest is the last whole one, and no event's in particular.
    let hasDigest = reel.header.hasConsole && ![.recovered, .trimmed].contains(end.reason)
    if hasDigest, !digest.admits(end.digest) {
      note(.damage, block, "the end record has another running digest than the last events")
    }
  }

  // MARK: Findings

  mutating func note(
    _ severity: ReelVerification.Finding.Severity, _ block: BlockDescriptor, _ message: String
  ) {
    note(severity, at: block.offset, block.header.type.name, message)
  }

  mutating func note(
    _ severity: ReelVerification.Finding.Severity, at offset: UInt64, _ block: String,
    _ message: String
  ) {
    result.add(
      ReelVerification.Finding(
        severity: severity, offset: offset, block: block, message: message))
  }
}

extension TraceError {
  /// Whether the 64-byte header at the file's beginning is what is wrong.
  fileprivate var isOfFileHeader: Bool {
    switch self {
    case .notAReel, .headerTruncated, .headerDamaged, .unsupportedVersion, .unsupportedFeatures:
      true
    default: false
    }
  }
}
