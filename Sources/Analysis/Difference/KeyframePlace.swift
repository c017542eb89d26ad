public import Trace

/// The keyframe before an event: where a replay to the event begins, and what the guest's clock said
/// there.
public struct KeyframePlace: Codable, Equatable, Sendable {
  /// The keyframe's number.
  public var number: UInt64
  /// The event that marks it.
  public var event: EventIndex
  /// The guest's virtual time at it, in nanoseconds.
  public var virtualTimeNanoseconds: UInt64

  /// Finds the last keyframe up to an event; `nil` when there is none or it cannot be read.
  init?(before index: EventIndex, in reel: Reel) {
    let numbers = reel.keyframeNumbers
    var (low, high) = (0, numbers.count)
    var found: Keyframe?
    while low < high {
      let middle = (low + high) / 2
      guard let keyframe = try? reel.keyframe(numbers[middle]) else { return nil }
      if keyframe.eventIndex <= index {
        found = keyframe
        low = middle + 1
      } else {
        high = middle
      }
    }
    guard let found else { return nil }
    number = found.number
    event = found.eventIndex
    virtualTimeNanoseconds = found.virtualTime
  }
}
