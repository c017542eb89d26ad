import Machine
import Testing

/// Checks against the National PC16550D data sheet; offsets are the register addresses.
@Suite struct UART16550Tests {
  private var port = UART16550()

  /// Opens the OUT2 gate and enables interrupts, as every PC driver does.
  private mutating func open(interrupts: UInt8, fifo: UInt8 = 0) {
    _ = port.write(4, 0x0b)
    _ = port.write(2, fifo)
    _ = port.write(1, interrupts)
  }

  @Test mutating func resetStateIsTable3() {
    #expect((1...5).map { port.read($0) } == [0, 0x01, 0, 0, 0x60])
    #expect(port.read(6) == 0xb0, "CTS, DSR and DCD asserted, no change")
    #expect(!port.interruptLine)
  }

  @Test mutating func transmitsAtOnceAndStaysEmpty() {
    #expect(port.write(0, 0x41) == 0x41)
    #expect(port.read(5) == 0x60)
  }

  @Test mutating func divisorLatchHidesBehindDLAB() {
    _ = port.write(3, 0x83)
    #expect(port.write(0, 0x0c) == nil, "not a transmission")
    _ = port.write(1, 0x34)
    #expect(port.read(0) == 0x0c)
    #expect(port.read(1) == 0x34)
    _ = port.write(3, 0x03)
    #expect(port.read(1) == 0, "IER is another register")
    #expect(port.read(3) == 0x03)
    _ = port.write(7, 0x5a)
    #expect(port.read(7) == 0x5a)
  }

  @Test mutating func enablingTheTransmitterInterruptRaisesItAtOnce() {
    open(interrupts: 0x02)
    #expect(port.interruptLine)
    #expect(port.read(2) == 0x02)
    #expect(!port.interruptLine, "reading IIR as the source clears it")
    #expect(port.read(2) == 0x01)
    _ = port.write(1, 0x02)
    #expect(!port.interruptLine, "1 to 1 is no transition")
    _ = port.write(1, 0x00)
    _ = port.write(1, 0x02)
    #expect(port.interruptLine)
    port.withdrawTransmitterInterrupt()
    #expect(!port.interruptLine)
    #expect(port.write(0, 0x42) == 0x42)
    #expect(port.interruptLine, "the byte is gone: THR is empty again")
  }

  @Test mutating func readingIIRKeepsTheTransmitterInterruptBehindAnother() {
    open(interrupts: 0x03)
    port.receive(0x31)
    #expect(port.read(2) == 0x04)
    #expect(port.read(0) == 0x31)
    #expect(port.read(2) == 0x02)
  }

  @Test mutating func interruptsComeInPriorityOrder() {
    // Table IV: line status, received data, transmitter empty, modem status.
    open(interrupts: 0x0f)
    _ = port.write(4, 0x10)  // loopback with all outputs off
    _ = port.write(4, 0x08)  // and out of it: the modem inputs change
    port.receive(1)
    port.receive(2)
    #expect(port.read(2) == 0x06)
    #expect(port.read(5) == 0x63, "data ready, overrun")
    #expect(port.read(5) == 0x61, "reading LSR clears the error")
    #expect(port.read(2) == 0x04)
    #expect(port.read(0) == 2, "without FIFO the newcomer destroys the old byte")
    #expect(port.read(2) == 0x02)
    #expect(port.read(2) == 0x00)
    #expect(port.read(6) & 0x0f != 0)
    #expect(port.read(2) == 0x01)
    #expect(!port.interruptLine)
  }

  @Test mutating func fifoHoldsSixteenBytesAndTriggers() {
    open(interrupts: 0x01, fifo: 0x41)  // trigger level 4
    port.receive(0)
    #expect(port.read(2) == 0xcc, "below the trigger: character timeout")
    for byte: UInt8 in 1..<16 {
      #expect(port.canReceive)
      port.receive(byte)
    }
    #expect(port.read(2) == 0xc4)
    #expect(!port.canReceive)
    port.receive(99)
    #expect(port.read(5) == 0x63)
    #expect((0..<16).map { _ in port.read(0) } == Array(0..<16), "the newcomer is lost")
    #expect(port.read(5) == 0x60)
    #expect(port.read(0) == 0, "an empty buffer reads 0")
    #expect(!port.interruptLine)
  }

  @Test mutating func fifoControlResetsAndNeedsItsEnableBit() {
    _ = port.write(2, 0x01)
    port.receive(7)
    _ = port.write(2, 0x03)
    #expect(port.read(5) == 0x60, "bit 1 clears the receive FIFO")
    port.receive(7)
    _ = port.write(2, 0xc0)
    #expect(port.read(2) == 0x01, "disabled: IIR bits 7–6 are 0")
    #expect(port.read(5) == 0x60, "changing the mode clears the FIFO")
    port.receive(8)
    #expect(!port.canReceive, "one byte without FIFO")
  }

  @Test mutating func listensWhenPolledOrWhenReceiveInterruptsAreOn() {
    #expect(!port.isListening)
    _ = port.read(5)
    _ = port.write(0, 0x41)
    _ = port.read(5)
    #expect(!port.isListening, "one LSR read for each byte sent is no wait for input")
    _ = port.read(5)
    #expect(port.isListening)
    port.receive(0x42)
    _ = port.read(0)
    #expect(!port.isListening, "the byte was fetched: it may be doing something else now")
    open(interrupts: 0x01, fifo: 0x01)
    #expect(port.isListening)
  }

  @Test mutating func loopbackMirrorsModemControlAndData() {
    // Linux's probe: MCR = loopback | OUT2 | RTS must read MSR 0x90 in the upper half.
    _ = port.write(4, 0x1a)
    #expect(port.read(6) & 0xf0 == 0x90)
    #expect(port.read(6) & 0x0f == 0, "reading MSR clears the deltas")
    for (control, status): (UInt8, UInt8) in [
      (0x11, 0x20), (0x12, 0x10), (0x14, 0x40), (0x18, 0x80),
    ] {
      _ = port.write(4, control)
      #expect(port.read(6) & 0xf0 == status)
    }
    #expect(port.write(0, 0x55) == nil, "nothing leaves")
    #expect(!port.canReceive)
    port.receive(0x66)
    #expect(port.read(0) == 0x55)
    #expect(port.read(5) == 0x60, "the line is cut off")
  }

  @Test mutating func ringIndicatorReportsItsTrailingEdgeOnly() {
    _ = port.write(4, 0x10)
    _ = port.read(6)
    _ = port.write(4, 0x14)
    #expect(port.read(6) == 0x40)
    _ = port.write(4, 0x10)
    #expect(port.read(6) == 0x04)
  }

  @Test mutating func out2GatesTheInterruptLine() {
    open(interrupts: 0x01)
    port.receive(1)
    #expect(port.interruptLine)
    _ = port.write(4, 0x03)
    #expect(!port.interruptLine)
    #expect(port.read(2) == 0x04, "IIR still names it")
    #expect(!port.isReceiveInterruptEnabled)
  }

  @Test mutating func readOnlyRegistersIgnoreWrites() {
    _ = port.write(5, 0xff)
    _ = port.write(6, 0xff)
    #expect(port.read(5) == 0x60)
    #expect(port.read(6) == 0xb0)
    _ = port.write(1, 0xff)
    #expect(port.read(1) == 0x0f, "IER bits 7–4 are always 0")
    _ = port.write(4, 0xff)
    #expect(port.read(4) == 0x1f, "MCR bits 7–5 are always 0")
  }
}
