internal import Bytes

/// A National Semiconductor PC16550D serial port with something always connected.
///
/// Transmission is instantaneous: the transmitter is empty whenever it is looked at. The line is
/// ideal, so parity and framing errors and breaks do not happen; overrun does. A received byte
/// below the FIFO's trigger level raises the character-timeout interrupt at once, as if the four
/// character times had passed. Unless in loopback, CTS, DSR and DCD are asserted and RI is not.
/// The interrupt line is gated by OUT2, as on PC boards; loopback forces that pin inactive.
///
/// Threats: the FIFO is bounded (compare CVE-2017-5525 and its like: unbounded or host-backed
/// queues); when full, bytes are dropped and LSR says so. DMA mode bits are accepted and ignored.
package struct UART16550: Equatable, Sendable {
  /// Bytes the receive FIFO holds.
  package static let fifoCapacity = 16

  /// The registers as software names them (data sheet, Table II: UART Register Addresses).
  enum Register: Sendable {
    case receiverBuffer
    case transmitterHolding
    case interruptEnable
    case interruptIdentification
    case fifoControl
    case lineControl
    case modemControl
    case lineStatus
    case modemStatus
    case scratch
    case divisorLow
    case divisorHigh
  }

  private enum InterruptEnable {
    static let receivedData: UInt8 = 0x01
    static let transmitterEmpty: UInt8 = 0x02
    static let lineStatus: UInt8 = 0x04
    static let modemStatus: UInt8 = 0x08
  }

  private enum ModemControl {
    static let dataTerminalReady: UInt8 = 0x01
    static let requestToSend: UInt8 = 0x02
    static let out1: UInt8 = 0x04
    static let out2: UInt8 = 0x08
    static let loopback: UInt8 = 0x10
  }

  private enum LineStatus {
    static let dataReady: UInt8 = 0x01
    static let overrun: UInt8 = 0x02
    static let transmitterEmpty: UInt8 = 0x60
  }

  /// Interrupt identification codes, highest priority first (data sheet, Table IV).
  private enum Identification {
    static let receiverLineStatus: UInt8 = 0x06
    static let receivedData: UInt8 = 0x04
    static let characterTimeout: UInt8 = 0x0c
    static let transmitterEmpty: UInt8 = 0x02
    static let modemStatus: UInt8 = 0x00
    static let none: UInt8 = 0x01
  }

  private var interruptEnable: UInt8 = 0
  /// FCR bits 7–6 (trigger level), 3 (DMA mode) and 0 (enable), as written.
  private var fifoControl: UInt8 = 0
  private var lineControl: UInt8 = 0
  private var modemControl: UInt8 = 0
  private var scratch: UInt8 = 0
  private var divisor: UInt16 = 0
  private var hasOverrun = false
  /// MSR bits 3–0: what changed since it was read.
  private var modemDelta: UInt8 = 0
  /// Whether the transmitter-empty interrupt has not been answered yet.
  private var owesTransmitterInterrupt = false
  private var fifo = FixedArray<16, UInt8>(repeating: 0)
  private var fifoHead: UInt8 = 0
  private var fifoCount: UInt8 = 0

  /// Status reads since THR was last written or RBR last read, at most 2.
  private var statusPolls: UInt8 = 0

  /// Makes a port in the state after master reset (data sheet, Table III).
  package init() {}

  // MARK: Receiving

  /// Whether a byte delivered now would reach the guest: there is room and no loopback.
  package var canReceive: Bool { !isInLoopback && fifoCount < receiveCapacity }

  /// Whether a received byte raises an interrupt.
  package var isReceiveInterruptEnabled: Bool {
    interruptEnable & InterruptEnable.receivedData != 0 && isInterruptGateOpen
  }

  /// Whether the guest waits for a byte: by interrupt, or by reading LSR again and again.
  ///
  /// A driver that only transmits reads LSR once for each byte. Input held back until the guest
  /// listens is not lost to the FIFO reset that drivers begin with.
  package var isListening: Bool { isReceiveInterruptEnabled || statusPolls >= 2 }

  /// Takes a byte from the line.
  ///
  /// Without room it is an overrun; in loopback the line is cut off.
  package mutating func receive(_ byte: UInt8) {
    if !isInLoopback { enqueue(byte) }
  }

  private mutating func enqueue(_ byte: UInt8) {
    if fifoCount < receiveCapacity {
      fifo[Int((fifoHead &+ fifoCount) & 15)] = byte
      fifoCount += 1
    } else {
      hasOverrun = true
      // Without FIFO the newcomer destroys the unread byte; with it, the newcomer is lost.
      if !isFIFOEnabled { fifo[Int(fifoHead)] = byte }
    }
  }

  private mutating func dequeue() -> UInt8 {
    guard fifoCount > 0 else { return 0 }
    let byte = fifo[Int(fifoHead)]
    fifoHead = (fifoHead + 1) & 15
    fifoCount -= 1
    return byte
  }

  // MARK: Interrupts

  /// The interrupt output as the interrupt controller sees it.
  package var interruptLine: Bool {
    isInterruptGateOpen && identification != Identification.none
  }

  /// The highest-priority pending interrupt.
  private var identification: UInt8 {
    if interruptEnable & InterruptEnable.lineStatus != 0, hasOverrun {
      return Identification.receiverLineStatus
    }
    if interruptEnable & InterruptEnable.receivedData != 0, fifoCount > 0 {
      return fifoCount >= triggerLevel
        ? Identification.receivedData : Identification.characterTimeout
    }
    if interruptEnable & InterruptEnable.transmitterEmpty != 0, owesTransmitterInterrupt {
      return Identification.transmitterEmpty
    }
    if interruptEnable & InterruptEnable.modemStatus != 0, modemDelta != 0 {
      return Identification.modemStatus
    }
    return Identification.none
  }

  /// Writing THR withdraws the transmitter-empty interrupt until the byte has left.
  ///
  /// The board calls this before ``write(_:_:)`` so that the interrupt line falls and rises again
  /// and an edge-triggered controller sees the second interrupt.
  package mutating func withdrawTransmitterInterrupt() { owesTransmitterInterrupt = false }

  // MARK: Registers

  /// Whether a write to this offset is a write to THR.
  package func isTransmitterHolding(_ offset: UInt16) -> Bool {
    register(at: offset, isWrite: true) == .transmitterHolding
  }

  /// Reads the register at an offset (0–7).
  package mutating func read(_ offset: UInt16) -> UInt8 {
    switch register(at: offset, isWrite: false) {
    case .receiverBuffer:
      statusPolls = 0
      return dequeue()
    case .interruptEnable: return interruptEnable
    case .interruptIdentification: return readInterruptIdentification()
    case .lineControl: return lineControl
    case .modemControl: return modemControl
    case .lineStatus:
      statusPolls = min(statusPolls + 1, 2)
      return readLineStatus()
    case .modemStatus: return readModemStatus()
    case .scratch: return scratch
    case .divisorLow: return UInt8(truncatingIfNeeded: divisor)
    case .divisorHigh: return UInt8(truncatingIfNeeded: divisor >> 8)
    case .transmitterHolding, .fifoControl: return 0xff  // write-only; never decoded for a read
    }
  }

  /// Writes the register at an offset (0–7).
  ///
  /// - Returns: the byte that left on the line, if one did.
  package mutating func write(_ offset: UInt16, _ value: UInt8) -> UInt8? {
    switch register(at: offset, isWrite: true) {
    case .transmitterHolding:
      statusPolls = 0
      return transmit(value)
    case .interruptEnable: writeInterruptEnable(value)
    case .fifoControl: writeFIFOControl(value)
    case .lineControl: lineControl = value
    case .modemControl: writeModemControl(value)
    case .scratch: scratch = value
    case .divisorLow: divisor = divisor & 0xff00 | UInt16(value)
    case .divisorHigh: divisor = divisor & 0x00ff | UInt16(value) << 8
    case .lineStatus, .modemStatus: break  // "intended for read operations only"
    case .receiverBuffer, .interruptIdentification: break  // read-only; never decoded for a write
    }
    return nil
  }

  /// Decodes an offset, the divisor latch access bit and the direction to a register.
  private func register(at offset: UInt16, isWrite: Bool) -> Register {
    let isDivisorLatchOpen = lineControl & 0x80 != 0
    switch offset & 7 {
    case 0 where isDivisorLatchOpen: return .divisorLow
    case 1 where isDivisorLatchOpen: return .divisorHigh
    case 0: return isWrite ? .transmitterHolding : .receiverBuffer
    case 1: return .interruptEnable
    case 2: return isWrite ? .fifoControl : .interruptIdentification
    case 3: return .lineControl
    case 4: return .modemControl
    case 5: return .lineStatus
    case 6: return .modemStatus
    default: return .scratch
    }
  }

  /// Reading IIR answers the transmitter-empty interrupt if that is what it names.
  private mutating func readInterruptIdentification() -> UInt8 {
    let code = identification
    if code == Identification.transmitterEmpty { owesTransmitterInterrupt = false }
    return code | (isFIFOEnabled ? 0xc0 : 0)
  }

  private mutating func readLineStatus() -> UInt8 {
    defer { hasOverrun = false }
    return LineStatus.transmitterEmpty
      | (fifoCount > 0 ? LineStatus.dataReady : 0) | (hasOverrun ? LineStatus.overrun : 0)
  }

  private mutating func readModemStatus() -> UInt8 {
    defer { modemDelta = 0 }
    return modemInputs | modemDelta
  }

  private mutating func transmit(_ byte: UInt8) -> UInt8? {
    owesTransmitterInterrupt = true
    guard isInLoopback else { return byte }
    enqueue(byte)
    return nil
  }

  private mutating func writeInterruptEnable(_ value: UInt8) {
    let enabled = value & ~interruptEnable
    interruptEnable = value & 0x0f
    // The transmitter is always empty, so enabling its interrupt raises it at once.
    if enabled & InterruptEnable.transmitterEmpty != 0 { owesTransmitterInterrupt = true }
  }

  private mutating func writeFIFOControl(_ value: UInt8) {
    let changesMode = (value ^ fifoControl) & 1 != 0
    // "Bit 0 must be a 1 when other FCR bits are written to or they will not be programmed."
    let isEnabled = value & 1 != 0
    fifoControl = isEnabled ? value & 0xc9 : 0
    if changesMode || (isEnabled && value & 0x02 != 0) {
      fifoHead = 0
      fifoCount = 0
    }
  }

  private mutating func writeModemControl(_ value: UInt8) {
    let before = modemInputs
    modemControl = value & 0x1f
    let after = modemInputs
    let changed = before ^ after
    modemDelta |= (changed >> 4) & 0x0b  // CTS, DSR, DCD: any change
    modemDelta |= (before & ~after) >> 4 & 0x04  // RI: trailing edge only
  }

  /// MSR bits 7–4: DCD, RI, DSR, CTS; in loopback the four modem control outputs.
  private var modemInputs: UInt8 {
    guard isInLoopback else { return 0xb0 }
    return (modemControl & ModemControl.requestToSend != 0 ? 0x10 : 0)
      | (modemControl & ModemControl.dataTerminalReady != 0 ? 0x20 : 0)
      | (modemControl & ModemControl.out1 != 0 ? 0x40 : 0)
      | (modemControl & ModemControl.out2 != 0 ? 0x80 : 0)
  }

  private var isInLoopback: Bool { modemControl & ModemControl.loopback != 0 }

  private var isInterruptGateOpen: Bool {
    modemControl & ModemControl.out2 != 0 && !isInLoopback
  }

  private var isFIFOEnabled: Bool { fifoControl & 1 != 0 }

  private var receiveCapacity: UInt8 { isFIFOEnabled ? UInt8(Self.fifoCapacity) : 1 }

  /// The bytes that raise the received-data interrupt: FCR bits 7–6.
  private var triggerLevel: UInt8 {
    guard isFIFOEnabled else { return 1 }
    switch fifoControl >> 6 {
    case 0: return 1
    case 1: return 4
    case 2: return 8
    default: return 14
    }
  }
}

