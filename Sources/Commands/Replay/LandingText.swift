internal import Replay
internal import Trace

/// One landing in words.
enum LandingText {
  static func render(_ landing: LandingReport) -> String {
    let place =
      (landing.isUserMode ? "user mode" : "kernel") + " rip=0x"
      + String(landing.instructionPointer, radix: 16)
    let outcome = landing.isExact ? "exact" : landing.isRetried ? "tried again" : "jumped"
    var text =
      "landing at event \(landing.index): \(outcome), \(place), \(landing.stops) stops, "
      + "\(landing.timedRuns) timed runs, \(landing.loopsLeft) loops left, \(landing.candidates) states with its registers, "
      + "\(landing.nanoseconds / 1_000_000) ms"
    if let exit = landing.missedAt { text += "; missed at \(exit)" }
    return text
  }
}
