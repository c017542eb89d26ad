internal import Analysis
internal import Machine
internal import Replay
internal import Trace

/// Finds out why two runs part, for `diff --explain`.
///
/// What the logs hold decides first; otherwise keyframes, then replays of both reels narrow the
/// stretch in which the guests' states part, and single steps find the instruction.
struct DiffExplanation {
  private let memory: DiffMemory
  private let difference: ReelDifference
  private let activity = ActivityLine(label: "explaining")
  var a: OpenedReel { memory.guests.a }
  var b: OpenedReel { memory.guests.b }

  init(memory: DiffMemory, difference: ReelDifference) {
    var memory = memory
    memory.guests.activity = activity
    self.memory = memory
    self.difference = difference
  }

  /// Explains the first difference, and shows on a terminal what it is at.
  ///
  /// - Returns: the explanation, and why it could not be found where that is this host's or the
  ///   reels' doing.
  /// - Throws: ``CommandFailure`` when a reel is damaged.
  func explain() throws -> (explanation: Explanation, obstacle: String?) {
    defer { activity.clear() }
    if let first = difference.firstDifference, var decided = try ofEvents(first) {
      decided.excluded = exclusionsByEvents(except: decided.cause)
      return (decided, nil)
    }
    for opened in [a, b] where !opened.reel.header.hasPages {
      let obstacle = "\(opened.path): \(TraceError.pagesStripped.description)"
      return (notFound(obstacle), obstacle)
    }
    var search = StateSearch(memory)
    try search.compareKeyframes()
    if difference.firstDifference == nil, search.firstDiffering == nil {
      return (nothingDiffers(search), nil)
    }
    guard let start = search.lastEqual else {
      let obstacle =
        search.startDiffers
        ? nil : "the reels have no keyframes in common, so there is no state to start from"
      return (search.ofStart() ?? notFound(obstacle ?? ""), obstacle)
    }
    if let obstacle = memory.guests.obstacle() {
      var explanation = notFound(obstacle)
      search.describe(&explanation)
      explanation.state = try search.firstDiffering.map { try memory.compare($0) }
      return (explanation, obstacle)
    }
    try search.bisect(from: start.moment)
    var explanation = try PartingExplanation(memory, search).explain()
    explanation.excluded = exclusionsByEvents(except: explanation.cause) + explanation.excluded
    search.describe(&explanation)
    return (explanation, nil)
  }

  private func ofEvents(_ first: FirstDifference) throws -> Explanation? {
    let devices = DeviceNames(board: a.metadata.board.name, tsc: a.metadata.policies.tsc)
    return try memory.naming { () throws(ReelDifferenceError) in
      try Explanation.ofEvents(first, a.reel, b.reel, devices: devices)
    }
  }

  private func notFound(_ obstacle: String) -> Explanation {
    var explanation = Explanation(.notFound, .unknown, summary: "not found: \(obstacle)")
    explanation.obstacle = obstacle
    if difference.firstDifference != nil {
      explanation.excluded = exclusionsByEvents(except: .notFound)
    }
    return explanation
  }

  private func nothingDiffers(_ search: StateSearch) -> Explanation {
    var explanation = Explanation(
      .none, .certain,
      summary: search.initialPages.isEmpty
        ? "the runs do not part: events and keyframes are equal"
        : "the runs do not part: events are equal, and keyframes but for pages that differ from the "
          + "start")
    search.describe(&explanation)
    return explanation
  }

  /// What the comparison of the logs rules out already.
  private func exclusionsByEvents(except cause: Explanation.Cause) -> [Explanation.Exclusion] {
    let count = difference.firstDifference?.commonEvents ?? difference.commonEvents
    let candidates: [(Explanation.Cause, String)] = [
      (.input, "\(count) common events stand before, every input among them equal in both"),
      (.deviceValue, "every value that a device returned in these events is equal in both"),
      (.interruptPosition, "every interrupt among them came after the same event in both"),
    ]
    return candidates.filter { $0.0 != cause }.map { Explanation.Exclusion($0.0, how: $0.1) }
  }
}
