internal import Bytes
internal import Trace

/// What the events tell of the running digest at a place between them.
enum DigestKnowledge {
  /// Nothing: an input came after the last exit, or the reel begins in mid-recording.
  case none
  /// Its low 8 bits, from the check of the exit before.
  case low(UInt8)
  /// All of it.
  case whole(UInt64)

  /// At the beginning of a reel.
  init(atFirst event: EventIndex) {
    self = event == 0 ? .whole(RunningDigest.initial.value) : .none
  }

  /// Moves past an event.
  mutating func pass(_ event: Event) {
    if event.kind.isGuestMade {
      self = event.flags.contains(.fullDigest) ? .whole(event.digest) : .low(event.check)
    } else if event.kind.isInput || event.kind == .resync {
      self = .none
    }
  }

  /// Whether a digest may be the one at this place.
  func admits(_ digest: UInt64) -> Bool {
    switch self {
    case .none: true
    case .low(let low): UInt8(truncatingIfNeeded: digest) == low
    case .whole(let whole): digest == whole
    }
  }
}
