/// The columns of an event block; a reader skips unknown ones unless their required bit is set.
///
/// A column in which every entry is the default (zero) is left out.
public enum EventColumn: UInt16, CaseIterable, Sendable {
  case kind = 1
  case flags = 2
  case vcpu = 3
  case stream = 4
  case width = 5
  case count = 6
  case address = 7
  case value = 8
  /// RIP minus the RIP of the exit before (0 before the block's first), modulo 2⁶⁴.
  case ripDelta = 9
  case check = 10
  case digest = 11
  /// Entry time minus the exit time of the exit before (the block's first time at first), in ticks.
  case gap = 12
  /// Exit time minus entry time, in ticks.
  case slice = 13
  case payloadLength = 14
  /// The payloads, one after the other.
  case payload = 15
  /// The timestamp minus the one before (0 before the block's first), modulo 2⁶⁴.
  case timestampDelta = 16
  case arithmeticFlags = 17
  case device = 18
  case image = 19
  case waited = 20

  /// Which events have an entry in a column.
  enum Rows: Int {
    case all
    /// Exits, guest-made and host-made.
    case exits
    /// Events with the flag that announces a whole digest.
    case digests
    /// Events with the flag that announces a timestamp.
    case timestamps
    /// None: plain bytes.
    case none
  }

  var rows: Rows {
    switch self {
    case .kind, .flags, .vcpu, .stream, .width, .count, .address, .value, .payloadLength, .device,
      .image, .waited:
      .all
    case .ripDelta, .check, .gap, .slice, .arithmeticFlags: .exits
    case .digest: .digests
    case .timestampDelta: .timestamps
    case .payload: .none
    }
  }

  /// How the column's entries are stored.
  var encoding: ColumnEncoding {
    switch self {
    case .ripDelta: .zigZagRows
    case .gap, .slice, .timestampDelta: .zigZagPlanes
    case .payload: .bytes
    default: .planes
    }
  }

  /// The largest entry the column may hold.
  var limit: UInt64 {
    switch self {
    case .kind, .flags, .stream, .width, .check: 0xff
    case .vcpu, .arithmeticFlags, .device, .image: 0xffff
    case .count: 1 << 24
    case .waited: 0xffff_ffff
    case .payloadLength: UInt64(BlockHeader.maximumRawSize)
    default: .max
    }
  }

  /// Whether a reader that does not know the column must refuse the block.
  var isRequired: Bool {
    switch self {
    case .kind, .flags, .vcpu, .width, .count, .address, .value, .payloadLength, .payload,
      .timestampDelta, .device, .image:
      true
    case .stream, .ripDelta, .check, .digest, .gap, .slice, .arithmeticFlags, .waited: false
    }
  }

  /// The column's name, as the format's text has it.
  public var name: String { "\(self)" }
}
