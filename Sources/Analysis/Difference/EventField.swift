internal import Trace

/// A field of an event that `diff` compares.
public enum EventField: String, Codable, Sendable, CaseIterable {
  /// What happened.
  case kind
  /// The vCPU.
  case vcpu
  /// Bytes per element.
  case width
  /// Elements.
  case count
  /// Port, address, MSR or vector.
  case address
  /// The data of a single element.
  case value
  /// What RDTSC reads after it, or read.
  case timestamp
  /// The device an input came from.
  case device
  /// The disk image its data lie in.
  case image
  /// The data of several elements.
  case payload
  /// The instruction pointer.
  case rip
  /// The digest of the history, registers included.
  case check

  /// The fields in which two events differ, the bytes of payloads aside.
  static func differences(_ a: Event, _ b: Event) -> [EventField] {
    var fields: [EventField] = []
    if a.kind != b.kind { fields.append(.kind) }
    if a.vcpu != b.vcpu { fields.append(.vcpu) }
    if a.width != b.width { fields.append(.width) }
    if a.elementCount != b.elementCount { fields.append(.count) }
    if a.address != b.address { fields.append(.address) }
    if a.value != b.value { fields.append(.value) }
    if a.timestamp != b.timestamp { fields.append(.timestamp) }
    if a.device != b.device { fields.append(.device) }
    if a.image != b.image { fields.append(.image) }
    if a.payloadLength != b.payloadLength { fields.append(.payload) }
    if a.rip != b.rip { fields.append(.rip) }
    if hasDifferentDigests(a, b) { fields.append(.check) }
    return fields
  }

  /// The fields in which two records differ.
  static func differences(_ a: EventRecord, _ b: EventRecord) -> [EventField] {
    let fields = differences(a.event, b.event)
    return a.payload == b.payload || fields.contains(.payload) ? fields : fields + [.payload]
  }

  /// Whole digests are compared where both events have them, else the 8 bits.
  private static func hasDifferentDigests(_ a: Event, _ b: Event) -> Bool {
    if a.check != b.check { return true }
    guard a.flags.contains(.fullDigest), b.flags.contains(.fullDigest) else { return false }
    return a.digest != b.digest
  }
}
