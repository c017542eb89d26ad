/// Which device of a board an I/O port belongs to, by short names without blanks.
///
/// The board's own port map is in Machine, which Analysis does without; a test walks all ports of a
/// `Board` and holds this table to what it finds.
public struct DeviceNames: Sendable {
  /// The name for ports where the bus floats: reads give all ones, writes vanish.
  public static let none = "none"

  private let hasTimestampPort: Bool

  /// - Parameters:
  ///   - board: the board's name in the metadata.
  ///   - tsc: the TSC policy in the metadata; under `patch` one port more answers.
  /// - Returns: `nil` for a board this version does not know: nothing can be said of its ports.
  public init?(board: String, tsc: String = "none") {
    guard board == "isa-v1" else { return nil }
    hasTimestampPort = tsc == "patch"
  }

  /// The devices, in the order of their first port; ``none`` is not among them.
  public var names: [String] {
    var names: [String] = []
    for port in UInt64(0)...0xffff {
      let name = name(ofPort: port)
      if name != Self.none, !names.contains(name) { names.append(name) }
    }
    return names
  }

  /// The device at a port, for accesses of any width that begin there.
  public func name(ofPort port: UInt64) -> String {
    switch port {
    case 0x20...0x21, 0x4d0: "PIC1"
    case 0xa0...0xa1, 0x4d1: "PIC2"
    case 0x40...0x43, 0x61: "PIT"
    case 0x60, 0x64: "i8042"
    case 0x70...0x71: "CMOS"
    case 0x80: "POST"
    case 0x92: "port92"
    case PortNames.timestampPort where hasTimestampPort: "TSC"
    case 0xe9: "debug-console"
    case 0xf4: "debug-exit"
    case 0x3f8...0x3ff: "COM1"
    case 0x604: "PM1"
    case 0xcf9: "reset-control"
    case 0xcf8: "PCI"
    default: Self.none
    }
  }

  /// The device at a guest physical address outside RAM: this board has none there.
  public func name(ofAddress address: UInt64) -> String { Self.none }
}
