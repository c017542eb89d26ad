/// The device of each I/O port as a small number, so that exits are told apart by it quickly.
public struct DevicePorts: Sendable {
  private let numbers: [UInt8]
  private let names: [String]

  /// Takes a board's devices; ``DeviceNames/none`` has no number.
  init(_ devices: DeviceNames) {
    var names: [String] = []
    var numbers = [UInt8](repeating: .max, count: 1 << 16)
    for port in numbers.indices {
      let name = devices.name(ofPort: UInt64(port))
      guard name != DeviceNames.none else { continue }
      let number = names.firstIndex(of: name) ?? names.count
      if number == names.count { names.append(name) }
      numbers[port] = UInt8(clamping: number)
    }
    self.names = names
    self.numbers = numbers
  }

  /// The number of a port's device; `nil` where the bus floats.
  @inline(__always)
  func number(ofPort port: UInt64) -> Int? {
    guard port < 1 << 16, numbers[Int(port)] != .max else { return nil }
    return Int(numbers[Int(port)])
  }

  /// Whether the board has a device of that name.
  func has(_ name: String) -> Bool { names.contains(name) }

  /// The name of a port's device; ``DeviceNames/none`` where the bus floats.
  func name(ofPort port: UInt64) -> String { number(ofPort: port).map(name) ?? DeviceNames.none }

  /// A device's name.
  func name(_ number: Int) -> String { names.indices.contains(number) ? names[number] : "-" }
}
