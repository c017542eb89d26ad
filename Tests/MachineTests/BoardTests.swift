import Machine
import Testing

/// Checks the port map and how the devices are wired together.
@Suite struct BoardTests {
  private var board = Board(configuration: BoardConfiguration())

  private mutating func out(
    _ port: UInt16, _ value: UInt64, width: UInt8 = 1, at now: VirtualTime = .zero
  ) -> BoardEffect {
    board.writePort(port, width: width, value: value, at: now)
  }

  private mutating func program(_ writes: [(UInt16, UInt64)]) {
    for (port, value) in writes { _ = out(port, value) }
  }

  private mutating func input(_ port: UInt16, width: UInt8 = 1) -> UInt64 {
    board.readPort(port, width: width, at: .zero)
  }

  /// Vectors 0x20 and 0x28, nothing masked but by `mask`.
  private mutating func initializeInterrupts(mask: UInt64 = 0, slaveMask: UInt64 = 0) {
    program([
      (0x20, 0x11), (0x21, 0x20), (0x21, 4), (0x21, 1), (0x21, mask),
      (0xa0, 0x11), (0xa1, 0x28), (0xa1, 2), (0xa1, 1), (0xa1, slaveMask),
    ])
  }

  @Test mutating func unclaimedAddressesFloat() {
    for port: UInt16 in [0x2e8, 0x2f8, 0x3e8, 0x0, 0xffff, 0x60, 0xcfc, 0x604, 0xf4] {
      #expect(input(port) == 0xff)
    }
    #expect(input(0x1f0, width: 2) == 0xffff)
    #expect(input(0xcfc, width: 4) == 0xffff_ffff, "no PCI device")
    #expect(out(0x1f0, 0xffff_ffff, width: 4) == .none)
    #expect(board.readMemory(0xfee0_0000, width: 4, at: .zero) == 0xffff_ffff)
    #expect(board.readMemory(.max, width: 8, at: .zero) == .max)
    #expect(board.writeMemory(0xfee0_0000, width: 4, value: 1, at: .zero) == .none)
    board.writeMSR(0x1b, value: 7)
    #expect(board.readMSR(0x1b) == 0)
  }

  @Test mutating func oddWidthsHaveAnswers() {
    #expect(input(0x1f0, width: 0) == 0)
    #expect(input(0x1f0, width: 3) == 0xff_ffff)
    #expect(input(0x1f0, width: 255) == .max)
    #expect(out(0xffff, 0, width: 8) == .none, "ports wrap")
    #expect(out(0xf4, 3, width: 0) == .none)
  }

  @Test mutating func consolesGiveTheirBytes() {
    #expect(out(0x3f8, 0x41) == .console(.serial, 0x41))
    #expect(out(0xe9, 0x42) == .console(.debugConsole, 0x42))
    #expect(input(0xe9) == 0xe9)
    #expect(out(0xe9, 0x4443, width: 2) == .console(.debugConsole, 0x43), "split into bytes")
    #expect(out(0x3f8, 0x0145, width: 2) == .console(.serial, 0x45))
    #expect(input(0x3f9) == 0x01, "the second byte went to the next port, IER")
  }

  @Test mutating func debugExitTakesItsWidth() {
    #expect(out(0xf4, 0x10) == .debugExit(status: 0x21))
    #expect(out(0xf4, 0x1234, width: 2) == .debugExit(status: 0x2469))
    #expect(out(0xf4, 0x1ff, width: 1) == .debugExit(status: 0x1ff), "bits beyond the width")
    #expect(out(0xf4, 0xffff_ffff, width: 4) == .debugExit(status: 0xffff_ffff))
  }

  @Test mutating func powerOffNeedsEnableAndType() {
    #expect(out(0x604, 0x2000, width: 2) == .powerOff, "QEMU")
    #expect(out(0x604, 0x3400, width: 2) == .powerOff, "Bochs and older QEMU")
    #expect(out(0x604, 0x2400, width: 2) == .none, "S3 is not soft-off")
    #expect(out(0x604, 0x1400, width: 2) == .none, "no SLP_EN")
    #expect(out(0x604, 0x34, width: 1) == .none)
  }

  @Test mutating func resetLines() {
    #expect(input(0x64) == 0xfd, "ready for a command, and never without data")
    #expect(out(0x64, 0xfe) == .reset)
    #expect(out(0x64, 0xff) == .none, "pulses nothing")
    #expect(out(0x60, 0xfe) == .none)
    #expect(out(0x92, 0x02) == .none)
    #expect(out(0x92, 0x03) == .reset)
    #expect(out(0x92, 0x03) == .none, "only a rising bit resets")
    #expect(input(0x92) == 0x03)
    _ = out(0x92, 0x00)
    #expect(input(0x92) == 0x02, "A20 is always on")
    #expect(out(0xcf9, 0x02) == .none)
    #expect(out(0xcf9, 0x06) == .reset)
  }

  @Test mutating func latchesReadBack() {
    _ = out(0x80, 0x5a)
    #expect(input(0x80) == 0x5a)
    _ = out(0xcf8, 0x8000_1234, width: 4)
    #expect(input(0xcf8, width: 4) == 0x8000_1234)
    _ = out(0xcfb, 0x01)
    #expect(input(0xcf8, width: 4) == 0x8000_1234, "bytes do not reach CONFIG_ADDRESS")
  }

  /// PCI 3.0 §3.2.2.3.2: what is no full doubleword is an access of ordinary ports.
  @Test mutating func onlyDoublewordsReadTheConfigurationAddress() {
    _ = out(0xcf8, 0x8000_1234, width: 4)
    for port: UInt16 in 0xcf8...0xcfb {
      #expect(input(port) == 0xff)
      #expect(input(port, width: 2) == 0xffff)
    }
    #expect(input(0xcf6, width: 4) == 0xffff_ffff)
    #expect(input(0xcfa, width: 4) == 0xffff_ffff)
    #expect(input(0xcf8, width: 8) == .max)
    #expect(input(0xcf8, width: 4) == 0x8000_1234)
  }

