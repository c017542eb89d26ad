internal import Bytes

/// The two cascaded 8259As of a PC: IRQ 0–7 on the master, 8–15 on the slave at the master's IR2.
///
/// The slave's INT output is wired to the master's IR2, which follows it without an edge latch, so
/// a slave request is neither lost nor left behind when the slave withdraws it.
///
/// Threats: none beyond those of ``PIC8259``; an IRQ number is masked to 0–15.
package struct PIC8259Pair: Equatable, Sendable {
  private static let cascadeLevel: UInt8 = 2

  /// The ports the pair answers (PIIX3 data sheet, Interrupt Controller Registers).
  enum Register: UInt16 {
    case masterCommand = 0x20
    case masterData = 0x21
    case slaveCommand = 0xa0
    case slaveData = 0xa1
    case masterTriggerControl = 0x4d0
    case slaveTriggerControl = 0x4d1
  }

  // IRQ 0, 1, 2, 8 and 13 are always edge-triggered (PIIX3, ELCR1 and ELCR2).
  private(set) var master = PIC8259(
    vectorBase: 0x08, triggerControlMask: 0xf8, wiredLevels: 1 << cascadeLevel)
  private(set) var slave = PIC8259(vectorBase: 0x70, triggerControlMask: 0xde)

  /// Makes the pair as PC firmware leaves it: vectors 0x08 and 0x70, everything masked.
  package init() {}

  /// The INTR line to the processor.
  package var isInterruptPending: Bool { master.isRequesting }

  /// Drives one of IRQ 0–15; IRQ 2 is the cascade and ignored.
  package mutating func setLine(_ irq: UInt8, _ isHigh: Bool) {
    switch irq & 15 {
    case Self.cascadeLevel:
      return
    case 0...7:
      master.setLine(irq & 15, isHigh)
    default:
      slave.setLine(irq & 7, isHigh)
      updateCascade()
    }
  }

  /// Serves the processor's acknowledge cycle.
  ///
  /// - Returns: the vector; IRQ 7's or IRQ 15's when no request is left (a spurious interrupt).
  package mutating func acknowledge() -> UInt8 {
    let (level, isGenuine) = master.acknowledge()
    guard isGenuine, level == Self.cascadeLevel else { return master.vector(of: level) }
    let slaveLevel = slave.acknowledge().level
    updateCascade()
    return slave.vector(of: slaveLevel)
  }

  /// Whether a rising edge on an IRQ would raise INTR, given masks and priorities now.
  package func wouldInterrupt(onEdgeOf irq: UInt8) -> Bool {
    var trial = self
    trial.setLine(irq, false)
    trial.setLine(irq, true)
    return trial.isInterruptPending
  }

  /// Whether an IRQ is masked, on its own chip or at the cascade.
  package func isMasked(_ irq: UInt8) -> Bool {
    let bit: UInt8 = 1 << (irq & 7)
    if irq & 15 < 8 { return master.mask & bit != 0 }
    return slave.mask & bit != 0 || master.mask & (1 << Self.cascadeLevel) != 0
  }

  /// Reads a port of the pair; all ones from a port that is not one.
  package mutating func read(_ port: UInt16) -> UInt8 {
    guard let register = Register(rawValue: port) else { return 0xff }
    defer { updateCascade() }  // a poll acknowledges
    switch register {
    case .masterCommand: return master.readCommand()
    case .masterData: return master.readData()
    case .slaveCommand: return slave.readCommand()
    case .slaveData: return slave.readData()
    case .masterTriggerControl: return master.readTriggerControl()
    case .slaveTriggerControl: return slave.readTriggerControl()
    }
  }

  /// Writes a port of the pair.
  package mutating func write(_ port: UInt16, _ value: UInt8) {
    guard let register = Register(rawValue: port) else { return }
    switch register {
    case .masterCommand: master.writeCommand(value)
    case .masterData: master.writeData(value)
    case .slaveCommand: slave.writeCommand(value)
    case .slaveData: slave.writeData(value)
    case .masterTriggerControl: master.writeTriggerControl(value)
    case .slaveTriggerControl: slave.writeTriggerControl(value)
    }
    updateCascade()
  }

  private mutating func updateCascade() {
    master.setLine(Self.cascadeLevel, slave.isRequesting)
  }
}

extension PIC8259Pair: BoardDevice {
  static let stateKind: UInt16 = 1
  static let stateVersion: UInt16 = 1

  /// Appends the master's state, then the slave's.
  func encode(into writer: inout ByteWriter) {
    master.encode(into: &writer)
    slave.encode(into: &writer)
  }

  mutating func decode(from reader: inout ByteReader) throws(BoardFieldError) {
    try master.decode(from: &reader)
    try slave.decode(from: &reader)
  }
}
