import Machine
import Testing

/// Checks against the Motorola MC146818 data sheet; calendar dates against `date -u`.
@Suite struct CMOSClockTests {
  private var clock = CMOSClock(epochSeconds: 946_684_800)

  private mutating func read(_ index: UInt8) -> UInt8 {
    clock.writeIndex(index)
    return clock.readData()
  }

  private mutating func write(_ index: UInt8, _ value: UInt8) {
    clock.writeIndex(index)
    clock.writeData(value)
  }

  private mutating func move(toMilliseconds milliseconds: UInt64) {
    clock.advance(to: VirtualTime(nanoseconds: milliseconds * 1_000_000))
  }

  /// Century, year, month, day, hour, minute, second, day of week.
  private mutating func date() -> [UInt8] { [0x32, 9, 8, 7, 4, 2, 0, 6].map { read($0) } }

  @Test mutating func startsAtItsEpochInBCD() {
    #expect(date() == [0x20, 0x00, 0x01, 0x01, 0, 0, 0, 7], "2000-01-01 was a Saturday")
    #expect(read(0x0a) == 0x26, "no update in progress")
    #expect(read(0x0b) == 0x02)
    #expect(read(0x0d) == 0x80, "valid RAM and time")
  }

  @Test(
    arguments: [
      (951_782_400, [0x20, 0x00, 0x02, 0x29, 0x00, 0x00, 0x00, 3]),  // leap day, a Tuesday
      (1_798_761_599, [0x20, 0x26, 0x12, 0x31, 0x23, 0x59, 0x59, 5]),  // a Thursday
      (0, [0x19, 0x70, 0x01, 0x01, 0x00, 0x00, 0x00, 5]),
      (-1, [0x19, 0x69, 0x12, 0x31, 0x23, 0x59, 0x59, 4]),
      (4_107_542_400, [0x21, 0x00, 0x03, 0x01, 0x00, 0x00, 0x00, 2]),  // 2100 has no leap day
    ] as [(Int64, [UInt8])])
  mutating func knowsTheCalendar(epoch: Int64, expected: [UInt8]) {
    clock = CMOSClock(epochSeconds: epoch)
    #expect(date() == expected)
  }

  @Test(arguments: [Int64.min, .max]) mutating func clampsAnAbsurdEpoch(epoch: Int64) {
    clock = CMOSClock(epochSeconds: epoch)
    #expect(read(0x32) == (epoch < 0 ? 0x00 : 0x99))
    clock.advance(to: VirtualTime(nanoseconds: .max))
    #expect(date().count == 8)
  }

  @Test mutating func goesWithVirtualTimeOverMidnightAndLeapDay() {
    clock = CMOSClock(epochSeconds: 951_782_400 - 1)
    move(toMilliseconds: 999)
    #expect(date() == [0x20, 0x00, 0x02, 0x28, 0x23, 0x59, 0x59, 2])
    move(toMilliseconds: 1000)
    #expect(date() == [0x20, 0x00, 0x02, 0x29, 0x00, 0x00, 0x00, 3])
    move(toMilliseconds: 86_401_000)
    #expect(date() == [0x20, 0x00, 0x03, 0x01, 0x00, 0x00, 0x00, 4])
  }

  @Test mutating func showsBinaryAnd12Hours() {
    clock = CMOSClock(epochSeconds: 946_684_800 + 13 * 3600 + 45 * 60)
    #expect(read(4) == 0x13)
    write(0x0b, 0x06)
    #expect(read(4) == 13)
    #expect(read(2) == 45)
    write(0x0b, 0x00)
    #expect(read(4) == 0x81, "1 PM in BCD")
    write(4, 0x12)
    write(0x0b, 0x02)
    #expect(read(4) == 0x00, "12 AM is midnight")
  }

  @Test mutating func settingTheTimeUnderSet() {
    write(0x0b, 0x92)
    #expect(read(0x0b) == 0x82, "SET clears UIE")
    // Month before day: 31 February may exist in between.
    write(7, 0x31)
    write(8, 0x02)
    #expect(read(7) == 0x31)
    write(7, 0x28)
    write(9, 0x23)
    write(4, 0x23)
    write(2, 0x59)
    write(0, 0x58)
    move(toMilliseconds: 50_000)
    #expect(read(0) == 0x58, "the time stands still")
    write(0x0b, 0x02)
    move(toMilliseconds: 52_000)
    #expect(date().prefix(7) == [0x20, 0x23, 0x03, 0x01, 0x00, 0x00, 0x00])
  }

