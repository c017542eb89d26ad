internal import Machine

/// How one attempt at a landing goes about it.
///
/// Nothing here can make a landing wrong: what counts as landed is compared in full.
struct LandingPlan {
  /// The part of the recorded slice, in sixteenths, that the guest runs before any stop.
  var headStartSixteenths: UInt64
  /// Whether the guest runs on between stops where an ``ArrivalPrediction`` allows it.
  var predicts: Bool
  /// Whether the guest is let out of a ``FutileLoop``.
  var leavesLoops: Bool
  var stops: UInt64

  /// The plans for one landing, the cheapest first.
  ///
  /// Most targets are a few hundred stops away. Where the same instruction is executed over and
  /// over the time the recorded guest took says roughly where the target is; a guest that has run
  /// too far is taken back to the last keyframe.
  static let all = [
    LandingPlan(headStartSixteenths: 0, predicts: true, leavesLoops: true, stops: 65_536),
    LandingPlan(headStartSixteenths: 8, predicts: true, leavesLoops: false, stops: 131_072),
    LandingPlan(headStartSixteenths: 4, predicts: true, leavesLoops: false, stops: 262_144),
    LandingPlan(headStartSixteenths: 0, predicts: false, leavesLoops: false, stops: .max),
  ]
}

/// What an attempt at a landing has cost so far.
struct LandingEffort {
  /// After so many steps that change no register the guest stands still.
  static let standstillSteps = 64
  /// Kicks that then look for the target.
  static let standstillRuns = 64
  static let standstillNanoseconds: UInt64 = 500_000
  /// A head start shorter than this is not worth a timer.
  static let shortestHeadStartNanoseconds: UInt64 = 100_000

  let plan: LandingPlan
  private let landingStops: UInt64
  /// How long the guest may run towards a breakpoint: far longer than the recorded one took.
  let runLimitNanoseconds: UInt64
  /// How long the guest runs before it is stopped for the first time; `nil`: not at all.
  let headStartNanoseconds: UInt64?
  /// Steps since a register last changed.
  var stepsInPlace = 0
  /// Steps and breakpoint hits so far.
  private(set) var stops: UInt64 = 0
  /// Runs ended by a timer so far.
  var timedRuns = 0
  /// Loops that the guest was let out of.
  var loopsLeft = 0
  /// States of which more than the registers was looked at.
  var candidates = 0
  /// Whether every stop so far comes again in the next replay: no timer took part.
  var isRepeatable = true
  /// The exit that the guest made instead of arriving.
  var missedAt: ExitReason?
  /// The stop at which an earlier replay landed; states before it need no look.
  let knownStop: UInt64?
  private var started: UInt64?
  private(set) var elapsed: UInt64 = 0
  private let limitNanoseconds: UInt64

  /// - Parameters:
  ///   - slice: the host nanoseconds the recorded guest took.
  ///   - spentHere: those spent on earlier attempts at this landing.
  ///   - spent: those spent on all landings.
  init(
    _ bounds: ReplayBounds, plan: LandingPlan, slice: UInt64, spentHere: UInt64, spent: UInt64,
    knownStop: UInt64?
  ) {
    self.plan = plan
    self.knownStop = knownStop
    landingStops = knownStop == nil ? min(bounds.landingStops, plan.stops) : bounds.landingStops
    limitNanoseconds = min(
      bounds.landingNanoseconds.subtractingCapped(spentHere),
      bounds.totalLandingNanoseconds.subtractingCapped(spent))
    var limit: UInt64 = 1_000_000_000
    for _ in 0..<16 { limit.add(slice) }
    runLimitNanoseconds = min(limit, bounds.landingNanoseconds)
    let headStart = min(slice / 16 * plan.headStartSixteenths, limitNanoseconds)
    headStartNanoseconds =
      knownStop == nil && headStart >= Self.shortestHeadStartNanoseconds ? headStart : nil
  }

  var isLeft: Bool { stops < landingStops && elapsed < limitNanoseconds }

  /// Whether another attempt may succeed where this one did not: its stops were used up, the guest
  /// was let run on where the target may have been, or an earlier replay's stop was believed.
  var mayDoBetter: Bool {
    elapsed < limitNanoseconds
      && (stops >= landingStops || timedRuns > 0 || loopsLeft > 0 || knownStop != nil)
  }

  /// Whether the state is worth a look after the stops made so far.
  var mayHaveArrived: Bool { knownStop.map { stops >= $0 } ?? true }

  /// Counts a step or a hit; false when the guest did anything else instead.
  mutating func count(_ exit: Exit) throws -> Bool {
    stops += 1
    try spend(exit)
    if case .debug = exit.reason { return true }
    missedAt = exit.reason
    return false
  }

  /// Counts a run that a timer was to end; false when the guest made an exit instead.
  mutating func countRun(_ exit: Exit) throws -> Bool {
    timedRuns += 1
    isRepeatable = false
    try spend(exit)
    if exit.reason == .kick(.sliceLimit) { return true }
    missedAt = exit.reason
    return false
  }

  private mutating func spend(_ exit: Exit) throws {
    if exit.reason == .kick(.request) { throw ReplayStop(outcome: .interrupted) }
    let start = started ?? exit.entryNanoseconds
    started = start
    elapsed = exit.exitNanoseconds &- start
  }
}

extension UInt64 {
  /// The difference, or 0 where it would be negative.
  fileprivate func subtractingCapped(_ other: UInt64) -> UInt64 { self > other ? self - other : 0 }
}
