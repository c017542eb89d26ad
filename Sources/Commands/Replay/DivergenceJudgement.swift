internal import Analysis
internal import Trace

/// What the comparison of two replays with each other says about their difference from the log.
struct DivergenceJudgement {
  private let found: DivergenceExplanation
  private let reel: Reel
  private let log: Explanation?

  /// - Parameters:
  ///   - found: with the results of the further replays.
  ///   - log: what the log's checks made probable.
  init(_ found: DivergenceExplanation, reel: Reel, log: Explanation?) {
    self.found = found
    self.reel = reel
    self.log = log
  }

  /// - Parameter parting: where and why two replays part from each other.
  func judge(_ parting: Explanation) -> Explanation {
    if let log { return merged(log, parting) }
    if found.isRepeatable { return repeatable(parting) }
    var explanation = parting
    if parting.certainty == .certain, let reason = doubt(parting) {
      explanation.certainty = .probable
      explanation.summary = Self.lessCertain(parting.summary)
      explanation.evidence.append(reason)
    }
    let agreeing = found.repetitions.count { $0.event == nil }
    if agreeing == found.repetitions.count {
      explanation.summary =
        "it does not diverge a second time; "
        + (parting.certainty == .unknown
          ? parting.summary : "two replays part: \(explanation.summary)")
    } else if parting.certainty == .unknown {
      explanation.summary =
        "not found: the replays differ from each other, and "
        + Self.withoutVerdict(parting.summary)
    }
    return explanation
  }

  /// What differs at a keyframe.
  private static func clause(_ state: MemoryDifference) -> String {
    func count(_ number: Int, _ noun: String) -> String {
      "\(number) \(noun)\(number == 1 ? "" : "s")"
    }
    return "in the keyframe \(count(state.registers.count, "register")) and "
      + "\(count(state.differingPages, "page")) differ from what each replay leaves there"
  }

  /// What trapping said of two replays, where it is less than that for the divergence.
  private static func lessCertain(_ summary: String) -> String {
    let verdict = "certain cause"
    return summary.hasSuffix(verdict)
      ? String(summary.dropLast(verdict.count)) + "probable cause" : summary
  }

  private static func withoutVerdict(_ summary: String) -> String {
    let verdict = "not found: "
    return summary.hasPrefix(verdict) ? String(summary.dropFirst(verdict.count)) : summary
  }

  /// Why a cause that is certain for the two replays is not for the divergence; `nil` when it is.
  private func doubt(_ parting: Explanation) -> String? {
    if found.repetitions.contains(where: { $0.event == nil }) {
      return "a further replay agrees with the log, so the cause was not seen at work in each"
    }
    guard let moment = parting.lastEqual?.a, nextExit(after: moment) == found.event else {
      return "its effect was followed to the guest's next exit, and not on to event \(found.event)"
    }
    return nil
  }

  private func nextExit(after event: EventIndex) -> EventIndex? {
    var cursor = EventCursor(reel, from: event &+ 1)
    while let next = try? cursor.next() {
      if next.kind.isGuestMade { return cursor.index }
    }
    return nil
  }

  private func merged(_ log: Explanation, _ parting: Explanation) -> Explanation {
    var explanation = log
    explanation.evidence += parting.evidence
    explanation.excluded += parting.excluded
    explanation.sites = parting.sites
    return explanation
  }

  /// Each replay differs from the log in the same way: what varies between them is not the cause.
  private func repeatable(_ parting: Explanation) -> Explanation {
    var explanation = parting
    let lead =
      (found.keyframeState.map { Self.clause($0) + "; " } ?? "")
      + "the replay is repeatable here, so what differs is what the recording machine did or what the "
      + "log holds"
    guard parting.certainty == .unknown else {
      explanation.cause = .notFound
      explanation.certainty = .unknown
      explanation.summary = "not found: " + lead
      explanation.evidence.append(
        "two replays part on the way (\(parting.summary)), but differ from the log in the same way, so "
          + "that is not shown to matter")
      explanation.excluded.removeAll { $0.cause == parting.cause }
      return explanation
    }
    explanation.summary = "not found: " + lead
    explanation.evidence.append(Self.withoutVerdict(parting.summary))
    // What CPUID returns is the machine's, and the same in each replay.
    if let site = parting.sites?.first(where: { $0.cause == .identification }) {
      explanation.cause = .identification
      explanation.certainty = .probable
      explanation.summary =
        "\(lead); CPUID at \(site.address) was executed "
        + (site.count == 1 ? "once" : "\(site.count) times") + " just before: probable cause"
    }
    return explanation
  }
}
