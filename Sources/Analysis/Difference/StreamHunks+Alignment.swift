internal import Trace

/// Two streams fitted together, from their first visible difference on.
struct AlignedStreams {
  /// How much of the stretches to keep.
  struct Detail {
    /// Stretches kept.
    var limit = 20
    /// Whether all events of each are kept, with so many common ones before.
    var context: Int?
  }

  /// Which events.
  enum Part {
    case all
    /// The guest's own: exits and answers.
    case guest
    /// Interrupts and what devices wrote.
    case placed
  }

  fileprivate let a: StreamSide
  fileprivate let b: StreamSide
  fileprivate let guest: GuestAlignment
  fileprivate let placed: PlacedAlignment

  /// Aligns what is left of two streams, their current events first.
  init(
    _ a: Reel, _ left: ComparedStream, _ b: Reel, _ right: ComparedStream, _ mask: DifferenceMask
  ) throws(ReelDifferenceError) {
    let first = try ReelDifference.reading(.a) { () throws(TraceError) in
      try StreamSignatures(left, mask)
    }
    let second = try ReelDifference.reading(.b) { () throws(TraceError) in
      try StreamSignatures(right, mask)
    }
    self.a = StreamSide(a, .a, first)
    self.b = StreamSide(b, .b, second)
    guest = GuestAlignment(first, second)
    placed = PlacedAlignment(first, second, guest)
  }
}

extension AlignedStreams {
  /// The stretches that differ, in order.
  fileprivate func steps(_ part: Part) -> [Step] {
    var steps: [Step] = []
    if part != .guest { steps = placed.steps.map { Step($0) } }
    if part != .placed {
      steps += guest.pieces.lazy.filter { $0.relation != .common }.map { Step($0) }
    }
    return steps.sorted { $0.order.lexicographicallyPrecedes($1.order) }
  }
}

extension StreamMap {
  /// What aligning two streams found.
  init(_ streams: AlignedStreams) {
    let (left, right) = (streams.a.signatures, streams.b.signatures)
    self.init(0..<left.end, 0..<right.end)
    stretches = streams.steps(.all).map { step in
      Stretch(
        change: step.change, a: left.indexes(of: step.a), b: right.indexes(of: step.b),
        count: max(step.a.count, step.b.count))
    }
  }
}

extension StreamSignatures {
  /// The events of one side of a stretch; of an empty one the place before the event that follows.
  fileprivate func indexes(of side: Step.Side) -> Range<EventIndex> {
    let first = firstIndex(of: side)
    if let last = placed[side.placed].last?.index { return first..<max(first, last &+ 1) }
    guard let last = side.range.last else { return first..<first }
    return first..<max(first, index(at: last) &+ 1)
  }

  /// The first event of one side of a stretch; of an empty one the guest's event that follows.
  fileprivate func firstIndex(of side: Step.Side) -> EventIndex {
    placed[side.placed].first?.index ?? index(at: side.range.lowerBound)
  }
}

extension StreamHunks {
  /// Tells of the stretches that differ.
  init(
    _ streams: AlignedStreams, _ part: AlignedStreams.Part, _ detail: AlignedStreams.Detail
  ) throws(ReelDifferenceError) {
    let (a, b) = (streams.a.signatures, streams.b.signatures)
    isCut = a.isCut || b.isCut
    if part != .guest { commonEvents = streams.placed.common }
    if part != .placed {
      unsearched = streams.guest.unsearched
      for piece in streams.guest.pieces {
        if piece.relation != .other { countShifts(piece, a, b) }
        if piece.relation == .common { commonEvents += piece.a.count }
      }
    }
    ripShifts.sort { ($1.events, $0.shift) < ($0.events, $1.shift) }
    let steps = streams.steps(part)
    for step in steps { count(step) }
    for step in steps.prefix(detail.limit) {
      hunks.append(try step.hunk(of: streams.a, streams.b, detail))
    }
  }

  private mutating func count(_ step: Step) {
    count += 1
    countByChange[step.change.rawValue, default: 0] += 1
    switch step.change {
    case .inserted: insertedEvents += step.b.count
    case .deleted: deletedEvents += step.a.count
    case .changed: changedEvents += step.a.count
    case .moved: movedEvents += 1
    case .replaced:
      deletedEvents += step.a.count
      insertedEvents += step.b.count
    }
  }

  private mutating func countShifts(
    _ piece: GuestAlignment.Piece, _ a: StreamSignatures, _ b: StreamSignatures
  ) {
    for (left, right) in zip(piece.a, piece.b) where a.rips[left] != b.rips[right] {
      let shift = HexWord(b.rips[right] &- a.rips[left])
      if let known = ripShifts.firstIndex(where: { $0.shift == shift }) {
        ripShifts[known].events += 1
      } else if ripShifts.count < Self.maximumShifts {
        ripShifts.append(RIPShift(shift: shift, events: 1))
      } else {
        otherRIPShifts += 1
      }
    }
  }
}

/// One stretch that differs, before its events are read.
private struct Step {
  /// One side's events.
  struct Side {
    /// Where they lie among the guest's events; empty for what the host placed.
    var range: Range<Int>
    /// What the host placed, by its numbers among that.
    var placed: Range<Int> = 0..<0

