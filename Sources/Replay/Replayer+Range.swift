public import Machine
internal import Trace

extension Replayer {
  /// How far apart the looks back for a requested interrupt window begin, in events.
  private static var firstLookBack: UInt64 { 1024 }

  /// Puts the guest into the state the range starts from.
  func start() throws {
    guard let first = reel.keyframeNumbers.first else {
      throw TraceError.missing(what: "keyframe, so there is no state to replay from")
    }
    guard let number = range.keyframe, number != first else {
      try restoreBase(first)
      return
    }
    let keyframe = try reel.keyframe(number)
    verdict.startKeyframe = number
    verdict.startEvent = keyframe.eventIndex
    try begin(at: keyframe)
  }

  /// Goes to a keyframe's mark, wherever the replay is, and puts the guest into its state.
  func begin(at keyframe: Keyframe) throws {
    suspects.removeAll(keepingCapacity: true)
    history.removeAll(keepingCapacity: true)
    try findMark(of: keyframe)
    try install(keyframe, pages: try reel.pageMap(at: keyframe.number))
    awaitingReply = nil
    digest = EventDigest(resuming: keyframe.digest)
    cpu.requestsInterruptWindow = try isWindowRequested(before: keyframe.eventIndex)
    if policy.tsc == .freeze { cpu.frozenTimestamp = current.event.timestamp }
    noteStartingKeyframe(keyframe)
  }

  /// Puts the reel's first keyframe into the processor and RAM; its mark comes as an event.
  private func restoreBase(_ first: UInt64) throws {
    let keyframe = try reel.keyframe(first)
    verdict.startKeyframe = first
    verdict.startEvent = keyframe.eventIndex
    try install(keyframe, pages: try reel.pageMap(at: first))
    digest = EventDigest(resuming: keyframe.digest)
  }

  /// Places the cursor behind a keyframe's mark, having seen the events before it, so that a
  /// divergence shows the same context as in a replay from the beginning.
  private func findMark(of keyframe: Keyframe) throws {
    let context = UInt64(bounds.contextEvents)
    let index = keyframe.eventIndex
    cursor = EventCursor(reel, from: index > context ? index - context : 0)
    while let event = try cursor.next(), cursor.index <= index {
      current = IndexedEvent(index: cursor.index, event: event)
      remember()
      guard cursor.index == index else { continue }
      guard event.kind == .keyframe, event.address == keyframe.number else { break }
      hasStarted = true
      return
    }
    throw ReplayError.unsupported(
      "keyframe \(keyframe.number) says it stands at event \(index), but its mark is not there")
  }

  /// Whether the guest is to stop as soon as it can take an interrupt: no keyframe says so, but the
  /// last of the events that ask for it or end it does.
  ///
  /// Such events are frequent where there are any; the looks back grow, so that the whole costs no
  /// more than reading the events twice.
  private func isWindowRequested(before end: EventIndex) throws -> Bool {
    guard policy.interruptWindowIsExact else { return false }
    let first = try reel.firstEvent() ?? 0
    var upper = end
    var span = Self.firstLookBack
    while upper > first {
      let lower = upper - first > span ? upper - span : first
      if let answer = try lastWindowRequest(from: lower, to: upper) { return answer }
      upper = lower
      span *= 2
    }
    return false
  }

  private func lastWindowRequest(from lower: EventIndex, to upper: EventIndex) throws -> Bool? {
    var answer: Bool?
    var cursor = EventCursor(reel, from: lower)
    while let event = try cursor.next(), cursor.index < upper {
      switch event.kind {
      case .windowRequest: answer = true
      case .interrupt, .interruptWindow: answer = false
      default: break
      }
    }
    return answer
  }

  /// Whether the last event of the range, and what of its instruction is to be finished, is behind.
  func isAtRangeEnd() throws -> Bool {
    guard hasStarted, let last = range.lastEvent, current.index >= last else { return false }
    guard range.endsBetweenInstructions else { return true }
    guard awaitingReply == nil else { return false }
    guard isIncomplete else { return true }
    isIncomplete = false
    // Another exit of the same instruction is the next event's.
    pendingExit = try cpu.complete()
    return pendingExit == nil
  }

  /// Holds the end of the replay to the end of the range, or of the reel.
  func checkEnd() throws {
    verdict.reelIsWhole = reel.tail == .whole
    verdict.lastEvent = current.index
    if let last = range.lastEvent {
      guard hasStarted, current.index >= last else {
        throw ReplayError.unsupported("event \(last) lies behind the end of the reel")
      }
      return
    }
    guard hasStarted else {
      throw ReplayError.unsupported("the reel holds no events, so nothing was compared")
    }
    let count = current.index &+ 1 &- (try reel.firstEvent() ?? 0)
    guard let end = reel.end, end.eventCount != count else { return }
    throw ReplayError.unsupported(
      "the reel holds \(count) events, but its end record counts \(end.eventCount)")
  }

  /// The guest's whole state where the replay of a range ended.
  ///
  /// - Throws: ``ReplayError`` when the reel ends inside an instruction.
  public func capturedState() throws(ReplayError) -> VCPUState {
    guard awaitingReply == nil, !isIncomplete else {
      throw .unsupported(
        "event \(current.index) is inside an instruction, and the reel ends before it does")
    }
    do {
      return try cpu.captureState()
    } catch {
      throw .processor(error)
    }
  }
}
