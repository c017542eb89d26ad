internal import Replay
internal import Trace

/// What of a reel a replay was asked to compare.
enum VerdictScope: Equatable {
  case whole
  case range
  case segment(ReplaySegment)
}

/// The verdict of a replay in words.
enum VerdictText {
  static func render(
    _ verdict: ReplayVerdict, path: String, tscPolicy: String, scope: VerdictScope = .whole
  ) -> String {
    switch verdict.outcome {
    case .identical:
      agreement(verdict, scope) + ": \(counts(verdict)), "
        + "\(count(verdict.sealsReexecuted, "sealed segment")) re-executed" + rest(scope)
    case .consistent:
      "consistent\(place(verdict, scope)): \(counts(verdict)); \(verdict.sealsReexecuted) of "
        + count(verdict.sealsReexecuted + verdict.sealsJumped, "sealed segment")
        + " re-executed, "
        + "\(verdict.sealsJumped) jumped; re-executed and checked: "
        + "\(share(verdict.events - verdict.sealsJumped, of: verdict.events)) of events, "
        + guestTime(verdict) + rest(scope)
        + (verdict.reelIsWhole ? "" : "; the reel is not whole")
    case .diverged(let divergence):
      DivergenceText.render(divergence, verdict, path: path, tscPolicy: tscPolicy)
    case .interrupted:
      "interrupted: \(counts(verdict)) compared so far, no difference found"
    }
  }

  /// The verdict on a segment for which the reel has too few keyframes.
  static func empty(_ segment: ReplaySegment, stretchCount: Int) -> String {
    "empty: segment \(segment.number)/\(segment.count) holds no events, since the reel has only "
      + count(UInt64(stretchCount), "stretch", "stretches") + " between keyframes"
  }

  /// "Identical" is a word about the whole recording.
  private static func agreement(_ verdict: ReplayVerdict, _ scope: VerdictScope) -> String {
    guard scope == .whole else { return "agrees" + place(verdict, scope) }
    return verdict.reelIsWhole ? "identical" : "agrees as far as the reel goes"
  }

  private static func place(_ verdict: ReplayVerdict, _ scope: VerdictScope) -> String {
    if scope == .whole { return "" }
    guard verdict.events > 0 else { return " at event \(verdict.lastEvent)" }
    let first = verdict.lastEvent - (verdict.events - 1)
    let events = " in events \(first) to \(verdict.lastEvent)"
    guard case .segment(let segment) = scope else { return events }
    return events + ", segment \(segment.number)/\(segment.count)"
  }

  private static func rest(_ scope: VerdictScope) -> String {
    switch scope {
    case .whole: ""
    case .range: "; the rest of the reel was not compared"
    case .segment: "; the other segments were not compared"
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

  private static func count(_ number: UInt64, _ noun: String, _ plural: String? = nil) -> String {
    "\(number) \(number == 1 ? noun : plural ?? noun + "s")"
  }

  private static func share(_ part: UInt64, of whole: UInt64) -> String {
    guard whole > 0 else { return "100.0%" }
    let tenths = part.multipliedFullWidth(by: 1000)
    let value = whole.dividingFullWidth(tenths).quotient
    return "\(value / 10).\(value % 10)%"
  }
}
