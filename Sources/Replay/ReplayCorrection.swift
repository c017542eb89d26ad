public import Trace

/// One event that a replay takes to be another than the log holds, to try whether the rest of the log
/// fits that.
///
/// The checks behind the event decide: each is of the whole history before it, so they fit only when the
/// recorded guest did or got what is tried.
public struct ReplayCorrection: Equatable, Sendable {
  /// What is taken to be another.
  public enum Change: Equatable, Sendable {
    /// The exit is the one the replayed guest makes, if it is of the same kind; the check that stands
    /// beside it must fit.
    case exitAsReplayed
    /// The check beside the exit is not compared.
    case checkIgnored
    /// The keyframe's digest, registers and pages are not compared.
    case keyframeIgnored
    /// The input has this value.
    case input(UInt64)
  }

  /// The event.
  public var index: EventIndex
  /// What is taken to be another.
  public var change: Change

  /// Makes a correction.
  public init(_ change: Change, at index: EventIndex) {
    self.change = change
    self.index = index
  }
}

extension Replayer {
  /// Whether the current event is the one to be taken for another in this way.
  func isCorrected(_ change: ReplayCorrection.Change) -> Bool {
    correction?.index == current.index && correction?.change == change
  }

  /// The exit that the log is taken to hold where the guest makes `live`.
  func corrected(_ event: Event, as live: Event) -> Event {
    guard isCorrected(.exitAsReplayed), event.kind == live.kind else { return event }
    var event = event
    (event.address, event.value, event.rip) = (live.address, live.value, live.rip)
    (event.width, event.count, event.arithmeticFlags) =
      (live.width, live.count, live.arithmeticFlags)
    return event
  }

  /// The input that the log is taken to hold.
  func corrected(_ event: Event) -> Event {
    guard let correction, correction.index == current.index,
      case .input(let value) = correction.change
    else { return event }
    var event = event
    event.value = value
    return event
  }
}
