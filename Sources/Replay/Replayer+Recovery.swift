internal import Bytes
internal import Machine
internal import Trace

/// What a replay goes back to when its own run, not the reel, was at fault.
struct ReplayCheckpoint {
  var keyframe: UInt64
  var pages: [UInt32: StoredPage]
  var digest: EventDigest
  var verdict: ReplayVerdict
  var requestsInterruptWindow: Bool
}

/// A landing missed its target, but may find it when tried again from the last keyframe.
struct MissedLanding: Error {}

extension Replayer {
  /// How often a replay goes back to one keyframe.
  private static var rewindLimit: Int { 8 }
  /// How often it does so for a landing, which costs more and may be jumped instead.
  static var landingRewindLimit: Int { 4 }

  /// Goes on after a difference that a timestamp other than the frozen one may have made; throws
  /// `stop` again when there is no such excuse.
  ///
  /// Two cases: the recorded slice was tainted, so its end was sealed and is installed; or one of
  /// this replay's slices was, so it goes back to the last keyframe and tries again.
  func recover(from stop: ReplayStop) throws {
    guard case .diverged = stop.outcome else { throw stop }
    if let tainted {
      try jump(to: tainted)
    } else if isReplayTainted, rewinds < Self.rewindLimit, let checkpoint {
      try rewind(to: checkpoint)
    } else {
      throw stop
    }
  }

  /// Remembers whether the guest may have read another timestamp in the run that ended with `exit`.
  func noting(_ exit: Exit) -> Exit {
    isReplayTainted = isReplayTainted || exit.isTainted
    return exit
  }

  /// Remembers where the current event's sealed stretch ends, when the recorder marked it tainted.
  func noteTaint(_ event: Event) throws {
    guard event.flags.contains(.tainted), tainted == nil else { return }
    var ahead = cursor
    while let next = try ahead.next() {
      guard next.kind == .keyframe else { continue }
      tainted = TaintedStretch(
        seal: try keyframe(number: next.address, markedAt: ahead.index),
        sliceNanoseconds: event.sliceNanoseconds, guestNanoseconds: verdict.guestNanoseconds)
      return
    }
    // The reel was cut before the seal: nothing here can be held against the guest.
    throw ReplayError.unsupported(
      "the reel ends inside the tainted slice of event \(current.index), before its seal")
  }

  private func jump(to stretch: TaintedStretch) throws {
    let seal = stretch.seal
    try install(seal, pages: try pageMap(after: seal))
    digest = EventDigest(resuming: seal.digest)
    awaitingReply = nil
    if current.event.kind == .interruptWindow { cpu.requestsInterruptWindow = false }
    verdict.events += 1
    while current.index &+ 1 < seal.eventIndex, let event = try cursor.next() {
      try advance(to: event)
      verdict.events += 1
    }
    tainted = nil
    verdict.sealsJumped += 1
    verdict.jumpedNanoseconds.add(stretch.sliceNanoseconds)
    // What of the stretch had agreed, and was counted, counts as jumped now.
    verdict.guestNanoseconds = stretch.guestNanoseconds
    verdict.guestNanoseconds.add(stretch.sliceNanoseconds)
  }

  /// Ends a tainted stretch that was re-executed, and makes the keyframe the one to go back to.
  func notePassedKeyframe(_ keyframe: Keyframe) {
    if tainted?.seal.number == keyframe.number {
      tainted = nil
      verdict.sealsReexecuted += 1
    }
    isReplayTainted = false
    if keyframe.number != checkpoint?.keyframe {
      checkpoint = ReplayCheckpoint(
        keyframe: keyframe.number, pages: map, digest: digest, verdict: verdict,
        requestsInterruptWindow: cpu.requestsInterruptWindow)
      rewinds = 0
      landingPlan = 0
      distrustsKnownLanding = false
    }
  }

  func rewind(to checkpoint: ReplayCheckpoint) throws {
    rewinds += 1
    let keyframe = try reel.keyframe(checkpoint.keyframe)
    try install(keyframe, pages: checkpoint.pages)
    digest = checkpoint.digest
    let landingNanoseconds = verdict.landingNanoseconds
    verdict = checkpoint.verdict
    // The bound on all landings covers those that failed.
    verdict.landingNanoseconds = landingNanoseconds
    verdict.events += 1
    verdict.rewinds += 1
    cpu.requestsInterruptWindow = checkpoint.requestsInterruptWindow
    awaitingReply = nil
    // The stretch begins anew when its first event comes again; what differs before it has no excuse.
    tainted = nil
    isReplayTainted = false
    suspects.removeAll(keepingCapacity: true)
    cursor = EventCursor(reel, from: keyframe.eventIndex)
    guard let mark = try cursor.next() else {
      throw TraceError.missing(what: "event \(keyframe.eventIndex)")
    }
    current = IndexedEvent(index: cursor.index, event: mark)
  }
}

/// Guest-made exits up to a seal whose first slice was tainted while recording.
struct TaintedStretch {
  var seal: Keyframe
  var sliceNanoseconds: UInt64
  /// ``ReplayVerdict/guestNanoseconds`` before it.
  var guestNanoseconds: UInt64
}
