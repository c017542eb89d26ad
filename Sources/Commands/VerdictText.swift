internal import Replay
internal import Trace

/// The verdict of a replay in words.
enum VerdictText {
  static func render(_ verdict: ReplayVerdict, path: String, tscPolicy: String) -> String {
    switch verdict.outcome {
    case .identical:
      // "Identical" is a word about the whole recording.
      (verdict.reelIsWhole ? "identical: " : "agrees as far as the reel goes: ")
        + "\(counts(verdict)), "
        + "\(count(verdict.sealsReexecuted, "sealed segment")) re-executed"
    case .consistent:
      "consistent: \(counts(verdict)); \(verdict.sealsReexecuted) of "
        + count(verdict.sealsReexecuted + verdict.sealsJumped, "sealed segment")
        + " re-executed, "
        + "\(verdict.sealsJumped) jumped; re-executed and checked: "
        + "\(share(verdict.events - verdict.sealsJumped, of: verdict.events)) of events, "
        + guestTime(verdict) + (verdict.reelIsWhole ? "" : "; the reel is not whole")
    case .diverged(let divergence):
      DivergenceText.render(divergence, verdict, path: path, tscPolicy: tscPolicy)
    case .interrupted:
      "interrupted: \(counts(verdict)) compared so far, no difference found"
    }
  }

  private static func guestTime(_ verdict: ReplayVerdict) -> String {
    guard verdict.guestNanoseconds > 0 else { return "how much of guest time is not known" }
    return share(
      verdict.guestNanoseconds - verdict.jumpedNanoseconds, of: verdict.guestNanoseconds)
      + " of recorded guest time"
  }

  private static func counts(_ verdict: ReplayVerdict) -> String {
    count(verdict.events, "event") + ", " + count(verdict.keyframesCompared, "keyframe")
  }

  private static func count(_ number: UInt64, _ noun: String) -> String {
    "\(number) \(noun)\(number == 1 ? "" : "s")"
  }

  private static func share(_ part: UInt64, of whole: UInt64) -> String {
    guard whole > 0 else { return "100.0%" }
    let tenths = part.multipliedFullWidth(by: 1000)
    let value = whole.dividingFullWidth(tenths).quotient
    return "\(value / 10).\(value % 10)%"
  }
}
