internal import Analysis
internal import Machine
internal import Replay
internal import Trace

/// Replays of the stretch up to a divergence: as the log has it, and with one event of it taken for
/// another, to try whether the log's own checks fit that.
struct LogTrials {
  /// Checks that must fit, in bits, before a cause is called certain: 8 at most exits, 64 at
  /// some and at each keyframe.
  ///
  /// Some thousand values are tried, so that 40 bits fit by chance once in 10^8 searches.
  static let certainBits = 40
  /// And before it is called probable, if none behind them fails.
  private static let probableBits = 24
  /// Events behind the divergence that a trial goes on to.
  private static let followingEvents: UInt64 = 4096
  /// How long the guest may go without an exit when an event was taken for another.
  private static let exitLimitNanoseconds: UInt64 = 500_000_000
  /// How long values of inputs are tried.
  private static let searchLimit = Swift.Duration.seconds(20)

  let opened: OpenedReel
  let start: Keyframe
  let divergence: Divergence
  let bounds: ReplayBounds
  let activity: ActivityLine

  /// What was found out about the log.
  struct Finding {
    var explanation: Explanation?
    var evidence: [String] = []
  }

  /// How far a trial came.
  private struct Fit {
    /// Bits of checks and digests that fit at the divergence and behind it.
    var bits: Int
    /// The exits they stand at.
    var exits: Int
    /// The last event that agrees.
    var end: EventIndex
    /// Whether nothing differs up to the trial's end.
    var isWhole: Bool

    /// Whether it is too much for chance.
    var tells: Bool { bits >= certainBits || isWhole && bits >= probableBits }
  }

  /// Replays from the keyframe up to an event.
  ///
  /// - Throws: ``CommandFailure`` when KVM fails, ``ExitStatus`` when it was interrupted.
  func replay(to last: EventIndex, _ correction: ReplayCorrection? = nil) throws -> ReplayVerdict {
    var bounds = bounds
    if correction != nil {
      bounds.noExitNanoseconds = min(bounds.noExitNanoseconds, Self.exitLimitNanoseconds)
    }
    let isBase = opened.reel.keyframeNumbers.first == start.number
    let session = try ReplaySession(
      opened, range: ReplayRange(keyframe: isBase ? nil : start.number, lastEvent: last),
      correction: correction, printsConsole: false, printsWarnings: false, bounds: bounds,
      knownLandings: [:], activity: activity)
    let verdict = try session.run()
    if case .interrupted = verdict.outcome { throw ExitStatus.signal(session.stopSignal ?? 2) }
    return verdict
  }

  /// Tries whether the log itself is at fault: at the divergence, then in the inputs before it.
  func judge() throws -> Finding {
    var finding = Finding()
    activity.tell("trying the log's checks")
    if let change = changeAtDivergence {
      let fit = try self.fit(ReplayCorrection(change, at: divergence.index))
      note(fit, of: change, in: &finding)
    }
    if case .fields(let names) = divergence.difference, !names.contains(where: isChecked) {
      finding.evidence.append(
        "no check in the log is of \(names.joined(separator: " and ")) at this exit, so they do not "
          + "tell whether the log is at fault")
    }
    if finding.explanation == nil { try tryInputs(&finding) }
    return finding
  }

  // MARK: The event at which it diverges

  private var changeAtDivergence: ReplayCorrection.Change? {
    switch divergence.difference {
    case .fields(let names)
    where !names.contains("kind") && divergence.recordedPayload.isEmpty
      && divergence.replayedPayload.isEmpty && names.contains(where: isChecked):
      .exitAsReplayed
    case .registers where divergence.recorded.kind == .keyframe: .keyframeIgnored
    case .registers: .checkIgnored
    case .state: .keyframeIgnored
    default: nil
    }
  }

  /// Whether the checks are also of a field of the exit at which it diverges.
  private func isChecked(_ field: String) -> Bool {
    switch field {
    case "arithmetic flags": false
    case "rip": divergence.recorded.kind != .portWrite
    default: true
    }
  }

  private func note(_ fit: Fit, of change: ReplayCorrection.Change, in finding: inout Finding) {
    let index = divergence.index
    let fitting = "the checks of \(fit.exits) exits up to event \(fit.end) fit"
    if change == .keyframeIgnored {
      finding.evidence.append(
        fit.exits > 0
          ? "going on without the keyframe, the replayed guest makes the \(fit.exits) exits behind it, "
            + "up to event \(fit.end), as the log has them, their checks included"
          : "no exit behind the keyframe tells whether the recorded guest was in its state")
      return
    }
    guard fit.tells else {
      finding.evidence.append(
        "with \(change == .checkIgnored ? "the digest" : "the exit") as replayed at event \(index), "
          + (fit.exits == 0
            ? "the log's next check does not fit" : fitting + ", which is too few to tell"))
      return
    }
    var explanation = Explanation(
      .log, fit.bits >= Self.certainBits ? .certain : .probable,
      summary: change == .checkIgnored
        ? "the digest that the log holds at event \(index) is not that of its own events"
        : "the log does not hold event \(index) as it was recorded")
    explanation.evidence = [
      (change == .checkIgnored
        ? "with the check at event \(index) left out, "
        : "with the exit as replayed in the place of event \(index), ")
        + fitting + "; each is of all exits and inputs before it"
    ]
    finding.explanation = explanation
  }

