internal import Trace

/// Where two deterministic streams can be set beside each other: a trimmed reel begins in
/// mid-recording.
struct StreamAlignment {
  /// The first event to compare in the first reel.
  private(set) var a: EventIndex
  /// Likewise in the second.
  private(set) var b: EventIndex
  /// What is not compared and why; one sentence each.
  private(set) var limits: [String] = []

  /// Finds the place where the reel that begins earlier has come as far as the other begins.
  init(_ a: Reel, _ b: Reel) throws(ReelDifferenceError) {
    let startA = try ReelDifference.reading(.a) { () throws(TraceError) in try a.start }
    let startB = try ReelDifference.reading(.b) { () throws(TraceError) in try b.start }
    self.a = startA.event
    self.b = startB.event
    if !a.header.hasConsole || !b.header.hasConsole {
      limits.append(
        "the console text was stripped from \(Self.name(!a.header.hasConsole, !b.header.hasConsole)); "
          + "console text and digests were not compared")
    }
    guard startA != startB else { return }
    let found: EventIndex?
    if startA.exits < startB.exits || startA.exits == startB.exits && startA.event < startB.event {
      found = try ReelDifference.reading(.a) { () throws(TraceError) in try a.place(of: startB) }
      self.a = found ?? self.a
    } else {
      found = try ReelDifference.reading(.b) { () throws(TraceError) in try b.place(of: startA) }
      self.b = found ?? self.b
    }
    limits.append(
      found == nil
        ? "one reel was trimmed and begins behind the end of the other, so they have no part in common"
        : "compared from event \(self.a) of A and event \(self.b) of B, since one was trimmed")
  }

  private static func name(_ a: Bool, _ b: Bool) -> String {
    a && b ? "both reels" : a ? "A" : "B"
  }
}

/// How far a recording had come where a reel begins.
private struct ReelStart: Equatable {
  var event: EventIndex
  var exits: UInt64
}

extension Reel {
  /// The reel's first event, and the guest-made exits before it.
  fileprivate var start: ReelStart {
    get throws(TraceError) {
      let event = eventBlocks.first?.header.firstEvent ?? 0
      guard event > 0, let number = keyframeNumbers.first else {
        return ReelStart(event: event, exits: 0)
      }
      return ReelStart(event: event, exits: try keyframe(number).guestMadeExits)
    }
  }

  /// The event at which this reel has come as far; `nil` when it does not get there.
  ///
  /// A keyframe at that very event is the place: both are of one recording then. Otherwise it is
  /// behind as many guest-made exits and the last one's answer.
  fileprivate func place(of other: ReelStart) throws(TraceError) -> EventIndex? {
    var known = try start
    for number in keyframeNumbers {
      let keyframe = try keyframe(number)
      guard keyframe.guestMadeExits <= other.exits else { break }
      if keyframe.guestMadeExits == other.exits, keyframe.eventIndex == other.event {
        return other.event
      }
      if keyframe.guestMadeExits < other.exits {
        known = ReelStart(event: keyframe.eventIndex, exits: keyframe.guestMadeExits)
      }
    }
    var cursor = EventCursor(self, from: known.event)
    var exits = known.exits
    while let event = try cursor.next() {
      if exits == other.exits, event.kind != .inputData { return cursor.index }
      if event.kind.isGuestMade { exits += 1 }
    }
    return exits == other.exits ? eventCount : nil
  }
}
