public import Machine
public import Trace

/// What a replay tells while it runs.
public protocol ReplayObserver: AnyObject {
  /// A byte the replayed guest printed.
  func consoleOutput(_ stream: ConsoleStream, _ byte: UInt8)
  /// How far the replay is; called at each exit, must be cheap.
  func progress(_ index: EventIndex)
  /// A search for the end of a sealed segment has ended.
  func landed(_ landing: LandingReport)
}

/// Why a replay could not run.
public enum ReplayError: Error, Sendable {
  /// The reel cannot be read.
  case trace(TraceError)
  /// The processor refused an operation.
  case processor(ProcessorError)
  /// The reel needs something this machine has not: one sentence.
  case unsupported(String)
}

/// How much effort a replay spends where it could go on for ever.
public struct ReplayBounds: Equatable, Sendable {
  /// Host nanoseconds without an exit before replay gives up on the guest; the recorded slice
  /// counts on top, sixteenfold.
  public var noExitNanoseconds: UInt64 = 10_000_000_000
  /// Single steps and breakpoint hits spent on landing in one sealed segment.
  public var landingStops: UInt64 = 400_000
  /// Host nanoseconds spent on landing in one sealed segment.
  public var landingNanoseconds: UInt64 = 20_000_000_000
  /// Host nanoseconds spent on landing in all sealed segments together; what is left over then is
  /// jumped.
  public var totalLandingNanoseconds: UInt64 = 600_000_000_000
  /// Differences a verdict lists when the replay goes on after them; all are counted.
  public var listedResyncs = 100
  /// Events of context in a divergence.
  public var contextEvents = 6

  /// The defaults.
  public init() {}
}
