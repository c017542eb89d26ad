internal import Analysis
internal import KVM
internal import Machine
internal import Replay
internal import Trace

/// Finds out why a replay differs from its recording, for `replay --explain`.
///
/// The stretch from the last keyframe that agreed is replayed again. Where every replay differs from the
/// log in the same way, the log's own checks are tried: at the divergence, and with other values of the
/// inputs before it. Otherwise, or where that finds nothing, two replays are compared with each other as
/// `diff --explain` compares two reels.
struct ReplayExplanation {
  /// Further replays.
  private static let repetitions = 3
  /// After so long no further one is begun.
  private static let repetitionLimit = Swift.Duration.seconds(30)
  /// Pages and lines of them that are listed.
  static let listLimit = 8

  let opened: OpenedReel
  let divergence: Divergence
  let symbols: SymbolTable?
  let bounds: ReplayBounds

  /// - Returns: `nil` when nothing diverged or no explanation is asked for.
  init?(
    _ verdict: ReplayVerdict, of opened: OpenedReel, _ symbols: SymbolTable?,
    _ bounds: ReplayBounds,
    isAsked: Bool
  ) {
    guard isAsked, case .diverged(let divergence) = verdict.outcome else { return nil }
    self.opened = opened
    self.divergence = divergence
    self.symbols = symbols
    self.bounds = bounds
  }

  /// Explains; what fails on the way is said in the explanation, since the verdict stands all the same.
  ///
  /// - Returns: the explanation, and the status to end with when a signal ended the search.
  func run() -> (found: DivergenceExplanation, signal: ExitStatus?) {
    let activity = ActivityLine(label: "explaining")
    // Lives as long as the search, so that a signal between two replays ends the next one.
    let signals = SignalWatch()
    defer { activity.clear() }
    do {
      let found = try explain(activity)
      return (found, signals.received.map(ExitStatus.signal))
    } catch let failure as CommandFailure {
      return (notLooked(failure.message), nil)
    } catch let status as ExitStatus {
      return (notLooked("the search was interrupted"), status)
    } catch {
      return (notLooked("\(error)"), nil)
    }
  }

  private func notLooked(_ obstacle: String) -> DivergenceExplanation {
    var explanation = Explanation(.notFound, .unknown, summary: "not found")
    explanation.obstacle = obstacle
    return DivergenceExplanation(
      event: divergence.index, startKeyframe: nil, explanation: explanation)
  }

  // MARK: The search

  private func explain(_ activity: ActivityLine) throws -> DivergenceExplanation {
    let index = divergence.index
    let start = try opened.reading { reel in
      try index == 0 ? nil : reel.lastKeyframe(notAfter: index - 1).map { try reel.keyframe($0) }
    }
    guard let start else {
      return notLooked(
        "no keyframe stands before event \(index), so there is no state to start from")
    }
    let trials = LogTrials(
      opened: opened, start: start, divergence: divergence, bounds: bounds, activity: activity)
    var found = DivergenceExplanation(
      event: index, startKeyframe: start.number,
      explanation: Explanation(.notFound, .unknown, summary: "not found"))
    var end = index
    var reachesEndByRunning = divergence.recorded.kind.isGuestMade
    for other in try repeated(trials) {
      found.repetitions.append(
        .init(
          event: other?.index, difference: other.map { DivergenceText.headline($0) },
          isLikeFirst: other.map { $0.isLike(divergence) } ?? false))
      if let other, other.index < end {
        end = other.index
        reachesEndByRunning = other.recorded.kind.isGuestMade
      }
    }
    var log = LogTrials.Finding()
    if found.isRepeatable { log = try trials.judge() }
    let states = states(before: end, activity)
    found.keyframeState = try KeyframeState(opened, divergence).compare(states, symbols)
    if let explanation = log.explanation, explanation.certainty == .certain {
      found.explanation = explanation
    } else {
      let parting = try comparison(states, from: start, stepsToEnd: reachesEndByRunning)
      found.explanation = DivergenceJudgement(found, reel: opened.reel, log: log.explanation)
        .judge(parting)
    }
    found.explanation.evidence =
      [found.repetitionSentence] + log.evidence + found.explanation.evidence
    return found
  }

