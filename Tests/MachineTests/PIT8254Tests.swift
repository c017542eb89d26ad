import Machine
import Testing

/// Checks against the Intel 8254 data sheet (231164): mode diagrams, counts in clock ticks.
@Suite struct PIT8254Tests {
  private var timer = PIT8254()
  private var tick: Int64 = 0

  @discardableResult
  private mutating func move(to tick: Int64) throws -> Bool {
    self.tick = tick
    return timer.advance(to: try #require(PIT8254.clock.instant(ofTick: tick)))
  }

  private mutating func write(_ bytes: (UInt16, UInt8)...) {
    for (port, value) in bytes { timer.write(port, value) }
  }

  /// The ticks in a range at which channel 0's OUT differs from the tick before.
  private mutating func outputChanges(through last: Int64) throws -> [Int64] {
    var changes: [Int64] = []
    var level = timer.interruptLine
    for next in tick + 1...last {
      try move(to: next)
      if timer.interruptLine != level { changes.append(next) }
      level = timer.interruptLine
    }
    return changes
  }

  private mutating func latchedCount(_ channel: UInt16 = 0) -> UInt16 {
    timer.write(0x43, UInt8(channel << 6))
    return UInt16(timer.read(0x40 + channel)) | UInt16(timer.read(0x40 + channel)) << 8
  }

  private mutating func latchedStatus(_ channel: UInt16 = 0) -> UInt8 {
    timer.write(0x43, 0xe0 | 2 << UInt8(channel))
    return timer.read(0x40 + channel)
  }

  @Test mutating func looksProgrammedAtReset() {
    // Linux's KASLR code spins on the read-back status until null count is clear.
    #expect(latchedStatus() == 0b1011_0110, "OUT high, not null, low-then-high, mode 3, binary")
  }

  @Test func ticksNeitherDriftNorSkip() throws {
    // One hour is exactly 3 600 × 1 193 182 ticks; a tick's instant converts back to the tick.
    let hour = VirtualTime(nanoseconds: 3_600_000_000_000)
    #expect(PIT8254.clock.tick(at: hour) == 3600 * 1_193_182)
    for tick: Int64 in [1, 2, 3, 65_536, 1_193_181, 1_193_182, 4_295_455_201, 1 << 50] {
      let instant = try #require(PIT8254.clock.instant(ofTick: tick))
      #expect(PIT8254.clock.tick(at: instant) == tick)
      let before = VirtualTime(nanoseconds: instant.nanoseconds - 1)
      #expect(PIT8254.clock.tick(at: before) == tick - 1)
    }
    #expect(PIT8254.clock.instant(ofTick: .max) == nil)
  }

  @Test mutating func mode0RaisesOutputAfterCountPlusOneTicks() throws {
    // "OUT will not go high until N + 1 CLK pulses after the initial count is written."
    write((0x43, 0x30))
    #expect(!timer.interruptLine)
    write((0x40, 5), (0x40, 0))
    #expect(latchedStatus() == 0x70, "OUT low, null count until the next tick")
    #expect(try outputChanges(through: 40) == [6])
    #expect(latchedStatus() == 0xb0)
    #expect(latchedCount() == 0xffff - 33, "it goes on counting down from 0xffff")
    write((0x40, 9))
    #expect(!timer.interruptLine, "the first byte of a new count sets OUT low")
  }

  @Test mutating func mode2PulsesLowForOneTickPerPeriod() throws {
    write((0x43, 0x34), (0x40, 4), (0x40, 0))
    #expect(try outputChanges(through: 13) == [4, 5, 8, 9, 12, 13])
  }

  @Test mutating func mode2TakesANewCountAtTheEndOfThePeriod() throws {
    write((0x43, 0x34), (0x40, 10), (0x40, 0))
    try move(to: 3)
    write((0x40, 4), (0x40, 0))
    #expect(latchedStatus() & 0x40 != 0, "null count until it is loaded")
    #expect(try outputChanges(through: 19) == [10, 11, 14, 15, 18, 19])
    #expect(latchedStatus() & 0x40 == 0)
  }

  @Test mutating func mode3IsASquareWave() throws {
    // Even N: N/2 high, N/2 low. Odd N: (N + 1)/2 high, (N − 1)/2 low. Loaded one tick late.
    write((0x43, 0x36), (0x40, 4), (0x40, 0))
    #expect(try outputChanges(through: 9) == [3, 5, 7, 9])
    write((0x43, 0x36), (0x40, 5), (0x40, 0))
    #expect(try outputChanges(through: 20) == [13, 15, 18, 20])
  }

  @Test mutating func mode3CountsByTwoAndTakesANewCountAtTheHalf() throws {
    write((0x43, 0x36), (0x40, 8), (0x40, 0))
    try move(to: 2)
    #expect(latchedCount() == 6)
    write((0x40, 4), (0x40, 0))
    #expect(timer.nextInterrupt(after: .zero) == PIT8254.clock.instant(ofTick: 7))
    #expect(try outputChanges(through: 11) == [5, 7, 9, 11])
  }

  @Test mutating func mode4StrobesOnceOneTickLong() throws {
    // "If a count of N is loaded, OUT strobes low N + 1 CLK pulses after it was written."
    write((0x43, 0x38))
    #expect(timer.interruptLine)
    write((0x40, 3), (0x40, 0))
    #expect(timer.nextInterrupt(after: .zero) == PIT8254.clock.instant(ofTick: 5))
    #expect(try outputChanges(through: 80) == [4, 5])
    #expect(timer.nextInterrupt(after: .zero) == nil)
  }

  @Test(arguments: [UInt8(0xb2), 0xba]) mutating func modes1And5WaitForTheGate(
    control: UInt8
  ) throws {
    write((0x43, control), (0x42, 3), (0x42, 0))
    try move(to: 10)
    #expect(latchedStatus(2) & 0xc0 == 0xc0, "OUT high, count not loaded")
    timer.writeSpeakerPort(1)
    var low: [Int64] = []
    for next: Int64 in 11...20 {
      try move(to: next)
      if timer.readSpeakerPort() & 0x20 == 0 { low.append(next) }
    }
    // Triggered at 10, loaded at 11: mode 1 is low for N ticks, mode 5 for one tick after N.
    #expect(low == (control == 0xb2 ? [11, 12, 13] : [14]))
    timer.writeSpeakerPort(0)
    timer.writeSpeakerPort(1)
    try move(to: control == 0xb2 ? 21 : 24)
    #expect(timer.readSpeakerPort() & 0x20 == 0, "retriggered")
  }

  @Test mutating func gatePausesMode0OfChannel2() throws {
    // The way calibration uses it: gate on, mode 0, wait for OUT at port 0x61 bit 5.
    timer.writeSpeakerPort(0)
    write((0x43, 0xb0), (0x42, 100), (0x42, 0))
    try move(to: 50)
    #expect(latchedCount(2) == 100, "gate low: loaded but not counting")
    timer.writeSpeakerPort(1)
    try move(to: 90)
    #expect(latchedCount(2) == 60)
    timer.writeSpeakerPort(0)
    try move(to: 500)
    #expect(latchedCount(2) == 60)
    timer.writeSpeakerPort(1)
    try move(to: 559)
    #expect(timer.readSpeakerPort() & 0x20 == 0)
    try move(to: 560)
    #expect(timer.readSpeakerPort() & 0x21 == 0x21)
  }

  @Test mutating func gateLowHoldsMode3High() throws {
    timer.writeSpeakerPort(1)
    write((0x43, 0xb6), (0x42, 4), (0x42, 0))
    try move(to: 3)
    #expect(timer.readSpeakerPort() & 0x20 == 0)
    timer.writeSpeakerPort(0)
    #expect(timer.readSpeakerPort() & 0x20 != 0)
    timer.writeSpeakerPort(1)
    try move(to: 5)
    #expect(timer.readSpeakerPort() & 0x20 != 0, "reloaded: high for two ticks from 4")
    try move(to: 6)
    #expect(timer.readSpeakerPort() & 0x20 == 0)
  }

  @Test mutating func accessModesMoveTheirBytes() throws {
    write((0x43, 0x10), (0x40, 7))  // low byte only
    try move(to: 1)
    #expect(timer.read(0x40) == 7)
    #expect(timer.read(0x40) == 7)
    write((0x43, 0x20), (0x40, 7))  // high byte only: 0x700
    try move(to: 2)
    #expect(timer.read(0x40) == 7)
    try move(to: 3)
    #expect(timer.read(0x40) == 6)
    #expect(timer.read(0x43) == 0xff)
  }

  @Test mutating func latchHoldsUntilReadAndStatusComesFirst() throws {
    write((0x43, 0x34), (0x40, 0), (0x40, 0x10))
    try move(to: 1)
    write((0x43, 0x00))
    try move(to: 100)
    write((0x43, 0xc2))  // read-back: status and count; the count is already latched
    #expect(timer.read(0x40) == 0xb4)
    #expect(timer.read(0x40) == 0x00)
    #expect(timer.read(0x40) == 0x10)
    #expect(timer.read(0x40) == UInt8((0x1000 - 99) & 0xff), "live again")
  }

  @Test mutating func readBackSelectsSeveralChannels() {
    write((0x43, 0xee))
    #expect(timer.read(0x40) & 0x3f == 0x36)
    #expect(timer.read(0x41) & 0x3f == 0x36)
    #expect(timer.read(0x42) & 0x3f == 0x36)
  }

  @Test mutating func countsInBCD() throws {
    write((0x43, 0x31), (0x40, 0x00), (0x40, 0x10))  // 1000 decimal
    try move(to: 2)
    #expect(latchedCount() == 0x0999)
    try move(to: 1002)
    #expect(latchedCount() == 0x9999)
    write((0x43, 0x35), (0x40, 0), (0x40, 0))  // 0 means 10 000
    #expect(timer.nextInterrupt(after: .zero) == PIT8254.clock.instant(ofTick: 1002 + 1 + 10_000))
  }

  @Test mutating func deadlinesAreTheEdgesThatAdvanceReports() throws {
    write((0x43, 0x34), (0x40, 0xa9), (0x40, 0x04))  // HZ=1000, count 1193
    let first = try #require(timer.nextInterrupt(after: .zero))
    #expect(first == PIT8254.clock.instant(ofTick: 1194))
    #expect(timer.advance(to: VirtualTime(nanoseconds: first.nanoseconds - 1)) == false)
    #expect(timer.advance(to: first) == true)
    #expect(timer.advance(to: first) == false, "each edge is reported once")
    let end = VirtualTime(nanoseconds: 1_000_000_000)
    #expect(timer.advance(to: end) == true, "many edges are reported as one")
    #expect(timer.nextInterrupt(after: .zero) == PIT8254.clock.instant(ofTick: 1 + 1193 * 1001))
  }

  @Test mutating func countOf1IsIllegalInPeriodicModes() {
    write((0x43, 0x34), (0x40, 1), (0x40, 0))
    #expect(timer.nextInterrupt(after: .zero) == nil)
  }

  @Test mutating func refreshBitTogglesEvery15Microseconds() throws {
    #expect(timer.readSpeakerPort() & 0x10 == 0)
    try move(to: 18)
    #expect(timer.readSpeakerPort() & 0x10 != 0)
    try move(to: 36)
    #expect(timer.readSpeakerPort() & 0x10 == 0)
    timer.writeSpeakerPort(0xff)
    #expect(timer.readSpeakerPort() & 0xcf == 0x0f, "bits 0–3 read back, no parity error")
  }
}