  @Test mutating func dividerResetStopsTheClock() {
    write(0x0a, 0x76)
    move(toMilliseconds: 10_000)
    #expect(read(0) == 0)
    write(0x0a, 0xa6)
    #expect(read(0x0a) == 0x26, "UIP cannot be written")
    move(toMilliseconds: 13_000)
    #expect(read(0) == 3)
  }

  @Test mutating func nonsenseInTheTimeBytesIsStoredAndSurvived() {
    for index: UInt8 in 0..<10 { write(index, 0xff) }
    write(0x32, 0xff)
    move(toMilliseconds: 100_000)
    #expect(date().count == 8)
  }

  @Test mutating func otherBytesAreStorageAndBit7OfTheIndexIsIgnored() {
    write(0x8f, 0x0a)
    #expect(read(0x0f) == 0x0a)
    write(0x7f, 0x55)
    #expect(read(0xff) == 0x55)
    write(0x0d, 0)
    #expect(read(0x0d) == 0x80)
  }

  @Test mutating func periodicInterruptHasRegisterAsRate() {
    // Table 5: rate 6 is 1 024 Hz; rate 3 is 8 192 Hz; rate 1 is 256 Hz, like 8.
    for (rate, hertz): (UInt8, UInt64) in [(6, 1024), (3, 8192), (1, 256), (2, 128), (15, 2)] {
      clock = CMOSClock(epochSeconds: 0)
      write(0x0a, 0x20 | rate)
      write(0x0b, 0x42)
      let period = (1_000_000_000 + hertz - 1) / hertz
      #expect(clock.nextInterrupt(after: .zero) == VirtualTime(nanoseconds: period))
      clock.advance(to: VirtualTime(nanoseconds: period - 1))
      #expect(!clock.interruptLine)
      clock.advance(to: VirtualTime(nanoseconds: period))
      #expect(clock.interruptLine)
      #expect(clock.nextInterrupt(after: .zero) == nil, "no edge until register C is read")
      #expect(read(0x0c) == 0xc0)
      #expect(read(0x0c) == 0)
      #expect(!clock.interruptLine)
    }
    write(0x0a, 0x20)
    #expect(clock.nextInterrupt(after: .zero) == nil, "rate 0 is none")
  }

  @Test mutating func flagsAreSetWithoutTheirEnables() {
    move(toMilliseconds: 1000)
    #expect(!clock.interruptLine)
    write(0x0b, 0x12)
    #expect(clock.interruptLine, "IRQF is the AND of flags and enables")
    #expect(read(0x0c) == 0xd0 | 0x00)
    #expect(clock.nextInterrupt(after: .zero) == VirtualTime(nanoseconds: 2_000_000_000))
  }

  @Test mutating func alarmMatchesExactlyAndByDontCare() {
    write(5, 0x06)
    write(3, 0x30)
    write(1, 0x15)
    write(0x0b, 0x22)
    let alarm: UInt64 = (6 * 3600 + 30 * 60 + 15) * 1000
    #expect(
      clock.nextInterrupt(after: .zero) == VirtualTime(nanoseconds: alarm * 1_000_000))
    move(toMilliseconds: alarm - 1)
    #expect(read(0x0c) & 0x20 == 0)
    move(toMilliseconds: alarm)
    #expect(clock.interruptLine)
    #expect(read(0x0c) & 0xa0 == 0xa0)
    #expect(
      clock.nextInterrupt(after: .zero)
        == VirtualTime(nanoseconds: (alarm + 86_400_000) * 1_000_000), "again tomorrow")
    write(5, 0xff)
    write(3, 0xc0)
    #expect(
      clock.nextInterrupt(after: .zero) == VirtualTime(nanoseconds: (alarm + 60_000) * 1_000_000),
      "every minute")
    write(1, 0x61)
    #expect(clock.nextInterrupt(after: .zero) == nil, "second 61 never comes")
  }

  @Test mutating func alarmIsSeenAfterALongJump() {
    write(5, 0x23)
    write(0x0b, 0x22)
    write(1, 0)
    write(3, 0)
    move(toMilliseconds: 30 * 86_400_000)
    #expect(clock.interruptLine)
  }
}
