public import Machine

/// Where interrupts may be injected.
public enum Placement: String, Sendable, CaseIterable {
  /// Only at guest-made exits: the reel replays on every kind of KVM.
  case exit
  /// Also at kicks, each sealed by a keyframe.
  case seal
}

/// Where the guest's clock comes from.
public enum ClockPolicy: String, Sendable, CaseIterable {
  /// Fixed start, a fixed cost per guest-made exit, a jump to the next deadline at HLT, one
  /// quantum per kick.
  case warp
  /// The host's monotonic time, sampled at exits.
  case real
}

/// The rules a recording follows; stored in the reel.
public struct RecordingPolicy: Equatable, Sendable {
  /// Where interrupts may be injected.
  public var placement = Placement.seal
  /// Where the guest's clock comes from.
  public var clock = ClockPolicy.warp
  /// What the guest's RDTSC reads.
  public var tsc = TSCPolicy.none
  /// Whether the host opens interrupt windows at an exact instruction.
  public var interruptWindowIsExact = false
  /// Host nanoseconds after which a slice is kicked.
  public var quantumNanoseconds: UInt64 = 5_000_000
  /// Virtual nanoseconds each guest-made exit costs under `warp`.
  public var exitCostNanoseconds: UInt64 = 5_000
  /// Whether anything is recorded; without, the guest merely runs, for comparison.
  public var isRecording = true
  /// Whether every exit stores the whole digest.
  public var storesFullDigest = false
  /// Guest-made exits after which a periodic keyframe is taken; 0 for none.
  public var keyframeExitInterval: UInt64 = 65_536
  /// Host nanoseconds after which a periodic keyframe is taken at the next guest-made exit.
  public var keyframeIntervalNanoseconds: UInt64?
  /// Pages the guest may change before a periodic keyframe is taken at the next look at them.
  public var keyframeDirtyPages: Int?
  /// Stop after this many host nanoseconds.
  public var timeLimitNanoseconds: UInt64?
  /// Stop after this many guest-made exits.
  public var exitLimit: UInt64?
  /// Stop when the console has printed this.
  public var untilConsole: [UInt8] = []

  /// The defaults.
  public init() {}
}
