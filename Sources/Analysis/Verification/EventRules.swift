internal import Trace

/// What TRACE-FORMAT demands of an event by its kind.
struct EventRules {
  private enum Payload {
    /// None, whatever the count.
    case none
    /// `count` × `width` bytes where the access has more than one element.
    case elements
    /// `count` bytes, unless they lie in an image.
    case data
  }

  private var widths: ClosedRange<UInt8> = 0...0
  private var hasAddress = false
  private var hasValue = false
  private var hasStream = false
  private var payload = Payload.none

  /// What is wrong with an event, as the end of a sentence that begins with it; `nil` when nothing is.
  static func breach(in event: Event) -> String? {
    let kind = event.kind
    guard (1..<80).contains(kind.rawValue) else { return "there is no kind \(kind.rawValue)" }
    if !kind.isGuestMade {
      if event.check != 0 { return "\(kind.name) has no check" }
      if event.flags.contains(.tainted) { return "\(kind.name) cannot be tainted" }
    }
    if event.arithmeticFlags != 0, !kind.isGuestMade || kind == .shutdown {
      return "\(kind.name) has no arithmetic flags"
    }
    if event.arithmeticFlags & ~0x8d5 != 0 { return "bits that are no arithmetic flags are set" }
    if event.device != 0, !kind.isInput { return "\(kind.name) has no device" }
    if event.image != 0, kind != .deviceWrite { return "\(kind.name) has no image" }
    if event.waited != 0, kind != .interrupt { return "\(kind.name) waits for nothing" }
    return EventRules(kind)?.breach(in: event)
  }

  /// The rules of a kind; `nil` for one this version does not know, whose fields nobody can judge.
  private init?(_ kind: EventKind) {
    switch kind {
    case .portWrite:
      (widths, hasAddress, hasValue, hasStream, payload) = (1...4, true, true, true, .elements)
    case .portRead: (widths, hasAddress, payload) = (1...4, true, .elements)
    case .memoryWrite: (widths, hasAddress, hasValue, hasStream) = (1...8, true, true, true)
    case .memoryRead: (widths, hasAddress) = (1...8, true)
    case .msrWrite, .failure: (hasAddress, hasValue) = (true, true)
    case .inputData: (widths, hasValue, payload) = (1...8, true, .elements)
    case .deviceWrite: (hasAddress, hasValue, payload) = (true, true, .data)
    case .msrRead, .systemEvent, .interrupt, .kick, .keyframe, .resync: hasAddress = true
    case .halt, .shutdown, .interruptWindow, .windowRequest: break
    default: return nil
    }
  }

  private func breach(in event: Event) -> String? {
    let name = event.kind.name
    if !widths.contains(event.width) || event.width == 3 && widths.upperBound == 4 {
      return "\(name) has a width of \(event.width)"
    }
    if !hasAddress, event.address != 0 { return "\(name) has no address" }
    if event.value != 0, !hasValue || payload == .elements && event.count > 1 {
      return "\(name)\(hasValue ? " of a string" : "") has no value"
    }
    // Only kinds with a width hold their value in so many bytes.
    if (1..<8).contains(event.width), event.value >> (8 * UInt64(event.width)) != 0 {
      return "\(name) of width \(event.width) has a value that is larger"
    }
    if !hasStream, event.stream != 0 { return "\(name) has no stream" }
    if payload == .none ? event.count != 0 : payload == .elements && event.count == 1 {
      return "\(name) has a count of \(event.count)"
    }
    return event.payloadLength == payloadLength(of: event)
      ? nil : "\(name) has a payload of \(event.payloadLength) bytes"
  }

  private func payloadLength(of event: Event) -> UInt64 {
    switch payload {
    case .none: 0
    case .elements:
      // A read's data are in its answer.
      event.kind == .portRead ? 0 : UInt64(event.count) * UInt64(event.width)
    case .data: event.image == 0 ? UInt64(event.count) : 0
    }
  }
}
