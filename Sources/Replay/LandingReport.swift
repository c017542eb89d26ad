public import Machine
public import Trace

/// How replay got to the end of one sealed segment, for its observer.
public struct LandingReport: Sendable {
  /// The kick that ended the segment.
  public var index: EventIndex
  /// RIP where it stopped the guest.
  public var instructionPointer: UInt64
  /// Whether it stopped it at CPL 3.
  public var isUserMode: Bool
  /// Whether the guest was re-executed to exactly the recorded state; otherwise the keyframe is
  /// installed, or the landing is tried again.
  public var isExact: Bool
  /// Whether it is tried again, in another way, from the last keyframe.
  public var isRetried: Bool
  /// Breakpoint hits and steps.
  public var stops: UInt64
  /// Runs without a breakpoint, ended by a timer.
  public var timedRuns: Int
  /// Loops without the target that the guest was let out of.
  public var loopsLeft: Int
  /// States whose general registers agreed.
  public var candidates: Int
  /// Host nanoseconds it took.
  public var nanoseconds: UInt64
  /// The exit that the guest made instead of arriving there.
  public var missedAt: ExitReason?
}
