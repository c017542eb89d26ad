internal import Machine

/// What a landing has cost so far.
struct LandingEffort {
  /// After so many steps that change no register the guest stands still.
  static let standstillSteps = 64
  /// Kicks that then look for the target.
  static let standstillRuns = 64
  static let standstillNanoseconds: UInt64 = 500_000

  private let bounds: ReplayBounds
  /// How long the guest may run towards a breakpoint: far longer than the recorded one took.
  let runLimitNanoseconds: UInt64
  /// Steps since a register last changed.
  var stepsInPlace = 0
  /// Steps and breakpoint hits so far.
  private(set) var stops: UInt64 = 0
  /// Whether every stop so far comes again in the next replay: no timer took part.
  var isRepeatable = true
  /// The stop at which an earlier replay landed; states before it need no look.
  let knownStop: UInt64?
  private var started: UInt64?
  private(set) var elapsed: UInt64 = 0
  private let limitNanoseconds: UInt64

  init(_ bounds: ReplayBounds, slice: UInt64, spent: UInt64, knownStop: UInt64?) {
    self.bounds = bounds
    self.knownStop = knownStop
    limitNanoseconds = min(
      bounds.landingNanoseconds, bounds.totalLandingNanoseconds.subtractingCapped(spent))
    var limit: UInt64 = 1_000_000_000
    for _ in 0..<16 { limit.add(slice) }
    runLimitNanoseconds = min(limit, bounds.landingNanoseconds)
  }

  var isLeft: Bool { stops < bounds.landingStops && elapsed < limitNanoseconds }

  /// Whether the state is worth a look after the stops made so far.
  var mayHaveArrived: Bool { knownStop.map { stops >= $0 } ?? true }

  /// Counts a step or a hit; false when the guest did anything else instead.
  mutating func count(_ exit: Exit) throws -> Bool {
    if exit.reason == .kick(.request) { throw ReplayStop(outcome: .interrupted) }
    stops += 1
    let start = started ?? exit.entryNanoseconds
    started = start
    elapsed = exit.exitNanoseconds &- start
    if case .debug = exit.reason { return true }
    return false
  }
}

extension UInt64 {
  /// The difference, or 0 where it would be negative.
  fileprivate func subtractingCapped(_ other: UInt64) -> UInt64 { self > other ? self - other : 0 }
}
