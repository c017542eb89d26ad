internal import Analysis
internal import Machine
internal import Replay

/// The search for the stretch in which the states of two runs part.
struct StateSearch {
  private let memory: DiffMemory
  /// Pages that differ at the first pair of keyframes.
  private(set) var initialPages: Set<UInt32> = []
  private(set) var initialRegisters: [MemoryDifference.Register] = []
  private(set) var comparedPages = 0
  private(set) var comparedPairs = 0
  private(set) var lastEqual: KeyframePair?
  private(set) var firstDiffering: KeyframePair?
  /// The last moment at which the replayed guests' states were found equal.
  private(set) var equalMoment: CommonMoment?
  /// Whether that is the last moment before the first difference.
  private(set) var isEqualToTheEnd = false
  /// What differs at the first moment at which they were found to differ.
  private(set) var state: MemoryDifference?
  /// What happened on the way; one sentence each.
  private(set) var evidence: [String] = []

  init(_ memory: DiffMemory) {
    self.memory = memory
  }

  var startDiffers: Bool { comparedPairs > 0 && lastEqual == nil }

  /// Compares the keyframes that both reels have, up to the first pair that differs in more than the
  /// pages that differ from the start.
  mutating func compareKeyframes() throws {
    let (a, b) = (memory.guests.a, memory.guests.b)
    let pairs = try memory.naming { () throws(ReelDifferenceError) in
      try memory.moments.keyframePairs()
    }
    var maps = PageMapComparison(a.reel, b.reel)
    for pair in pairs {
      memory.guests.activity?.tell("comparing keyframe \(pair.a)")
      let pages = try memory.naming { () throws(ReelDifferenceError) in try maps.compare(at: pair) }
      let registers = GuestPair.registers(at: pair, a, b)
      comparedPairs += 1
      comparedPages += maps.pageCount
      if comparedPairs == 1 {
        initialPages = Set(pages)
        initialRegisters = registers
      }
      guard registers.isEmpty, initialPages.isSuperset(of: pages) else {
        firstDiffering = pair
        return
      }
      lastEqual = pair
    }
  }

  /// An explanation where the very first registers differ.
  func ofStart() -> Explanation? {
    guard startDiffers, let first = initialRegisters.first else { return nil }
    var explanation = Explanation(
      .initialRegisters, .probable,
      summary:
        "the guests start with other registers: \(first.name) is \(first.a) in A, \(first.b) "
        + "in B")
    describe(&explanation)
    return explanation
  }

  /// Replays both reels to moments between a pair of keyframes and the first difference, halving the
  /// stretch, until the states part within one event.
  mutating func bisect(from start: CommonMoment) throws {
    let end = firstDiffering?.moment.a ?? .max
    let moments = try memory.naming { () throws(ReelDifferenceError) in
      try memory.moments.moments(after: start, upTo: end)
    }
    equalMoment = start
    guard let last = moments.last else {
      isEqualToTheEnd = true
      return
    }
    if try isEqual(at: last) {
      equalMoment = last
      isEqualToTheEnd = true
      let place = memory.guests.isOneReel ? "\(last.a)" : "\(last.a) of A, \(last.b) of B"
      evidence.append(
        memory.guests.deed + " to the last common event (\(place)): "
          + "registers and memory are equal there" + exceptInitialPages)
      return
    }
    var (low, high) = (-1, moments.count - 1)
    while high - low > 1 {
      let middle = (low + high) / 2
      if try isEqual(at: moments[middle]) { low = middle } else { high = middle }
    }
    let equal = low < 0 ? start : moments[low]
    equalMoment = equal
    evidence.append(
      memory.guests.deed + ": the states are equal after " + memory.guests.place(equal)
        + exceptInitialPages + ", and differ after " + memory.guests.place(moments[high]))
  }

  private var exceptInitialPages: String {
    initialPages.isEmpty ? "" : ", but for pages that differ from the start"
  }

  private mutating func isEqual(at moment: CommonMoment) throws -> Bool {
    let (left, right) = try memory.guests.replayBoth(to: moment)
    let stops: (GuestPair.Stop, GuestPair.Stop)
    switch (left, right) {
    case (.success(let first), .success(let second)): stops = (first, second)
    case (.failure(let divergence), _), (_, .failure(let divergence)):
      let sentence =
        "the replay of \(divergence.path) differs from its own recording at event "
        + "\(divergence.index) (\(divergence.sentence)): something that is not in the reel decides"
      if !evidence.contains(sentence) { evidence.append(sentence) }
      return false
    }
    let found = memory.compare(stops.0, stops.1, at: moment)
    let pages = Set(stops.0.memory.pagesDiffering(from: stops.1.memory))
    guard found.registers.isEmpty, initialPages.isSuperset(of: pages) else {
      state = found
      return false
    }
    return true
  }

  /// Adds what the search found to an explanation.
  func describe(_ explanation: inout Explanation) {
    explanation.lastEqualKeyframes = lastEqual
    explanation.firstDifferingKeyframes = firstDiffering
    explanation.lastEqual = explanation.lastEqual ?? equalMoment
    if explanation.state == nil { explanation.state = state }
    var found: [String] = []
    if !initialPages.isEmpty {
      let pages = initialPages.sorted().prefix(8).map { HexWord(UInt64($0) << 12).description }
      found.append(
        "memory differs at the first keyframes already, in "
          + (initialPages.count == 1 ? "page " : "\(initialPages.count) pages: ")
          + pages.joined(separator: ", ") + (initialPages.count > 8 ? "…" : ""))
    } else if comparedPairs > 0, explanation.cause != .initialRegisters {
      explanation.excluded.append(
        Explanation.Exclusion(
          .initialMemory, how: "the first keyframes' registers and pages are equal"))
    }
    if let pair = firstDiffering {
      found.append(
        "keyframes \(pair.a) of A and \(pair.b) of B differ although the events before them are "
          + "equal" + (lastEqual.map { "; keyframes \($0.a) and \($0.b) do not" } ?? ""))
    } else if let pair = lastEqual {
      found.append(
        "all \(comparedPairs) common keyframes before the first difference are equal, up to "
          + "\(pair.a) of A and \(pair.b) of B" + exceptInitialPages)
    }
    explanation.evidence = found + evidence + explanation.evidence
  }
}

extension GuestPair {
  /// Replays both reels to a moment.
  func replayBoth(
    to moment: CommonMoment
  ) throws -> (Result<Stop, ReplayDivergence>, Result<Stop, ReplayDivergence>) {
    activity?.tell("replaying both to event \(moment.a)")
    return (try replay(a, to: moment.a), try replay(b, to: moment.b))
  }
}