  /// The divergences of further replays; `nil` for one that agrees.
  private func repeated(_ trials: LogTrials) throws -> [Divergence?] {
    let clock = ContinuousClock()
    let deadline = clock.now.advanced(by: Self.repetitionLimit)
    var others: [Divergence?] = []
    while others.count < Self.repetitions, others.isEmpty || clock.now < deadline {
      trials.activity.tell("replaying to event \(divergence.index) again")
      if case .diverged(let other) = try trials.replay(to: divergence.index).outcome {
        others.append(other)
      } else {
        others.append(nil)
      }
    }
    return others
  }

  private func states(before end: EventIndex, _ activity: ActivityLine) -> DiffMemory {
    DiffMemory(
      guests: GuestPair(a: opened, b: opened, isOneReel: true, activity: activity),
      moments: CommonMoments(opened.reel, before: end), partsAt: end, symbols: symbols,
      limit: Self.listLimit)
  }

  /// Compares two replays with each other up to the divergence.
  ///
  /// - Parameter stepsToEnd: whether the guest executes anything between the last event before it and
  ///   the divergence.
  private func comparison(
    _ states: DiffMemory, from start: Keyframe, stepsToEnd: Bool
  ) throws -> Explanation {
    var search = StateSearch(states)
    try search.bisect(from: CommonMoment(a: start.eventIndex, b: start.eventIndex))
    var explanation: Explanation
    if search.isEqualToTheEnd, !stepsToEnd {
      explanation = Explanation(
        .notFound, .unknown,
        summary: "not found: the guest executes nothing between that event and the divergence")
      explanation.lastEqual = search.equalMoment
    } else {
      explanation = try PartingExplanation(states, search).explain()
      if explanation.cause == .notFound, explanation.sites == nil, explanation.instruction == nil,
        search.isEqualToTheEnd, let moment = search.equalMoment
      {
        try addCensus(
          to: &explanation, states, behind: moment, isWhole: moment.a == start.eventIndex)
      }
    }
    search.describe(&explanation)
    return explanation
  }

  // MARK: Instructions whose results stand in no log

  /// - Parameter isWhole: whether the moment is the start, so that no instruction before it can matter:
  ///   two replays may agree in a result that the recorded guest did not get.
  private func addCensus(
    to explanation: inout Explanation, _ states: DiffMemory, behind moment: CommonMoment,
    isWhole: Bool
  ) throws {
    guard case .success(let stop) = try states.guests.replay(opened, to: moment.a) else { return }
    let census = try stop.session.naming { () throws(ReplayError) in
      try InstructionCensus<KVMProcessor>(
        stop.session.replayer, limit: PartingExplanation.stepLimit)
    }
    try stop.requireUninterrupted()
    let sites = census.entries.compactMap { entry -> Explanation.Site? in
      guard let code = DecodedCode(entry.bytes, bits: entry.bits), let cause = code.cause else {
        return nil
      }
      return Explanation.Site(
        address: entry.address, symbol: symbols?.text(at: entry.address),
        instruction: code.text(at: entry.address) ?? cause.rawValue, cause: cause,
        count: entry.count)
    }
    if !sites.isEmpty { explanation.sites = sites }
    let names = "RDTSC, RDTSCP, RDRAND, RDSEED, RDPID or CPUID"
    if isWhole, sites.isEmpty, census.obstacle == nil {
      explanation.excluded.append(
        .init(
          .timestampInstruction,
          how:
            "none of the \(census.steps) instructions executed behind event \(moment.a) is \(names)"
        ))
    } else {
      explanation.evidence.append(
        "of \(census.steps) instructions single-stepped behind event \(moment.a) "
          + "\(sites.isEmpty ? "none is" : "\(sites.reduce(0) { $0 + $1.count }) are") \(names)"
          + (census.obstacle.map { " (\($0))" } ?? ""))
    }
  }
}

extension Divergence {
  /// Whether another replay differs from the log exactly as this one does.
  func isLike(_ other: Divergence) -> Bool {
    guard index == other.index else { return false }
    switch (difference, other.difference) {
    case (.fields(let names), .fields(let others)):
      return names == others && replayed == other.replayed
        && replayedPayload == other.replayedPayload
    case (.registers, .registers):
      return InstructionComparison<KVMProcessor>.agree(registers, other.registers)
    case (.state(let fields, let pages), .state(let others, let otherPages)):
      return fields.map(\.field) == others.map(\.field)
        && fields.map(\.replayed) == others.map(\.replayed) && pages == otherPages
    case (.noExit, .noExit), (.input, .input), (.notReady, .notReady),
      (.replyMismatch, .replyMismatch):
      return true
    case (.unexpectedExit, .unexpectedExit):
      return replayed == other.replayed
    default: return false
    }
  }
}