  // MARK: Inputs

  /// Tries other values of the inputs since the last exit that agreed.
  private func tryInputs(_ finding: inout Finding) throws {
    let clock = ContinuousClock()
    let deadline = clock.now.advanced(by: Self.searchLimit)
    let inputs = divergence.suspects.filter {
      $0.event.kind == .inputData && $0.event.payloadLength == 0 && $0.event.width > 0
    }
    for input in inputs.suffix(4) {
      var (tried, undecided) = (0, 0)
      activity.tell("trying other values of input event \(input.index)")
      for value in Self.otherValues(than: input.event) {
        guard clock.now < deadline else { break }
        tried += 1
        let fit = try self.fit(ReplayCorrection(.input(value), at: input.index))
        guard fit.tells else {
          if fit.isWhole { undecided += 1 }
          continue
        }
        finding.explanation = explanation(of: input, value, fit)
        return
      }
      let place = "input event \(input.index)"
      if undecided > 0 {
        finding.evidence.append(
          "with \(undecided) of \(tried) other values of \(place) the few checks left in the log fit, "
            + "which is too few to tell")
      } else if input.event.width == 1, tried == 255 {
        // No exclusion: more of the log may be altered than this one value.
        finding.evidence.append(
          "with none of the 255 other values of \(place) do the log's checks fit")
      } else {
        finding.evidence.append(
          "\(tried) other values of \(place) were tried (one byte of it changed), and the log's checks "
            + "fit none of them")
      }
    }
  }

  /// Values that differ from an input's in one byte, those that differ in fewest bits first.
  static func otherValues(than event: Event) -> [UInt64] {
    let values = (0..<min(UInt64(event.width), 8)).flatMap { byte in
      (UInt64(1)...255).map { event.value ^ ($0 << (8 * byte)) }
    }
    return values.sorted {
      (($0 ^ event.value).nonzeroBitCount, $0) < (($1 ^ event.value).nonzeroBitCount, $1)
    }
  }

  private func explanation(of input: IndexedEvent, _ value: UInt64, _ fit: Fit) -> Explanation {
    var place = ""
    if let read = divergence.context.last(where: {
      $0.index < input.index && $0.event.kind.expectsInput
    }) {
      place = " (the answer to \(read.event.kind.name) \(HexWord(read.event.address)))"
    }
    let recorded = HexWord(input.event.value)
    var explanation = Explanation(
      .deviceValue, fit.bits >= Self.certainBits ? .certain : .probable,
      summary:
        "the log does not hold input event \(input.index)\(place) as it was recorded: it says "
        + "\(recorded), and \(HexWord(value)) fits")
    explanation.evidence = [
      "with \(HexWord(value)) as input event \(input.index) the replay agrees at event "
        + "\(divergence.index), and the checks of \(fit.exits) exits up to event \(fit.end) fit; each "
        + "is of all exits and inputs before it"
    ]
    return explanation
  }

  // MARK: Trials

  /// Replays with one event taken for another, as far as the log agrees.
  private func fit(_ correction: ReplayCorrection) throws -> Fit {
    let verdict = try replay(to: try trialEnd(), correction)
    var (end, isWhole) = (verdict.lastEvent, true)
    if case .diverged(let other) = verdict.outcome {
      (end, isWhole) = (max(other.index, 1) - 1, false)
    }
    var fit = Fit(bits: 0, exits: 0, end: end, isWhole: isWhole)
    // A check that is left out, or a keyframe's, tells nothing.
    let isLeftOut = [.checkIgnored, .keyframeIgnored].contains(correction.change)
    let first = divergence.index &+ (isLeftOut ? 1 : 0)
    guard end >= first else { return fit }
    try opened.reading { reel in
      var cursor = EventCursor(reel, from: first)
      while let event = try cursor.next(), cursor.index <= end {
        if event.kind == .keyframe { fit.bits += 64 }
        guard event.kind.isGuestMade else { continue }
        fit.exits += 1
        fit.bits += event.flags.contains(.fullDigest) ? 64 : 8
      }
    }
    return fit
  }

  /// The last event of a trial: the host's next kick ends it, since the place of a kick is searched for.
  private func trialEnd() throws -> EventIndex {
    try opened.reading { reel in
      var end = divergence.index
      var cursor = EventCursor(reel, from: divergence.index)
      while let event = try cursor.next(), cursor.index - divergence.index <= Self.followingEvents {
        if event.kind == .kick { break }
        end = cursor.index
      }
      return end
    }
  }
}
