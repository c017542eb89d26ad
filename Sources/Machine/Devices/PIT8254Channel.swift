internal import Bytes

/// One counter of an Intel 8254, as a function of the clock ticks that have passed.
///
/// Nothing here counts: the counting element is the distance between the tick asked about and the
/// tick its count was loaded at. A count is loaded on the tick after it was written (data sheet
/// 231164, Mode Definitions); in modes 2 and 3 a new count waits for the end of the current
/// (half) cycle, in modes 1 and 5 for the gate. Simplifications: a count of 1 is illegal in modes
/// 2 and 3 and holds OUT high; BCD digits above 9 stand for their value.
///
/// Threats: every count is 1–65 536 when used as a divisor, and ticks stay below 2⁵⁶.
package struct PIT8254Channel: Equatable, Sendable {
  /// The counter modes of the control word (data sheet, Mode Definitions).
  enum Mode: UInt8, Sendable {
    case interruptOnTerminalCount = 0
    case hardwareRetriggerableOneShot = 1
    case rateGenerator = 2
    case squareWave = 3
    case softwareTriggeredStrobe = 4
    case hardwareTriggeredStrobe = 5
  }

  /// Which bytes of the count a read or write moves (control word bits 5–4).
  enum AccessMode: UInt8, Sendable {
    case lowByte = 1
    case highByte = 2
    case lowThenHigh = 3
  }

  /// Where the counting element is.
  enum Counting: Equatable, Sendable {
    /// Not counting, this many ticks after its count was loaded.
    case stopped(elapsed: Int64)
    /// Counting; the count was or will be loaded at this tick.
    case running(since: Int64)
  }

  /// The elapsed ticks of a counter that has no count loaded.
  private static let notLoaded: Int64 = -1

  private var mode = Mode.squareWave
  private var accessMode = AccessMode.lowThenHigh
  private var countsInBCD = false
  /// The count in use, 1–65 536; 0 after a control word until a count arrives.
  private var count: Int64 = 65_536
  private var counting = Counting.running(since: 0)
  /// The count register when its count waits to be loaded; otherwise 0.
  private var nextCount: Int64 = 0
  /// The tick `nextCount` is loaded at; `.max` when it waits for the gate.
  private var nextCountTick: Int64 = .max
  /// The GATE input.
  private(set) var gate: Bool
  private var writtenLowByte: UInt8 = 0
  private var writesHighNext = false
  private var readsHighNext = false
  private var latchedCount: UInt16?
  private var latchedStatus: UInt8?

  /// Makes a counter as firmware leaves channel 0: mode 3, count 65 536, counting since tick 0.
  package init(gate: Bool) {
    self.gate = gate
    if !gate { counting = .stopped(elapsed: 0) }
  }

  // MARK: Output

  /// The level of OUT at a tick.
  func output(at tick: Int64) -> Bool {
    var settled = self
    settled.settle(at: tick)
    return settled.settledOutput(at: tick)
  }

  private func settledOutput(at tick: Int64) -> Bool {
    let elapsed = elapsed(at: tick)
    let isLoaded = count != 0 && elapsed >= 0
    switch mode {
    case .interruptOnTerminalCount:
      return isLoaded && elapsed >= count
    case .hardwareRetriggerableOneShot:
      return !(isLoaded && elapsed < count)
    case .rateGenerator:
      guard isLoaded, gate, count > 1 else { return true }
      return elapsed % count != count - 1
    case .squareWave:
      guard isLoaded, gate else { return true }
      return elapsed % count < Self.highHalf(of: count)
    case .softwareTriggeredStrobe, .hardwareTriggeredStrobe:
      return !(isLoaded && elapsed == count)
    }
  }

  /// The first tick after `tick` at which OUT goes from low to high; `nil` when none is coming.
  func nextRisingEdge(after tick: Int64) -> Int64? {
    var channel = self
    channel.settle(at: tick)
    guard let edge = channel.nextSettledRisingEdge(after: tick) else { return nil }
    guard channel.nextCount != 0, channel.nextCountTick < edge else { return edge }
    // Mode 3 takes a new count at the falling edge too, which moves the rising one.
    let loadTick = channel.nextCountTick
    channel.settle(at: loadTick)
    return channel.nextSettledRisingEdge(after: loadTick)
  }

  private func nextSettledRisingEdge(after tick: Int64) -> Int64? {
    guard case .running(let start) = counting, count != 0 else { return nil }
    let edge: Int64
    switch mode {
    case .interruptOnTerminalCount, .hardwareRetriggerableOneShot:
      edge = start + count
    case .rateGenerator, .squareWave:
      guard count > 1 else { return nil }
      edge = start + (max(0, tick - start) / count + 1) * count
    case .softwareTriggeredStrobe, .hardwareTriggeredStrobe:
      edge = start + count + 1
    }
    return edge > tick ? edge : nil
  }

  // MARK: Programming

  /// Takes a control word's access mode, mode and BCD bits (data sheet, Control Word Format).
  mutating func writeControl(_ word: UInt8) {
    guard let access = AccessMode(rawValue: (word >> 4) & 3) else { return }
    let modeBits = (word >> 1) & 7
    // Modes 6 and 7 are 2 and 3: bit 2 is "don't care" there.
    mode = Mode(rawValue: modeBits > 5 ? modeBits & 3 : modeBits) ?? .squareWave
    accessMode = access
    countsInBCD = word & 1 != 0
    count = 0
    nextCount = 0
    counting = .stopped(elapsed: Self.notLoaded)
    writesHighNext = false
    readsHighNext = false
    latchedCount = nil
    latchedStatus = nil
  }

  /// Takes one byte of a count.
  mutating func write(_ byte: UInt8, at tick: Int64) {
    settle(at: tick)
    switch accessMode {
    case .lowByte:
      writeCount(UInt16(byte), at: tick)
    case .highByte:
      writeCount(UInt16(byte) << 8, at: tick)
    case .lowThenHigh where !writesHighNext:
      writtenLowByte = byte
      writesHighNext = true
      if mode == .interruptOnTerminalCount { suspend() }
    case .lowThenHigh:
      writesHighNext = false
      writeCount(UInt16(byte) << 8 | UInt16(writtenLowByte), at: tick)
    }
  }

  /// Mode 0: "writing the first byte disables counting; OUT is set low immediately".
  private mutating func suspend() {
    count = 0
    counting = .stopped(elapsed: Self.notLoaded)
  }

  private mutating func writeCount(_ raw: UInt16, at tick: Int64) {
    let written = countsInBCD ? Self.decimal(fromBCD: raw) : Int64(raw)
    let value = written == 0 ? modulus : written
    switch mode {
    case .hardwareRetriggerableOneShot, .hardwareTriggeredStrobe:
      nextCount = value
      nextCountTick = .max
    case .interruptOnTerminalCount, .softwareTriggeredStrobe:
      count = value
      counting = gate ? .running(since: tick + 1) : .stopped(elapsed: 0)
    case .rateGenerator, .squareWave:
      writePeriodicCount(value, at: tick)
    }
  }

  private mutating func writePeriodicCount(_ value: Int64, at tick: Int64) {
    guard gate else {
      count = value
      counting = .stopped(elapsed: 0)
      return
    }
    guard case .running(let start) = counting, count != 0, tick >= start else {
      count = value
      counting = .running(since: tick + 1)
      return
    }
    let position = (tick - start) % count
    let high = Self.highHalf(of: count)
    let isInHighHalf = mode == .squareWave && position < high
    nextCount = value
    nextCountTick = tick - position + (isInHighHalf ? high : count)
  }

  /// Drives GATE (data sheet, Gate Pin Operations Summary).
  mutating func setGate(_ isHigh: Bool, at tick: Int64) {
    settle(at: tick)
    guard isHigh != gate else { return }
    let elapsed = elapsed(at: tick)
    gate = isHigh
    switch mode {
    case .interruptOnTerminalCount, .softwareTriggeredStrobe:
      guard count != 0 else { return }
      counting =
        isHigh ? .running(since: tick - max(0, elapsed)) : .stopped(elapsed: max(0, elapsed))
    case .rateGenerator, .squareWave:
      loadNextCount()
      guard count != 0 else { return }
      counting = isHigh ? .running(since: tick + 1) : .stopped(elapsed: max(0, elapsed))
    case .hardwareRetriggerableOneShot, .hardwareTriggeredStrobe:
      guard isHigh else { return }
      loadNextCount()
      if count != 0 { counting = .running(since: tick + 1) }
    }
  }

  private mutating func loadNextCount() {
    if nextCount != 0 { count = nextCount }
    nextCount = 0
  }

  /// Loads a waiting count whose tick has come.
  private mutating func settle(at tick: Int64) {
    guard nextCount != 0, tick >= nextCountTick, case .running(let start) = counting else { return }
    let endsHighHalf = (nextCountTick - start) % count != 0
    loadNextCount()
    counting = .running(since: nextCountTick - (endsHighHalf ? Self.highHalf(of: count) : 0))
  }

  // MARK: Reading back

  /// Reads one byte: the latched status, the latched count or the live count.
  mutating func read(at tick: Int64) -> UInt8 {
    if let status = latchedStatus {
      latchedStatus = nil
      return status
    }
    let value = latchedCount ?? currentCount(at: tick)
    let isHighByte = accessMode == .highByte || (accessMode == .lowThenHigh && readsHighNext)
    if accessMode == .lowThenHigh { readsHighNext.toggle() }
    if !readsHighNext { latchedCount = nil }
    return UInt8(truncatingIfNeeded: isHighByte ? value >> 8 : value)
  }

  /// Latches the count until it is read; a second latch before that changes nothing.
  mutating func latchCount(at tick: Int64) {
    if latchedCount == nil { latchedCount = currentCount(at: tick) }
  }

  /// Latches the status byte: OUT, null count, access mode, mode, BCD (data sheet, Read-Back).
  mutating func latchStatus(at tick: Int64) {
    guard latchedStatus == nil else { return }
    settle(at: tick)
    let isNull = count == 0 || nextCount != 0 || elapsed(at: tick) < 0
    latchedStatus =
      (settledOutput(at: tick) ? 0x80 : 0) | (isNull ? 0x40 : 0)
      | accessMode.rawValue << 4 | mode.rawValue << 1 | (countsInBCD ? 1 : 0)
  }

  private mutating func currentCount(at tick: Int64) -> UInt16 {
    settle(at: tick)
    guard count != 0 else { return 0 }
    let elapsed = max(0, elapsed(at: tick))
    let remaining: Int64
    switch mode {
    case .rateGenerator:
      remaining = count - elapsed % count
    case .squareWave:
      // Decrements by two, twice per cycle; an odd count is loaded less one.
      let position = elapsed % count
      let high = Self.highHalf(of: count)
      remaining = count & ~1 - 2 * (position < high ? position : position - high)
    default:
      remaining = count - elapsed
    }
    let wrapped = (remaining % modulus + modulus) % modulus
    return countsInBCD ? Self.bcd(fromDecimal: wrapped) : UInt16(truncatingIfNeeded: wrapped)
  }

  // MARK: Arithmetic

  private var modulus: Int64 { countsInBCD ? 10_000 : 65_536 }

  /// Ticks since the count was loaded; negative before that.
  private func elapsed(at tick: Int64) -> Int64 {
    switch counting {
    case .stopped(let elapsed): return elapsed
    case .running(let start): return tick - start
    }
  }

  /// Ticks OUT stays high in a mode 3 cycle: (N + 1) / 2.
  private static func highHalf(of count: Int64) -> Int64 { (count + 1) / 2 }

  private static func decimal(fromBCD raw: UInt16) -> Int64 {
    let digits = Int64(raw)
    return (digits >> 12) * 1000 + (digits >> 8 & 15) * 100 + (digits >> 4 & 15) * 10 + digits & 15
  }

  private static func bcd(fromDecimal value: Int64) -> UInt16 {
    let digits = (value / 1000 % 10) << 12 | (value / 100 % 10) << 8 | (value / 10 % 10) << 4
    return UInt16(truncatingIfNeeded: digits | value % 10)
  }
}

