public import Trace

extension ReelDifference {
  /// Compares two reels.
  ///
  /// - Parameters:
  ///   - metadata: both reels' decoded ``Reel/metadataJSON``; without it the configurations are not
  ///     compared.
  ///   - onProgress: told now and then how many events of each reel were compared.
  /// - Throws: ``ReelDifferenceError`` for the first damaged block in either.
  public init(
    _ a: Reel, _ b: Reel, metadata: (a: Metadata, b: Metadata)? = nil,
    options: Options = Options(), onProgress: ((UInt64) -> Void)? = nil
  ) throws(ReelDifferenceError) {
    endingA = ReelEnding(a)
    endingB = ReelEnding(b)
    configuration = metadata.map { ConfigurationDifference.between($0.a, $0.b) } ?? []
    mask = options.mask
    mask.leaveOutDigests()
    var comparison = StreamComparison(a, b, mask, options)
    comparison.onProgress = onProgress
    try comparison.run(try StreamAlignment(a, b))
    limits = comparison.limits
    firstDifference = comparison.firstDifference
    firstVisibleDifference = comparison.firstVisible
    commonEvents = comparison.commonEvents
    usedDigests = comparison.usedDigests
    times = options.trustsDigests ? nil : comparison.times
    hunks = comparison.hunks
    streams = comparison.apart
    map = options.mapsStreams ? comparison.map : nil
    kind = DifferenceClass(self)
    firstDifference?.shorten(context: options.context)
    firstVisibleDifference?.shorten(context: options.context)
    guard options.countsTotals else { return }
    try compareTotals(a, comparison.comparedA, b, comparison.comparedB, metadata: metadata)
  }

  /// Names the reel in an error of reading it.
  static func reading<T>(
    _ side: ReelDifferenceError.Side, _ body: () throws(TraceError) -> T
  ) throws(ReelDifferenceError) -> T {
    do throws(TraceError) {
      return try body()
    } catch {
      throw ReelDifferenceError(side: side, error: error)
    }
  }
}

/// Two streams from their first event to the last stretch that differs.
private struct StreamComparison {
  /// Common events read again before the first difference, to tell repetitions from insertions.
  private static let leastContext = DifferenceClass.burstLength

  /// A first difference so near before the first visible one is aligned from.
  private static let nearEvents: UInt64 = 4096

  private let a: Reel
  private let b: Reel
  private let mask: DifferenceMask
  private let options: ReelDifference.Options
  var onProgress: ((UInt64) -> Void)?
  private(set) var firstDifference: FirstDifference?
  private(set) var firstVisible: FirstDifference?
  private(set) var hunks: StreamHunks?
  private(set) var apart: SeparateStreams?
  /// How far the streams were aligned, and what differs there.
  private var aligned: StreamMap?
  private(set) var times = TimeDifference()
  private(set) var commonEvents: UInt64 = 0
  private(set) var usedDigests = false
  private(set) var limits: [String] = []
  /// The events of each reel whose totals can be set against the other's.
  private(set) var comparedA: Range<EventIndex> = 0 ..< .max
  private(set) var comparedB: Range<EventIndex> = 0 ..< .max

  init(_ a: Reel, _ b: Reel, _ mask: DifferenceMask, _ options: ReelDifference.Options) {
    self.a = a
    self.b = b
    self.mask = mask
    self.options = options
  }

  mutating func run(_ alignment: StreamAlignment) throws(ReelDifferenceError) {
    limits = alignment.limits
    comparedA = alignment.a ..< .max
    comparedB = alignment.b ..< .max
    var place = try start(alignment)
    var walk = StreamWalk(mask)
    walk.onProgress = onProgress
    let parting = try walk.run(from: &place)
    times = walk.times
    commonEvents = place.left.position
    guard let parting, !endsByTrimming(parting) else { return }
    firstDifference = try closeUp(parting, walk)
    guard options.hunkLimit > 0 else { return }
    try align(parting)
  }

