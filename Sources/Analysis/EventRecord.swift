public import Trace

/// One event with its index and payload, self-contained and Codable.
public struct EventRecord: Equatable, Sendable {
  /// Payload bytes a record keeps: as many as a recorder puts into one event.
  public static let maximumPayload = 256 << 10

  /// The event's index in its reel.
  public var index: EventIndex
  /// The event; its `payloadOffset` is always 0.
  public var event: Event
  /// The payload bytes, at most ``maximumPayload`` of them; the event's `payloadLength` says how
  /// many there were.
  public var payload: [UInt8]

  /// Makes a record.
  public init(index: EventIndex, event: Event, payload: some Sequence<UInt8> = []) {
    self.index = index
    self.event = event
    self.event.payloadOffset = 0
    self.payload = Array(payload.prefix(Self.maximumPayload))
  }
}

extension EventRecord: Codable {
  private enum Key: String, CodingKey {
    case index, kind, kindNumber, flags, vcpu, stream, width, count, address, value, rip, timestamp,
      device, image, waited
    case payload, payloadLength
    case check, digest
    case entryTime = "entryNanoseconds"
    case exitTime = "exitNanoseconds"
  }

  /// Reads the Codable form.
  ///
  /// - Throws: `DecodingError` when a field is missing or malformed.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Key.self)
    let text = try fields.decode(String.self, forKey: .payload)
    guard let payload = HexBytes.bytes(of: text) else {
      throw DecodingError.dataCorruptedError(
        forKey: .payload, in: fields, debugDescription: "the payload is not hex digits in pairs")
    }
    var event = Event(EventKind(rawValue: try fields.decode(UInt8.self, forKey: .kindNumber)))
    event.flags = EventFlags(rawValue: try fields.decode(UInt8.self, forKey: .flags))
    event.vcpu = try fields.decode(UInt16.self, forKey: .vcpu)
    event.stream = try fields.decode(UInt8.self, forKey: .stream)
    event.width = try fields.decode(UInt8.self, forKey: .width)
    event.count = try fields.decode(UInt32.self, forKey: .count)
    event.address = try fields.decode(HexWord.self, forKey: .address).value
    event.value = try fields.decode(HexWord.self, forKey: .value).value
    event.timestamp = try fields.decodeIfPresent(HexWord.self, forKey: .timestamp)?.value ?? 0
    event.device = try fields.decodeIfPresent(UInt16.self, forKey: .device) ?? 0
    event.image = try fields.decodeIfPresent(UInt16.self, forKey: .image) ?? 0
    event.waited = try fields.decodeIfPresent(UInt32.self, forKey: .waited) ?? 0
    event.rip = try fields.decode(HexWord.self, forKey: .rip).value
    event.check = UInt8(
      truncatingIfNeeded: try fields.decode(HexWord.self, forKey: .check).value)
    event.digest = try fields.decodeIfPresent(HexWord.self, forKey: .digest)?.value ?? 0
    event.entryTime = try fields.decode(UInt64.self, forKey: .entryTime)
    event.exitTime = try fields.decode(UInt64.self, forKey: .exitTime)
    event.payloadLength = try fields.decode(UInt32.self, forKey: .payloadLength)
    self.init(
      index: try fields.decode(UInt64.self, forKey: .index), event: event, payload: payload)
  }

  /// Writes 64-bit fields as hex strings, times as integers in nanoseconds, the payload as hex.
  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: Key.self)
    try fields.encode(index, forKey: .index)
    try fields.encode(event.kind.name, forKey: .kind)
    try fields.encode(event.kind.rawValue, forKey: .kindNumber)
    try fields.encode(event.flags.rawValue, forKey: .flags)
    try fields.encode(event.vcpu, forKey: .vcpu)
    try fields.encode(event.stream, forKey: .stream)
    try fields.encode(event.width, forKey: .width)
    try fields.encode(event.count, forKey: .count)
    try fields.encode(HexWord(event.address), forKey: .address)
    try fields.encode(HexWord(event.value), forKey: .value)
    try fields.encode(event.payloadLength, forKey: .payloadLength)
    try fields.encode(HexBytes.text(of: payload), forKey: .payload)
    if event.timestamp != 0 { try fields.encode(HexWord(event.timestamp), forKey: .timestamp) }
    if event.device != 0 { try fields.encode(event.device, forKey: .device) }
    if event.image != 0 { try fields.encode(event.image, forKey: .image) }
    if event.waited != 0 { try fields.encode(event.waited, forKey: .waited) }
    try fields.encode(HexWord(event.rip), forKey: .rip)
    try fields.encode(HexWord(UInt64(event.check)), forKey: .check)
    if event.flags.contains(.fullDigest) {
      try fields.encode(HexWord(event.digest), forKey: .digest)
    }
    try fields.encode(event.entryTime, forKey: .entryTime)
    try fields.encode(event.exitTime, forKey: .exitTime)
  }
}
