public import Trace

/// A difference after which a replay went on from a keyframe.
public struct Resync: Sendable {
  /// The event where replay differed.
  public var divergence: EventIndex
  /// What differed.
  public var difference: Divergence.Difference
  /// The keyframe it went on from; `nil` when none followed.
  public var keyframe: UInt64?
  /// The events that do not count as compared: from the one that differs to the keyframe's mark, or
  /// to the last.
  public var skippedEvents: UInt64
}

extension Replayer {
  /// After a difference goes on from the next keyframe, or to the end when none follows.
  ///
  /// - Throws: `stop` again when it is no difference, or the replay is to end with the first one.
  func resync(after stop: ReplayStop) throws {
    guard resyncs, case .diverged(let divergence) = stop.outcome else { throw stop }
    if firstDivergence == nil { firstDivergence = explain(divergence) }
    tainted = nil
    isReplayTainted = false
    if let keyframe = try nextKeyframe(from: divergence.index) {
      note(divergence, skipped: keyframe.eventIndex - divergence.index + 1, keyframe.number)
      try begin(at: keyframe)
      return
    }
    try skipToEnd(from: divergence.index)
    note(divergence, skipped: current.index &+ 1 &- divergence.index, nil)
  }

  private func note(_ divergence: Divergence, skipped: UInt64, _ keyframe: UInt64?) {
    verdict.resyncCount += 1
    verdict.skippedEvents.add(skipped)
    guard verdict.resyncs.count < bounds.listedResyncs else { return }
    verdict.resyncs.append(
      Resync(
        divergence: divergence.index, difference: divergence.difference, keyframe: keyframe,
        skippedEvents: skipped))
  }

  /// The first keyframe whose mark stands at an event or after it, inside the range.
  private func nextKeyframe(from index: EventIndex) throws -> Keyframe? {
    var ahead = EventCursor(reel, from: index)
    while let event = try ahead.next() {
      if let last = range.lastEvent, ahead.index > last { return nil }
      if event.kind == .keyframe {
        return try keyframe(number: event.address, markedAt: ahead.index)
      }
    }
    return nil
  }

  private func skipToEnd(from index: EventIndex) throws {
    awaitingReply = nil
    cursor = EventCursor(reel, from: index)
    while let event = try cursor.next() {
      current = IndexedEvent(index: cursor.index, event: event)
      if let last = range.lastEvent, cursor.index >= last { return }
    }
  }
}
