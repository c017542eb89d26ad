public import Trace

/// A stretch in which two deterministic streams differ, found by aligning them.
public struct EventHunk: Codable, Equatable, Sendable {
  /// What happened to the first stream.
  public enum Change: String, Codable, Sendable {
    /// The second has events more.
    case inserted
    /// The second lacks events.
    case deleted
    /// Event for event the same kinds at the same places, with other values.
    case changed
    /// Other events stand in place of some.
    case replaced
  }

  /// One stream's part.
  public struct Side: Codable, Equatable, Sendable {
    /// The index of its first event; of the one that follows, when there is none.
    public var first: EventIndex
    /// The events of the deterministic stream in it.
    public var count: Int
    /// What they are, equal neighbours counted together; at most ``EventHunk/shownRuns``.
    public var runs: [Run] = []
  }

  /// Events of one kind at one place, one after the other.
  public struct Run: Codable, Equatable, Sendable {
    /// The kind: `out`.
    public var kind: String
    /// Port, address, MSR or vector: `0x3f8`; `nil` for kinds without.
    public var place: HexWord?
    /// How many.
    public var count: Int
  }

  /// Runs kept of one side.
  public static let shownRuns = 12

  /// What happened.
  public var change: Change
  /// The first reel's part.
  public var a: Side
  /// The second reel's part.
  public var b: Side
}

/// What the alignment of two streams from their first difference on says.
public struct StreamHunks: Codable, Equatable, Sendable {
  /// Events of a stream that are aligned at most: 64 MB of signatures.
  public static let maximumEvents = 4 << 20

  /// Stretches that differ, in order; the first so many that were asked for.
  public var hunks: [EventHunk] = []
  /// All stretches that differ.
  public var count = 0
  /// Events that both streams have in order, from the first difference on.
  public var commonEvents = 0
  /// Events that only the first has.
  public var deletedEvents = 0
  /// Events that only the second has.
  public var insertedEvents = 0
  /// Whether events beyond ``maximumEvents`` were left out.
  public var isCut = false
  /// Stretches given up as having nothing in common.
  public var unsearched = 0
}

extension StreamHunks {
  /// Aligns two streams from given events on.
  ///
  /// - Parameters:
  ///   - limit: how many hunks to keep.
  ///   - ignored: fields that do not tell events apart; digests, timestamps and times never do.
  init(
    _ a: Reel, from firstA: EventIndex, _ b: Reel, from firstB: EventIndex, limit: Int,
    ignoring ignored: Set<EventField>
  ) throws(ReelDifferenceError) {
    let left = try ReelDifference.reading(.a) { () throws(TraceError) in
      try StreamSignatures(a, from: firstA, ignoring: ignored)
    }
    let right = try ReelDifference.reading(.b) { () throws(TraceError) in
      try StreamSignatures(b, from: firstB, ignoring: ignored)
    }
    isCut = left.isCut || right.isCut
    let alignment = SequenceAlignment(left.signatures, right.signatures)
    unsearched = alignment.unsearched
    for piece in alignment.pieces {
      if piece.isEqual {
        commonEvents += piece.a.count
        continue
      }
      deletedEvents += piece.a.count
      insertedEvents += piece.b.count
      count += 1
      guard hunks.count < limit else { continue }
      let sideA = try ReelDifference.reading(.a) { () throws(TraceError) in
        try left.side(piece.a, of: a)
      }
      let sideB = try ReelDifference.reading(.b) { () throws(TraceError) in
        try right.side(piece.b, of: b)
      }
      hunks.append(EventHunk(change: Self.change(sideA, sideB), a: sideA, b: sideB))
    }
  }

  private static func change(_ a: EventHunk.Side, _ b: EventHunk.Side) -> EventHunk.Change {
    if a.count == 0 { return .inserted }
    if b.count == 0 { return .deleted }
    return a.count == b.count && a.runs == b.runs ? .changed : .replaced
  }
}

/// The events of a deterministic stream as numbers that are equal when the events are.
private struct StreamSignatures {
  private(set) var signatures: [UInt64] = []
  private var indexes: [EventIndex] = []
  private(set) var isCut = false
  private var end: EventIndex = 0

  init(
    _ reel: Reel, from first: EventIndex, ignoring ignored: Set<EventField>
  ) throws(TraceError) {
    var cursor = EventCursor(reel, from: first)
    end = first
    while let event = try cursor.next() {
      end = cursor.index &+ 1
      guard event.kind.isGuestMade || event.kind.isInput else { continue }
      guard signatures.count < StreamHunks.maximumEvents else {
        isCut = true
        break
      }
      indexes.append(cursor.index)
      signatures.append(Self.signature(event, cursor.payload(of: event), ignored))
    }
  }

  /// A hash of the compared fields, digests and timestamps aside.
  private static func signature(
    _ event: Event, _ payload: ArraySlice<UInt8>, _ ignored: Set<EventField>
  ) -> UInt64 {
    var hash: UInt64 = 0x9e37_79b9_7f4a_7c15
    func add(_ field: EventField, _ value: UInt64) {
      guard !ignored.contains(field) else { return }
      hash = (hash ^ value) &* 0xd6e8_feb8_6659_fd93
      hash ^= hash >> 32
    }
    add(.kind, UInt64(event.kind.rawValue))
    add(.vcpu, UInt64(event.vcpu))
    add(.width, UInt64(event.width))
    add(.count, UInt64(event.elementCount))
    add(.address, event.address)
    add(.value, event.value)
    add(.device, UInt64(event.device))
    add(.image, UInt64(event.image))
    add(.rip, event.rip)
    for byte in payload { add(.payload, UInt64(byte) | 0x100) }
    return hash
  }

  /// A stretch of the stream, summed up.
  func side(_ range: Range<Int>, of reel: Reel) throws(TraceError) -> EventHunk.Side {
    var side = EventHunk.Side(
      first: range.lowerBound < indexes.count ? indexes[range.lowerBound] : end,
      count: range.count)
    guard !range.isEmpty else { return side }
    var cursor = EventCursor(reel, from: side.first)
    var left = range.count
    while left > 0, let event = try cursor.next() {
      guard event.kind.isGuestMade || event.kind.isInput else { continue }
      left -= 1
      let place = event.kind.addressSpace == .none ? nil : HexWord(event.address)
      if let last = side.runs.indices.last, side.runs[last].kind == event.kind.name,
        side.runs[last].place == place
      {
        side.runs[last].count += 1
      } else if side.runs.count < EventHunk.shownRuns {
        side.runs.append(EventHunk.Run(kind: event.kind.name, place: place, count: 1))
      } else {
        break
      }
    }
    return side
  }
}