extension UART16550: BoardDevice {
  static let stateKind: UInt16 = 4
  static let stateVersion: UInt16 = 1

  /// Appends IER, FCR, LCR, MCR, scratch, divisor (2), overrun, MSR deltas, transmitter interrupt
  /// owed, FIFO head, FIFO count, the 16 FIFO slots, status polls; one byte each unless said
  /// otherwise.
  func encode(into writer: inout ByteWriter) {
    writer.append(bytes: [interruptEnable, fifoControl, lineControl, modemControl, scratch])
    writer.append(divisor)
    writer.append(flag: hasOverrun)
    writer.append(modemDelta)
    writer.append(flag: owesTransmitterInterrupt)
    writer.append(bytes: [fifoHead, fifoCount])
    for index in 0..<Self.fifoCapacity { writer.append(fifo[index]) }
    writer.append(statusPolls)
  }

  mutating func decode(from reader: inout ByteReader) throws(BoardFieldError) {
    interruptEnable = try reader.boardField(allowedBits: 0x0f)
    fifoControl = try reader.boardField(allowedBits: 0xc9)
    lineControl = try reader.boardField()
    modemControl = try reader.boardField(allowedBits: 0x1f)
    scratch = try reader.boardField()
    divisor = try reader.boardField()
    hasOverrun = try reader.boardFlag()
    modemDelta = try reader.boardField(allowedBits: 0x0f)
    owesTransmitterInterrupt = try reader.boardFlag()
    fifoHead = try reader.boardField(in: 0...15)
    fifoCount = try reader.boardField(in: 0...receiveCapacity)
    for index in 0..<Self.fifoCapacity { fifo[index] = try reader.boardField() }
    statusPolls = try reader.boardField(in: 0...2)
  }
}