  /// Linux's `pci_check_type1` and `pci_check_type2`: mechanism 1 is there, mechanism 2 is not.
  @Test mutating func hasConfigurationMechanism1Only() {
    _ = out(0xcfb, 0x01)
    let before = input(0xcf8, width: 4)
    _ = out(0xcf8, 0x8000_0000, width: 4)
    #expect(input(0xcf8, width: 4) == 0x8000_0000)
    _ = out(0xcf8, before, width: 4)
    program([(0xcfb, 0), (0xcf8, 0), (0xcfa, 0)])
    #expect(input(0xcf8) != 0 && input(0xcfa) != 0)
  }

  @Test mutating func timerRaisesIRQ0AtItsDeadlineOnly() throws {
    #expect(board.nextDeadline(after: .zero) == nil, "masked at reset")
    initializeInterrupts(mask: 0xfe, slaveMask: 0xff)
    program([(0x43, 0x34), (0x40, 0xa9), (0x40, 0x04)])
    let first = try #require(board.nextDeadline(after: .zero))
    board.advance(to: VirtualTime(nanoseconds: first.nanoseconds - 1))
    #expect(!board.isInterruptPending)
    board.advance(to: first)
    #expect(board.isInterruptPending)
    #expect(board.acknowledgeInterrupt() == 0x20)
    #expect(board.nextDeadline(after: first) == nil, "blocked until the end of interrupt")
    _ = out(0x20, 0x20, at: first)
    let second = try #require(board.nextDeadline(after: first))
    #expect(second > first)
    board.advance(to: second.advanced(byNanoseconds: 1_000_000_000))
    #expect(board.acknowledgeInterrupt() == 0x20)
    _ = out(0x20, 0x20)
    #expect(!board.isInterruptPending, "a thousand missed ticks are one interrupt")
    _ = out(0x21, 0xff)
    #expect(board.nextDeadline(after: second) == nil)
  }

  @Test mutating func everyTickOfASecondIsDelivered() throws {
    initializeInterrupts()
    program([(0x43, 0x34), (0x40, 0x9c), (0x40, 0x2e)])  // HZ=100, count 11 932
    var now = VirtualTime.zero
    var ticks = 0
    while let next = board.nextDeadline(after: now), next.nanoseconds <= 1_000_000_000 {
      #expect(next > now)
      now = next
      board.advance(to: now)
      #expect(board.acknowledgeInterrupt() == 0x20)
      _ = out(0x20, 0x20, at: now)
      ticks += 1
    }
    #expect(ticks == 99, "1 193 182 ticks less the load tick are 99.99 periods of 11 932")
  }

  @Test mutating func clockRaisesIRQ8ThroughTheCascade() throws {
    initializeInterrupts(mask: 0xfb, slaveMask: 0xfe)
    program([(0x70, 0x0b), (0x71, 0x12)])
    let deadline = try #require(board.nextDeadline(after: .zero))
    #expect(deadline.nanoseconds == 1_000_000_000)
    board.advance(to: deadline)
    #expect(board.acknowledgeInterrupt() == 0x28)
    program([(0xa0, 0x20), (0x20, 0x20), (0x70, 0x0c)])
    #expect(board.nextDeadline(after: deadline) == nil, "the line is high until C is read")
    #expect(input(0x71) & 0x90 == 0x90)
    #expect(board.nextDeadline(after: deadline)?.nanoseconds == 2_000_000_000)
    _ = out(0x21, 0xff)
    #expect(board.nextDeadline(after: deadline) == nil, "masked at the cascade")
  }

  @Test mutating func serialInputRaisesIRQ4() {
    initializeInterrupts(mask: 0xff)
    program([(0x3fc, 0x0b), (0x3f9, 0x01)])
    #expect(!board.mayWakeOnSerialInput)
    _ = out(0x21, 0xef)
    #expect(board.mayWakeOnSerialInput)
    #expect(board.canReceiveSerialInput)
    board.receiveSerialInput(0x61)
    #expect(!board.canReceiveSerialInput)
    #expect(board.isInterruptPending)
    #expect(board.acknowledgeInterrupt() == 0x24)
    #expect(input(0x3f8) == 0x61)
    _ = out(0x20, 0x20)
    #expect(!board.isInterruptPending)
  }

  @Test mutating func eachTransmissionMakesANewEdge() {
    initializeInterrupts(mask: 0xef)
    program([(0x3fc, 0x0b), (0x3f9, 0x02)])
    for _ in 0..<3 {
      // The handler never reads IIR: only the fall of the line at THR makes the next edge.
      #expect(board.acknowledgeInterrupt() == 0x24)
      #expect(out(0x3f8, 0x2a) == .console(.serial, 0x2a))
      _ = out(0x20, 0x20)
    }
    #expect(board.isInterruptPending)
  }

  @Test mutating func timeNeverRunsBackwards() {
    let late = VirtualTime(nanoseconds: 5_000_000_000)
    board.advance(to: late)
    let before = board
    board.advance(to: .zero)
    #expect(board == before)
    _ = out(0x70, 0)
    #expect(input(0x71) == 0x05)
  }

  @Test func configurationSetsTheClock() {
    var board = Board(configuration: BoardConfiguration(realTimeClockEpochSeconds: 59))
    _ = board.writePort(0x70, width: 1, value: 0, at: .zero)
    #expect(board.readPort(0x71, width: 1, at: .zero) == 0x59)
  }
}
