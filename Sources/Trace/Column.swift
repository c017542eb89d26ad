internal import Bytes

/// The columns of an event block; a reader skips unknown ones unless their required bit is set.
///
/// Every column is dense: one entry for each event of the block, whatever its kind, so that a
/// reader that does not know a kind still finds all fields. A column in which every entry is the
/// default (zero) is left out.
enum Column: UInt16, CaseIterable {
  case kind = 1
  case flags = 2
  case vcpu = 3
  case stream = 4
  case width = 5
  case count = 6
  case address = 7
  case value = 8
  /// RIP minus the RIP of the event before (0 before the first), modulo 2⁶⁴.
  case ripDelta = 9
  case check = 10
  /// The whole digest; an entry only for events with the `fullDigest` flag.
  case digest = 11
  /// Entry time minus the exit time of the event before (the block's first time at first).
  case gap = 12
  /// Exit time minus entry time.
  case slice = 13
  case payloadLength = 14
  /// The payloads, one after the other.
  case payload = 15
  /// The timestamp minus that of the event before (0 before the first), modulo 2⁶⁴.
  case timestampDelta = 16
  case arithmeticFlags = 17

  /// How the column's entries are stored.
  var encoding: ColumnEncoding {
    switch self {
    case .kind, .flags, .stream, .width: .byte
    case .vcpu, .count, .address, .value, .payloadLength, .arithmeticFlags: .varint
    case .ripDelta, .gap, .slice, .timestampDelta: .zigZagVarint
    case .check: .fixed16
    case .digest: .fixed64
    case .payload: .bytes
    }
  }

  /// Whether a reader that does not know the column must refuse the block.
  var isRequired: Bool {
    switch self {
    case .kind, .flags, .vcpu, .width, .count, .address, .value, .payloadLength, .payload,
      .timestampDelta:
      true
    case .stream, .ripDelta, .check, .digest, .gap, .slice, .arithmeticFlags: false
    }
  }
}

/// How a column's entries are stored.
enum ColumnEncoding: UInt8 {
  case byte = 0
  case varint = 1
  case zigZagVarint = 2
  case fixed16 = 3
  case fixed64 = 4
  case bytes = 5
}

/// One entry of the column directory: id u16, encoding u8, flags u8 (bit 0 required), length u32.
struct ColumnEntry {
  static let byteCount = 8
  var id: UInt16
  var encoding: UInt8
  var isRequired: Bool
  var byteLength: Int

  /// A block's column directory.
  static func readDirectory(
    _ reader: inout ByteReader, at offset: UInt64
  ) throws -> [ColumnEntry] {
    let count: UInt16 = try reader.read()
    var entries: [ColumnEntry] = []
    var previous: UInt16 = 0
    for _ in 0..<count {
      let id: UInt16 = try reader.read()
      // Ascending, so that no column comes twice (empty ones would cost a pass each) and flags
      // are known before the digests they announce.
      guard id > previous else {
        throw TraceError.malformed(offset: offset, what: "column order", nil)
      }
      previous = id
      let encoding: UInt8 = try reader.read()
      let flags: UInt8 = try reader.read()
      let length: UInt32 = try reader.read()
      entries.append(
        ColumnEntry(
          id: id, encoding: encoding, isRequired: flags & 1 != 0, byteLength: Int(length)))
    }
    return entries
  }
}
