public import Trace

/// Which part of a reel a replay re-executes and compares.
public struct ReplayRange: Equatable, Sendable {
  /// The number of the keyframe it starts from; `nil` for the reel's first.
  public var keyframe: UInt64?
  /// The last event that is compared; `nil` for the reel's last.
  public var lastEvent: EventIndex?
  /// Whether the replay goes on to where the last event's instruction ends, so that the whole state
  /// of the guest can be read.
  public var endsBetweenInstructions = false

  /// The whole reel.
  public static let whole = ReplayRange()

  /// Makes a range.
  public init(
    keyframe: UInt64? = nil, lastEvent: EventIndex? = nil, endsBetweenInstructions: Bool = false
  ) {
    self.keyframe = keyframe
    self.lastEvent = lastEvent
    self.endsBetweenInstructions = endsBetweenInstructions
  }
}

extension Reel {
  /// The last keyframe at or before an event, or the first one when there is none.
  ///
  /// - Throws: a ``TraceError`` when the reel has no keyframe, or it is damaged.
  public func keyframe(atOrBefore event: EventIndex) throws(TraceError) -> Keyframe {
    guard let number = lastKeyframe(notAfter: event) ?? keyframeNumbers.first else {
      throw .missing(what: "keyframe, so there is no state to replay from")
    }
    return try keyframe(number)
  }

  /// The index of the first event; `nil` when the reel holds none.
  ///
  /// - Throws: a ``TraceError`` when its first block of events is damaged.
  public func firstEvent() throws(TraceError) -> EventIndex? {
    var cursor = EventCursor(self)
    return try cursor.next() == nil ? nil : cursor.index
  }
}
