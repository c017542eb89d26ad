public import Trace

/// Why a replay differs from its recording, as far as it was checked.
public struct DivergenceExplanation: Codable, Equatable, Sendable {
  /// One more replay of the same part of the reel.
  public struct Repetition: Codable, Equatable, Sendable {
    /// The event at which it differs from the log; `nil` when it agrees.
    public var event: EventIndex?
    /// In what, in a clause.
    public var difference: String?
    /// Whether it differs there from the log exactly as the first replay did.
    public var isLikeFirst: Bool

    /// Makes the result of a replay.
    public init(event: EventIndex?, difference: String?, isLikeFirst: Bool) {
      self.event = event
      self.difference = difference
      self.isLikeFirst = isLikeFirst
    }
  }

  /// The event at which the first replay differs from the log.
  public var event: EventIndex
  /// The keyframe from which it was replayed again; `nil` when it was not.
  public var startKeyframe: UInt64?
  /// What the further replays did, in order.
  public var repetitions: [Repetition] = []
  /// The cause; its A and B are two further replays.
  public var explanation: Explanation
  /// Where a keyframe's state differs: in what; A is the keyframe, B a replayed guest.
  public var keyframeState: MemoryDifference?

  /// Makes an explanation.
  public init(event: EventIndex, startKeyframe: UInt64?, explanation: Explanation) {
    self.event = event
    self.startKeyframe = startKeyframe
    self.explanation = explanation
  }

  /// Whether each further replay differs from the log exactly as the first did.
  public var isRepeatable: Bool {
    !repetitions.isEmpty && repetitions.allSatisfy(\.isLikeFirst)
  }

  /// What the further replays did, in one sentence.
  public var repetitionSentence: String {
    let count = repetitions.count
    let times = count == 1 ? "once more" : "\(count) times more"
    let lead = "replayed \(times) from keyframe \(startKeyframe ?? 0): "
    if isRepeatable {
      return lead
        + "\(count == 1 ? "it" : "each time it") differs at event \(event) in the same way"
    }
    let subject = count == 1 ? "it" : "each time it"
    if repetitions.allSatisfy({ $0.event == nil }) {
      return lead + "\(subject) agrees with the log up to event \(event)"
    }
    if repetitions.allSatisfy({ $0.event == event && !$0.isLikeFirst }) {
      return lead + "\(subject) differs at event \(event), but not as it did first"
    }
    let parts = repetitions.map { repetition in
      guard let event = repetition.event else { return "it agrees up to event \(self.event)" }
      return "it differs at event \(event)"
        + (repetition.isLikeFirst
          ? " in the same way" : event == self.event ? " in another way" : "")
    }
    return lead + parts.joined(separator: "; ")
  }
}