extension PIT8254Channel {
  /// Ticks in a restored state stay in ±2⁵⁶, beyond any virtual time and far from overflow.
  private static let tickRange: ClosedRange<Int64> = -(1 << 56)...(1 << 56)

  /// Appends the state.
  ///
  /// Mode, access mode, BCD, gate, count (4), running (1), load tick or elapsed
  /// ticks (8), next count (4), its tick (8), low byte, write and read toggles, latched count
  /// (present, 2), latched status (present, 1). Absent values are zero.
  func encode(into writer: inout ByteWriter) {
    writer.append(bytes: [mode.rawValue, accessMode.rawValue])
    writer.append(flag: countsInBCD)
    writer.append(flag: gate)
    writer.append(UInt32(count))
    switch counting {
    case .stopped(let elapsed):
      writer.append(flag: false)
      writer.append(elapsed)
    case .running(let start):
      writer.append(flag: true)
      writer.append(start)
    }
    writer.append(UInt32(nextCount))
    writer.append(nextCountTick)
    writer.append(writtenLowByte)
    writer.append(flag: writesHighNext)
    writer.append(flag: readsHighNext)
    writer.append(flag: latchedCount != nil)
    writer.append(latchedCount ?? 0)
    writer.append(flag: latchedStatus != nil)
    writer.append(latchedStatus ?? 0)
  }

