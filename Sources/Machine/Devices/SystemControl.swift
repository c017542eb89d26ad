internal import Bytes

/// The latches of a PC chipset that belong to no chip: POST code, fast reset, PCI address, power.
///
/// Threats: plain latches of fixed width; nothing written here selects anything.
package struct SystemControl: Equatable, Sendable {
  /// The last byte written to port 0x80.
  private(set) var postCode: UInt8 = 0
  private var fastResetBit: UInt8 = 0
  private var pciAddress: UInt32 = 0

  /// Makes the latches at reset.
  package init() {}

  /// Remembers a POST code.
  package mutating func writePostCode(_ value: UInt8) { postCode = value }

  /// Reads port 0x92: bit 1, A20, is always on.
  package func readPort92() -> UInt8 { 0x02 | fastResetBit }

  /// Writes port 0x92.
  ///
  /// - Returns: whether bit 0 rose, which resets the processor (PS/2 System Control Port A).
  package mutating func writePort92(_ value: UInt8) -> Bool {
    let rises = value & 1 != 0 && fastResetBit == 0
    fastResetBit = value & 1
    return rises
  }

  /// Reads CONFIG_ADDRESS; only full doublewords do, and other accesses are those of ordinary ports
  /// (PCI 3.0 §3.2.2.3.2).
  package func readPCIAddress() -> UInt32 { pciAddress }

  /// Writes CONFIG_ADDRESS; only full doublewords reach it (PCI 3.0 §3.2.2.3.2).
  package mutating func writePCIAddress(_ value: UInt32) { pciAddress = value }

  /// Whether a byte written to port 0xcf9 resets the machine: bit 2, RCPU (PIIX3, Reset Control).
  package func resets(byControl value: UInt8) -> Bool { value & 0x04 != 0 }

  /// Whether a word written to PM1a_CNT powers the machine off.
  ///
  /// SLP_EN is bit 13 and SLP_TYP bits 12–10. Type 0 is soft-off on QEMU's machines, type 5 on
  /// Bochs and older QEMU; both are common in guests that know no ACPI tables.
  package func powersOff(byPowerControl value: UInt16) -> Bool {
    let sleepType = (value >> 10) & 7
    return value & 0x2000 != 0 && (sleepType == 0 || sleepType == 5)
  }
}

extension SystemControl: BoardDevice {
  static let stateKind: UInt16 = 5
  static let stateVersion: UInt16 = 1

  /// Appends the POST code (1), port 0x92 bit 0 (1) and CONFIG_ADDRESS (4).
  func encode(into writer: inout ByteWriter) {
    writer.append(bytes: [postCode, fastResetBit])
    writer.append(pciAddress)
  }

  mutating func decode(from reader: inout ByteReader) throws(BoardFieldError) {
    postCode = try reader.boardField()
    fastResetBit = try reader.boardField(allowedBits: 0x01)
    pciAddress = try reader.boardField()
  }
}
