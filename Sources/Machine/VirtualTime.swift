/// An instant of the guest's own clock, in nanoseconds since the recording began.
///
/// Only the run loop makes these; a device is told `now` and never asks a clock.
public struct VirtualTime: Hashable, Comparable, Sendable {
  /// Nanoseconds since the start of the recording.
  public var nanoseconds: UInt64

  /// The start of every recording.
  public static let zero = VirtualTime(nanoseconds: 0)

  /// Makes an instant from nanoseconds since the start.
  public init(nanoseconds: UInt64) {
    self.nanoseconds = nanoseconds
  }

  /// The earlier of two instants is the smaller.
  public static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

  /// An instant later by nanoseconds; stays at the last representable instant on overflow.
  public func advanced(byNanoseconds delta: UInt64) -> VirtualTime {
    let (sum, overflow) = nanoseconds.addingReportingOverflow(delta)
    return VirtualTime(nanoseconds: overflow ? .max : sum)
  }
}
