internal import Replay
internal import Trace

/// The verdict of a replay in words.
enum VerdictText {
  static func render(_ verdict: ReplayVerdict, path: String) -> String {
    switch verdict.outcome {
    case .identical:
      "identical: \(counts(verdict)), \(verdict.sealsReexecuted) sealed segments re-executed"
        + ending(verdict)
    case .consistent:
      "consistent: \(counts(verdict)); \(verdict.sealsReexecuted) of "
        + "\(verdict.sealsReexecuted + verdict.sealsJumped) sealed segments re-executed, "
        + "\(verdict.sealsJumped) jumped; re-executed and checked: "
        + "\(share(verdict.events - verdict.sealsJumped, of: verdict.events)) of events, "
        + share(
          verdict.guestNanoseconds - verdict.jumpedNanoseconds, of: verdict.guestNanoseconds)
        + " of recorded guest time" + ending(verdict)
    case .diverged(let divergence):
      DivergenceText.render(divergence, verdict, path: path)
    case .interrupted:
      "interrupted: \(counts(verdict)) compared so far, all identical"
    }
  }

  private static func counts(_ verdict: ReplayVerdict) -> String {
    "\(verdict.events) events, \(verdict.keyframesCompared) keyframes"
  }

  private static func ending(_ verdict: ReplayVerdict) -> String {
    if !verdict.reelIsWhole { return "; the reel is partial: compared as far as it goes" }
    return ""
  }

  private static func share(_ part: UInt64, of whole: UInt64) -> String {
    guard whole > 0 else { return "100.0%" }
    let tenths = part.multipliedFullWidth(by: 1000)
    let value = whole.dividingFullWidth(tenths).quotient
    return "\(value / 10).\(value % 10)%"
  }
}
