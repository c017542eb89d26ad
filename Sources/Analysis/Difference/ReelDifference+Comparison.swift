public import Trace

extension ReelDifference {
  /// Compares two reels.
  ///
  /// - Parameter metadata: both reels' decoded ``Reel/metadataJSON``; without it the
  ///   configurations are not compared.
  /// - Throws: ``ReelDifferenceError`` for the first damaged block in either.
  public init(
    _ a: Reel, _ b: Reel, metadata: (a: Metadata, b: Metadata)? = nil,
    options: Options = Options()
  ) throws(ReelDifferenceError) {
    endingA = ReelEnding(a)
    endingB = ReelEnding(b)
    configuration = metadata.map { ConfigurationDifference.between($0.a, $0.b) } ?? []
    let alignment = try StreamAlignment(a, b)
    var comparison = StreamComparison(options)
    try comparison.run(a, b, alignment)
    limits = comparison.limits
    firstDifference = comparison.firstDifference
    commonEvents = comparison.commonEvents
    usedDigests = comparison.usedDigests
    if options.hunkLimit > 0, let first = firstDifference, let eventA = first.a,
      let eventB = first.b
    {
      hunks = try StreamHunks(
        a, from: eventA.index, b, from: eventB.index, limit: options.hunkLimit,
        ignoring: options.ignoredFields)
    }
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

/// The walk along two deterministic streams up to their first difference.
private struct StreamComparison {
  private let options: ReelDifference.Options
  private var context: [EventRecord] = []
  private(set) var firstDifference: FirstDifference?
  private(set) var commonEvents: UInt64 = 0
  private(set) var usedDigests = false
  private(set) var limits: [String] = []
  /// The events of each reel whose totals can be set against the other's.
  private(set) var comparedA: Range<EventIndex> = 0 ..< .max
  private(set) var comparedB: Range<EventIndex> = 0 ..< .max

  init(_ options: ReelDifference.Options) {
    self.options = options
  }

  mutating func run(
    _ a: Reel, _ b: Reel, _ alignment: StreamAlignment
  ) throws(ReelDifferenceError) {
    limits = alignment.limits
    comparedA = alignment.a ..< .max
    comparedB = alignment.b ..< .max
    var anchor: DigestAnchor?
    if options.trustsDigests {
      // A damaged block makes the search give up; the walk below then meets it and names the side.
      anchor = (try? DigestAnchor.last(of: a, b)) ?? nil
      usedDigests = anchor != nil
    }
    let isRedacted = !a.header.hasConsole || !b.header.hasConsole
    var left = DeterministicStream(a, from: anchor?.a ?? alignment.a, isRedacted: isRedacted)
    var right = DeterministicStream(b, from: anchor?.b ?? alignment.b, isRedacted: isRedacted)
    while true {
      try advance(&left, .a)
      try advance(&right, .b)
      guard let first = left.event, let second = right.event else {
        if !endsByTrimming(left, right, a, b) { report(left, right, []) }
        break
      }
      let fields = EventField.differences(first, left.payload, second, right.payload)
      if !fields.isEmpty, !options.ignoredFields.isSuperset(of: fields) {
        report(left, right, fields.filter { !options.ignoredFields.contains($0) })
        break
      }
      keepContext(left)
    }
    commonEvents = left.position
  }

  /// Whether neither stream goes on, or only one, beyond the place where the other was cut off.
  private mutating func endsByTrimming(
    _ left: DeterministicStream, _ right: DeterministicStream, _ a: Reel, _ b: Reel
  ) -> Bool {
    let (goesOn, ended) = left.event != nil ? (left, b) : (right, a)
    guard goesOn.event != nil else { return true }
    guard ended.end?.reason == .trimmed, goesOn.position > 0 || usedDigests else { return false }
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

  private func advance(
    _ stream: inout DeterministicStream, _ side: ReelDifferenceError.Side
  ) throws(ReelDifferenceError) {
    do throws(TraceError) {
      try stream.advance()
    } catch {
      throw ReelDifferenceError(side: side, error: error)
    }
  }

  private mutating func keepContext(_ stream: DeterministicStream) {
    guard options.context > 0, let record = stream.record else { return }
    if context.count >= options.context { context.removeFirst() }
    context.append(record)
  }

  private mutating func report(
    _ left: DeterministicStream, _ right: DeterministicStream, _ fields: [EventField]
  ) {
    firstDifference = FirstDifference(
      commonEvents: left.position, a: left.record, b: right.record, fields: fields,
      context: context, hostMadeA: left.hostMade, hostMadeB: right.hostMade,
      consoleTail: left.event == nil ? right.consoleTail : left.consoleTail)
  }
}
