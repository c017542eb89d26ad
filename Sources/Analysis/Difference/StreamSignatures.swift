internal import Trace

/// The events of a stream as numbers that are equal when the events are.
///
/// What the host places (interrupts and the like) stands apart, so that their timing does not
/// disturb how the guest's own events are aligned.
struct StreamSignatures {
  /// What the host placed.
  struct Placed {
    /// Equal when kind, place and data are.
    var signature: UInt64
    /// Equal when kind and place are.
    var outline: UInt64
    var index: EventIndex
    /// The guest's events before it.
    var position: Int
  }

  /// The guest's events: kind, place and data.
  private(set) var signatures: [UInt64] = []
  /// The guest's events: kind and place.
  private(set) var outlines: [UInt64] = []
  /// Their RIPs.
  private(set) var rips: [UInt64] = []
  /// The low bits of their digests.
  private(set) var checks: [UInt8] = []
  /// Their indexes in the reel.
  private(set) var indexes: [EventIndex] = []
  private(set) var placed: [Placed] = []
  private(set) var isCut = false
  /// The index behind the last event.
  private(set) var end: EventIndex

  /// Reads what is left of a stream, its current event first.
  init(_ stream: ComparedStream, _ mask: DifferenceMask) throws(TraceError) {
    var stream = stream
    end = stream.index
    while let event = stream.event {
      guard signatures.count + placed.count < StreamHunks.maximumEvents else {
        isCut = true
        break
      }
      let hidden = mask.hidden(at: stream.place)
      var hash = SignatureHash()
      hash.addOutline(of: event, at: stream.place, hidden)
      let outline = hash.value
      hash.addData(of: event, event.payloadLength == 0 ? [] : stream.payload, hidden)
      if event.kind.isPlacedByHost {
        placed.append(
          Placed(
            signature: hash.value, outline: outline, index: stream.index,
            position: signatures.count))
      } else {
        signatures.append(hash.value)
        outlines.append(outline)
        rips.append(hidden.contains(.rip) ? 0 : event.rip)
        checks.append(hidden.contains(.check) ? 0 : event.check)
        indexes.append(stream.index)
      }
      end = stream.index &+ 1
      try stream.advance()
    }
  }

  /// The index of one of the guest's events, or behind the last.
  func index(at position: Int) -> EventIndex {
    position < indexes.count ? indexes[position] : end
  }
}

/// A hash of an event's fields.
private struct SignatureHash {
  private(set) var value: UInt64 = 0x9e37_79b9_7f4a_7c15

  private mutating func add(_ field: UInt64) {
    value = (value ^ field) &* 0xd6e8_feb8_6659_fd93
    value ^= value >> 32
  }

  private mutating func add(_ field: EventField, _ number: UInt64, _ hidden: Set<EventField>) {
    guard hidden.isEmpty || !hidden.contains(field) else { return }
    add(number)
  }

  /// - Parameter place: tells answers to reads apart by what was read.
  mutating func addOutline(
    of event: Event, at place: EventPlace, _ hidden: Set<EventField>
  ) {
    add(.kind, UInt64(event.kind.rawValue), hidden)
    add(.vcpu, UInt64(event.vcpu), hidden)
    add(.address, event.kind == .inputData ? place.address : event.address, hidden)
  }

  mutating func addData(
    of event: Event, _ payload: ArraySlice<UInt8>, _ hidden: Set<EventField>
  ) {
    add(.width, UInt64(event.width), hidden)
    add(.count, UInt64(event.elementCount), hidden)
    add(.value, event.value, hidden)
    add(.device, UInt64(event.device), hidden)
    add(.image, UInt64(event.image), hidden)
    for byte in payload { add(.payload, UInt64(byte) | 0x100, hidden) }
  }
}