  /// Replaces the state by one that ``encode(into:)`` appended.
  mutating func decode(from reader: inout ByteReader) throws(BoardFieldError) {
    mode = try reader.boardField(Mode.self)
    accessMode = try reader.boardField(AccessMode.self)
    countsInBCD = try reader.boardFlag()
    gate = try reader.boardFlag()
    count = Int64(try reader.boardField(in: UInt32(0)...65_536))
    let isRunning = try reader.boardFlag()
    let ticks: Int64 = try reader.boardField(in: Self.tickRange)
    counting = isRunning ? .running(since: ticks) : .stopped(elapsed: ticks)
    nextCount = Int64(try reader.boardField(in: UInt32(0)...65_536))
    nextCountTick = try reader.boardField(in: Int64.min...Int64.max)
    guard nextCountTick == .max || Self.tickRange.contains(nextCountTick) else {
      throw BoardFieldError(offset: reader.offset - 8)
    }
    guard nextCount == 0 || nextCountTick == .max || count != 0 else {
      throw BoardFieldError(offset: reader.offset - 12)
    }
    writtenLowByte = try reader.boardField()
    writesHighNext = try reader.boardFlag()
    readsHighNext = try reader.boardFlag()
    let hasCount = try reader.boardFlag()
    let count: UInt16 = try reader.boardField(in: hasCount ? 0...0xffff : 0...0)
    latchedCount = hasCount ? count : nil
    let hasStatus = try reader.boardFlag()
    let status: UInt8 = try reader.boardField(in: hasStatus ? 0...0xff : 0...0)
    latchedStatus = hasStatus ? status : nil
  }
}
