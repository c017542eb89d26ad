public import Analysis

/// Why a replay differs from its recording, as text.
public enum DivergenceExplanationText {
  /// The lines of `replay --explain`.
  public static func lines(_ found: DivergenceExplanation) -> [String] {
    var lines = ExplanationText.lines(found.explanation)
    let hasSides = found.explanation.instruction != nil || found.explanation.state != nil
    if hasSides { lines.insert("  A and B are two further replays of this reel.", at: 2) }
    guard let state = found.keyframeState else { return lines }
    return lines
      + MemoryDifferenceText.lines(
        state, ("recorded", "replayed"),
        heading: "State at event \(found.event), the keyframe's and the replayed guest's:")
  }
}
