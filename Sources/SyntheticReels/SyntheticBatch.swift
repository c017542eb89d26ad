public import Trace

/// A run of a synthetic reel, made before it is recorded so that making it can be left out of a
/// measurement.
public struct SyntheticBatch {
  /// The events, in order; an event's payload offset points into ``payload``.
  public internal(set) var events: [Event] = []
  /// The payloads of the events.
  public internal(set) var payload: [UInt8] = []
  /// The index of the first event.
  public internal(set) var firstEvent: EventIndex = 0
  /// Exits the kernel saw among the events.
  public internal(set) var kernelExits: [KernelExitRecord] = []
  /// The host's counters before the first event or after the last one.
  public internal(set) var totals: [HostTotals] = []
  /// The keyframe that the last event marks.
  public internal(set) var capture: KeyframeCapture?

  /// Makes an empty batch; its memory is reused from one filling to the next.
  public init() {
    events.reserveCapacity(SyntheticReel.batchCapacity)
  }

  /// Records the events alone: what a recorder does on the vCPU's thread at each exit.
  public func appendEvents(to sink: some TraceSink) {
    unsafe payload.withUnsafeBytes { bytes in
      for event in events {
        guard event.payloadLength > 0 else {
          sink.append(event)
          continue
        }
        let start = Int(event.payloadOffset)
        unsafe sink.append(
          event,
          payload: UnsafeRawBufferPointer(
            rebasing: bytes[start..<start + Int(event.payloadLength)]))
      }
    }
  }

  /// Records what hangs on the events: kernel exits, the keyframe, the counters.
  public func appendRest(to sink: some TraceSink) {
    for exit in kernelExits { sink.append(exit) }
    if let capture { sink.append(capture) }
    for totals in totals { sink.append(totals) }
  }

  /// Records all of it.
  public func append(to sink: some TraceSink) {
    appendEvents(to: sink)
    appendRest(to: sink)
  }

  mutating func removeAll() {
    events.removeAll(keepingCapacity: true)
    payload.removeAll(keepingCapacity: true)
    kernelExits.removeAll(keepingCapacity: true)
    totals.removeAll(keepingCapacity: true)
    capture = nil
  }
}