    var count: Int { range.count + placed.count }
  }

  var change: EventHunk.Change
  var a: Side
  var b: Side
  /// Steps are told in this order.
  var order: [Int]
  var distance = 0
  var isLater = false

  init(_ piece: GuestAlignment.Piece) {
    change =
      piece.relation == .changed
      ? .changed : piece.a.isEmpty ? .inserted : piece.b.isEmpty ? .deleted : .replaced
    a = Side(range: piece.a)
    b = Side(range: piece.b)
    order = [piece.a.lowerBound, piece.b.lowerBound, 1]
  }

  init(_ step: PlacedAlignment.Step) {
    change = step.change
    a = Side(range: step.placeA..<step.placeA, placed: step.a)
    b = Side(range: step.placeB..<step.placeB, placed: step.b)
    distance = step.distance
    isLater = step.isLater
    // What moved is told where it comes first.
    let earlier = isLater ? 0 : distance
    order = [step.placeA - earlier, step.placeB, 0]
  }

  func hunk(
    of left: StreamSide, _ right: StreamSide, _ detail: AlignedStreams.Detail
  ) throws(ReelDifferenceError) -> EventHunk {
    let kept = detail.context == nil ? EventHunk.shownRecords : EventHunk.maximumRecords
    let sideA = try left.side(a, keeping: kept)
    let sideB = try right.side(b, keeping: kept)
    var hunk = EventHunk(change: change, a: sideA, b: sideB)
    hunk.distance = distance
    hunk.isLater = isLater
    if change == .changed, let first = sideA.records.first, let second = sideB.records.first {
      hunk.fields = EventField.differences(first, second).filter {
        ![.rip, .check, .timestamp].contains($0)
      }
    }
    if let context = detail.context {
      hunk.context = try left.context(context, before: a)
    }
    return hunk
  }
}

/// Reads the events of one side's stretches.
private struct StreamSide {
  private static let lead: EventIndex = 8

  let reel: Reel
  let name: ReelDifferenceError.Side
  let signatures: StreamSignatures

  init(_ reel: Reel, _ name: ReelDifferenceError.Side, _ signatures: StreamSignatures) {
    self.reel = reel
    self.name = name
    self.signatures = signatures
  }

  /// A stretch, summed up.
  func side(_ part: Step.Side, keeping limit: Int) throws(ReelDifferenceError) -> EventHunk.Side {
    let first = signatures.firstIndex(of: part)
    var side = EventHunk.Side(first: first, count: part.count)
    guard part.count > 0 else { return side }
    let indexes =
      part.placed.isEmpty
      ? signatures.indexes[part.range] : signatures.placed[part.placed].map(\.index)[...]
    try ReelDifference.reading(name) { () throws(TraceError) in
      // From a little earlier, to meet the read that a first answer belongs to.
      var stream = ComparedStream(reel, from: first - min(first, Self.lead))
      var next = indexes.startIndex
      var tally = EventTally()
      var isTold = true
      while next < indexes.endIndex {
        try stream.advance()
        guard let event = stream.event else { break }
        guard stream.index == indexes[next] else { continue }
        next += 1
        if side.records.count < limit, let record = stream.record { side.records.append(record) }
        tally.add(event, at: stream.place)
        if isTold { isTold = side.add(event, at: stream.place) }
      }
      if !isTold { side.tally = tally.mostFrequent(EventHunk.shownRuns) }
    }
    return side
  }

  /// The events of the stream before a stretch.
  func context(
    _ count: Int, before part: Step.Side
  ) throws(ReelDifferenceError) -> [EventRecord] {
    let end = signatures.firstIndex(of: part)
    // Between events of the stream lie some that the host made.
    let start = end - min(end, EventIndex(4 * count + 16))
    var records: [EventRecord] = []
    try ReelDifference.reading(name) { () throws(TraceError) in
      var cursor = EventCursor(reel, from: start)
      while let event = try cursor.next(), cursor.index < end {
        guard event.kind.isGuestMade || event.kind.isInput else { continue }
        records.append(
          EventRecord(index: cursor.index, event: event, payload: cursor.payload(of: event)))
      }
    }
    return Array(records.suffix(count))
  }
}

extension EventHunk.Side {
  /// Counts an event among the runs; returns whether there was room.
  fileprivate mutating func add(_ event: Event, at eventPlace: EventPlace) -> Bool {
    let place = eventPlace.space == nil ? nil : HexWord(eventPlace.address)
    if event.kind == .inputData, let last = runs.indices.last, runs[last].kind != "input",
      runs[last].place == place, runs[last].space == eventPlace.space
    {
      runs[last].answers += 1
    } else if let last = runs.indices.last, runs[last].kind == event.kind.name,
      runs[last].place == place,
      runs[last].space == eventPlace.space
    {
      runs[last].count += 1
    } else if runs.count < EventHunk.shownRuns {
      runs.append(
        EventHunk.Run(
          kind: event.kind.name, space: eventPlace.space, place: place, count: 1))
    } else {
      return false
    }
    return true
  }
}
