/// The port map.
///
/// | ports | device |
/// |---|---|
/// | 0x20–0x21, 0xa0–0xa1, 0x4d0–0x4d1 | ``PIC8259Pair`` |
/// | 0x40–0x43, 0x61 | ``PIT8254`` |
/// | 0x60, 0x64 | ``I8042``, absent |
/// | 0x70–0x71 | ``CMOSClock`` |
/// | 0x80, 0x92, 0x604, 0xcf8, 0xcf9 | ``SystemControl`` |
/// | 0xe9, 0xf4 | debug console, debug exit |
/// | 0x3f8–0x3ff | ``UART16550`` on IRQ 4 |
///
/// Everything else floats: reads give all ones, writes vanish. Three registers are wider than a
/// byte and answer to their own width: 0xf4 (any), 0x604 (2) and 0xcf8 (4). Every other access is
/// split into bytes at successive ports, lowest first, as the ISA bus does; 0xcf8 answers no byte,
/// or Linux would take the machine for one with PCI configuration mechanism 2.
extension Board {
  private static let debugConsolePort: UInt16 = 0xe9
  private static let debugExitPort: UInt16 = 0xf4
  private static let powerControlPort: UInt16 = 0x604
  private static let pciAddressPort: UInt16 = 0xcf8

  /// Writes one element to a port.
  ///
  /// - Parameters:
  ///   - width: bytes, 1, 2 or 4; other widths are split into bytes, at most 8.
  ///   - value: the data, zero-extended; bits beyond the width are ignored.
  /// - Returns: the effect of the first byte that had one.
  public mutating func writePort(
    _ port: UInt16, width: UInt8, value: UInt64, at now: VirtualTime
  ) -> BoardEffect {
    advanceTimers(to: now)
    defer { updateInterruptLines() }
    switch (port, width) {
    case (Self.debugExitPort, 1...):
      let code = UInt32(truncatingIfNeeded: value & Self.allOnes(width: width))
      return .debugExit(status: code << 1 | 1)
    case (Self.powerControlPort, 2):
      return system.powersOff(byPowerControl: UInt16(truncatingIfNeeded: value)) ? .powerOff : .none
    case (Self.pciAddressPort, 4):
      system.writePCIAddress(UInt32(truncatingIfNeeded: value))
      return .none
    default:
      return writeBytes(port, width: width, value: value)
    }
  }

  /// Reads one element from a port.
  ///
  /// - Parameter width: bytes, 1, 2 or 4; other widths are split into bytes, at most 8.
  /// - Returns: the data, zero-extended.
  public mutating func readPort(_ port: UInt16, width: UInt8, at now: VirtualTime) -> UInt64 {
    advanceTimers(to: now)
    defer { updateInterruptLines() }
    if port == Self.pciAddressPort, width == 4 { return UInt64(system.readPCIAddress()) }
    var value: UInt64 = 0
    for index in 0..<UInt64(min(width, 8)) {
      let byte = readByte(port &+ UInt16(index))
      value |= UInt64(byte) << (8 * index)
    }
    return value
  }

  private mutating func writeBytes(_ port: UInt16, width: UInt8, value: UInt64) -> BoardEffect {
    var first = BoardEffect.none
    for index in 0..<UInt64(min(width, 8)) {
      let byte = UInt8(truncatingIfNeeded: value >> (8 * index))
      let effect = writeByte(port &+ UInt16(index), byte)
      if first == .none { first = effect }
    }
    return first
  }

  private mutating func writeByte(_ port: UInt16, _ value: UInt8) -> BoardEffect {
    switch port {
    case 0x20...0x21, 0xa0...0xa1, 0x4d0...0x4d1:
      interrupts.write(port, value)
    case 0x40...0x43:
      timer.write(port, value)
    case 0x60, 0x64:
      if keyboard.write(port, value) { return .reset }
    case 0x61:
      timer.writeSpeakerPort(value)
    case 0x70:
      clock.writeIndex(value)
    case 0x71:
      clock.writeData(value)
    case 0x80:
      system.writePostCode(value)
    case 0x92:
      if system.writePort92(value) { return .reset }
    case Self.debugConsolePort:
      return .console(.debugConsole, value)
    case Self.debugExitPort:
      return .debugExit(status: UInt32(value) << 1 | 1)
    case 0x3f8...0x3ff:
      return writeSerial(port & 7, value)
    case 0xcf9:
      if system.resets(byControl: value) { return .reset }
    default:
      break
    }
    return .none
  }

  private mutating func readByte(_ port: UInt16) -> UInt8 {
    switch port {
    case 0x20...0x21, 0xa0...0xa1, 0x4d0...0x4d1: return interrupts.read(port)
    case 0x40...0x43: return timer.read(port)
    case 0x60, 0x64: return keyboard.read(port)
    case 0x61: return timer.readSpeakerPort()
    case 0x71: return clock.readData()
    case 0x80: return system.postCode
    case 0x92: return system.readPort92()
    case Self.debugConsolePort: return 0xe9  // how guests tell that the console exists
    case 0x3f8...0x3ff: return serial.read(port & 7)
    default: return 0xff
    }
  }

  private mutating func writeSerial(_ offset: UInt16, _ value: UInt8) -> BoardEffect {
    if serial.isTransmitterHolding(offset) {
      // The line must be seen to fall, or the controller misses the edge of the next interrupt.
      serial.withdrawTransmitterInterrupt()
      interrupts.setLine(InterruptLine.serial, serial.interruptLine)
    }
    guard let sent = serial.write(offset, value) else { return .none }
    return .console(.serial, sent)
  }
}
