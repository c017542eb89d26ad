/// What stands out in accesses to a port.
struct PortTraits: OptionSet, Sendable {
  let rawValue: UInt8
  /// A read of a serial port's line status.
  static var statusPoll: PortTraits { PortTraits(rawValue: 1) }
  /// A read that stands for a rewritten RDTSC.
  static var timestamp: PortTraits { PortTraits(rawValue: 2) }
  /// An access that only passes time.
  static var delay: PortTraits { PortTraits(rawValue: 4) }
  /// An access to no device.
  static var absent: PortTraits { PortTraits(rawValue: 8) }

  init(rawValue: UInt8) { self.rawValue = rawValue }

  init(_ port: UInt64, isWrite: Bool, _ devices: DevicePorts?) {
    self = []
    let name = PortNames.name(of: port, isWrite: isWrite)
    if !isWrite, let name, name.hasPrefix("COM"), name.hasSuffix(" LSR") { insert(.statusPoll) }
    // Another VMM's port of that number is no rewritten RDTSC.
    if name == PortNames.timestampName, devices?.number(ofPort: port) != nil { insert(.timestamp) }
    if name == "POST" || name == "I/O delay" { insert(.delay) }
    if let devices, devices.number(ofPort: port) == nil { insert(.absent) }
  }
}

/// The traits of ports, each found out when it is met: names take long.
struct PortTraitsTable: Sendable {
  private static let unknown: UInt8 = 0xff
  private var traits = [UInt8](repeating: unknown, count: 2 << 16)
  private let devices: DevicePorts?

  /// Knows nothing yet.
  ///
  /// - Parameter devices: those of the board; `nil` when it is not known.
  init(_ devices: DevicePorts?) {
    self.devices = devices
  }

  /// What stands out in an access.
  @inline(__always)
  mutating func traits(of port: UInt64, isWrite: Bool) -> PortTraits {
    // A damaged reel may have any number for a port.
    guard port < 1 << 16 else { return PortTraits(port, isWrite: isWrite, devices) }
    let place = Int(port) << 1 | (isWrite ? 1 : 0)
    if traits[place] == Self.unknown {
      traits[place] = PortTraits(port, isWrite: isWrite, devices).rawValue
    }
    return PortTraits(rawValue: traits[place])
  }
}