  private mutating func start(
    _ alignment: StreamAlignment
  ) throws(ReelDifferenceError) -> StreamWalk.Place {
    var anchor: DigestAnchor?
    if options.trustsDigests, mask.isEmpty {
      // A damaged block makes the search give up; the walk below then meets it and names the side.
      anchor = (try? DigestAnchor.last(of: a, b)) ?? nil
      usedDigests = anchor != nil
    }
    let isRedacted = !a.header.hasConsole || !b.header.hasConsole
    var place = StreamWalk.Place(
      left: ComparedStream(
        a, from: anchor?.a ?? alignment.a, mask: mask, isRedacted: isRedacted),
      right: ComparedStream(
        b, from: anchor?.b ?? alignment.b, mask: mask, isRedacted: isRedacted))
    try StreamWalk.advance(&place)
    return place
  }

  private func closeUp(
    _ parting: StreamWalk.Parting, _ walk: StreamWalk
  ) throws(ReelDifferenceError) -> FirstDifference {
    var found = try walk.closeUp(parting, context: max(options.context, Self.leastContext))
    found.keyframeA = KeyframePlace(before: parting.place.left.index, in: a)
    found.keyframeB = KeyframePlace(before: parting.place.right.index, in: b)
    return found
  }

  /// Aligns the streams from the first difference on that an event shows.
  private mutating func align(_ parting: StreamWalk.Parting) throws(ReelDifferenceError) {
    var parting = parting
    var isTrimmed = false
    let first = parting.place
    if Set(parting.fields).isSubset(of: EventField.unaligned), !parting.fields.isEmpty {
      var visible = mask
      EventField.unaligned.forEach { visible.fields.insert($0) }
      var walk = StreamWalk(visible)
      walk.onProgress = onProgress
      guard let next = try walk.run(from: &parting.place) else {
        hunks = StreamHunks()
        return
      }
      parting = next
      isTrimmed = endsByTrimming(next)
      if !isTrimmed { firstVisible = try closeUp(next, walk) }
    }
    // The end of one stream is told by itself.
    guard parting.place.left.event != nil, parting.place.right.event != nil else {
      if !isTrimmed { aligned = StreamMap(beforeEndOfOneIn: parting.place, a, b) }
      return
    }
    // In a row of equal events the one too many may be one before the first that is visibly another.
    let isNear = parting.place.left.position - first.left.position <= Self.nearEvents
    let place = isNear ? first : parting.place
    let streams = try AlignedStreams(a, place.left, b, place.right, mask)
    let detail = AlignedStreams.Detail(
      limit: options.hunkLimit, context: options.keepsAllEvents ? options.context : nil)
    hunks = try StreamHunks(streams, .all, detail)
    if options.mapsStreams { aligned = StreamMap(streams) }
    guard options.isApart else { return }
    apart = SeparateStreams(
      guest: try StreamHunks(streams, .guest, detail),
      interrupts: try StreamHunks(streams, .placed, detail),
      consoles: try ConsoleDifference.between(a, b, limit: options.hunkLimit))
  }

  /// How the streams fit together, as far as they were compared.
  var map: StreamMap {
    var map = StreamMap(
      comparedA.clamped(to: 0..<(aligned?.a.upperBound ?? a.eventCount)),
      comparedB.clamped(to: 0..<(aligned?.b.upperBound ?? b.eventCount)))
    map.stretches = aligned?.stretches ?? []
    return map
  }

  /// Whether only one stream goes on, beyond the place where the other was cut off.
  private mutating func endsByTrimming(_ parting: StreamWalk.Parting) -> Bool {
    let (left, right) = (parting.place.left, parting.place.right)
    guard left.event == nil || right.event == nil else { return false }
    let ended = left.event != nil ? b : a
    guard ended.end?.reason == .trimmed, left.position > 0 || usedDigests else { return false }
    limits.append(
      "\(left.event != nil ? "B" : "A") was trimmed behind event \(ended.eventCount - 1); what "
        + "follows in \(left.event != nil ? "A" : "B") was not compared")
    if left.event != nil {
      comparedA = comparedA.lowerBound..<left.index
    } else {
      comparedB = comparedB.lowerBound..<right.index
    }
    return true
  }
}

extension FirstDifference {
  fileprivate mutating func shorten(context count: Int) { context = Array(context.suffix(count)) }
}

extension EventField {
  /// What streams are not aligned by: it goes on differing once it has.
  static let unaligned: Set<EventField> = [.check, .rip, .timestamp]
}
