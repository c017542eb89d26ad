public import Trace

/// What a recovery could not save, in words.
public enum RecoveryText {
  /// What the new reel holds: `268 events, 2 keyframes, 1.20s of the recording`.
  public static func gains(_ recovery: ReelRecovery) -> String {
    let end = recovery.end
    return NumberText.count(end.eventCount, "event") + ", "
      + NumberText.count(end.keyframeCount, "keyframe") + ", "
      + NumberText.duration(end.durationNanoseconds) + " of the recording"
  }

  /// One sentence each, without a full stop; only what is known is said.
  public static func losses(_ recovery: ReelRecovery) -> [String] {
    let loss = recovery.loss
    if recovery.isEndOriginal {
      let repaired = recovery.repairedHeaders
      return [
        "nothing of the recording; the index is made anew"
          + (repaired > 0 ? ", and \(NumberText.count(UInt64(repaired), "block header"))" : "")
      ]
    }
    var sentences = [bytes(loss) + " behind the last good block"]
    if loss.byteCount == 0 { sentences = ["the end record"] }
    if let error = loss.error { sentences[0] += ": \(error.description)" }
    if loss.keyframes > 0 {
      sentences.append(
        NumberText.count(loss.keyframes, "keyframe") + " whose events are not there")
    }
    sentences.append(events(loss))
    return sentences
  }

  private static func bytes(_ loss: ReelRecovery.Loss) -> String {
    NumberText.count(loss.byteCount, "byte")
  }

  private static func events(_ loss: ReelRecovery.Loss) -> String {
    guard loss.knownEvents > 0 else {
      return "an unknown number of events, and an unknown time"
    }
    let time =
      loss.knownNanoseconds > 0
      ? "at least \(NumberText.duration(loss.knownNanoseconds))" : "an unknown time"
    return "at least \(NumberText.count(loss.knownEvents, "event")), \(time)"
  }
}
