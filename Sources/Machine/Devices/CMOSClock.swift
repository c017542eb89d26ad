internal import Bytes

/// A Motorola MC146818 real-time clock with the 128 CMOS bytes of a PC.
///
/// The time is a fixed epoch plus virtual time. An update takes no time, so UIP always reads 0,
/// and it happens on the whole seconds of virtual time, even after the divider was reset (the chip
/// would wait half a second). While SET is 1 or the divider is held in reset the time stands
/// still. Every divider setting but reset is taken as the 32 768 Hz crystal. The century is byte
/// 0x32, in the format of the other time bytes, as PC firmware keeps it.
///
/// Threats: the index is seven bits; time bytes may hold nonsense, see ``CalendarTime``.
package struct CMOSClock: Equatable, Sendable {
  /// The crystal's frequency.
  package static let crystal = TickRate(hertz: 32_768)
  private static let nanosecondsPerSecond: UInt64 = 1_000_000_000

  /// The bytes that are more than storage (MC146818 data sheet, Address Map; century by PC habit).
  enum Register: UInt8, Sendable {
    case seconds = 0x00
    case secondsAlarm = 0x01
    case minutes = 0x02
    case minutesAlarm = 0x03
    case hours = 0x04
    case hoursAlarm = 0x05
    case dayOfWeek = 0x06
    case dayOfMonth = 0x07
    case month = 0x08
    case year = 0x09
    case registerA = 0x0a
    case registerB = 0x0b
    case registerC = 0x0c
    case registerD = 0x0d
    case century = 0x32
  }

  private enum RegisterB {
    static let set: UInt8 = 0x80
    static let updateInterrupt: UInt8 = 0x10
    static let binary: UInt8 = 0x04
    static let hours24: UInt8 = 0x02
  }

  /// The flags of register C, each at its enable's place in register B.
  private enum Flag {
    static let periodic: UInt8 = 0x40
    static let alarm: UInt8 = 0x20
    static let update: UInt8 = 0x10
    static let all: UInt8 = 0x70
  }

  private var index: UInt8 = 0
  /// Registers A and B, the alarm and all storage, as written.
  private var bytes = FixedArray<128, UInt8>(repeating: 0)
  private var flags: UInt8 = 0
  /// The time at the whole second `referenceSecond` of virtual time.
  private var reference: CalendarTime
  private var referenceSecond: UInt64 = 0
  private var current = VirtualTime.zero

  /// Makes a running clock: 24-hour BCD, 1 024 Hz rate, no interrupt enabled.
  ///
  /// - Parameter epochSeconds: the time at virtual time zero, in seconds since 1970.
  package init(epochSeconds: Int64) {
    reference = CalendarTime(epochSeconds: epochSeconds)
    bytes[Int(Register.registerA.rawValue)] = 0x26
    bytes[Int(Register.registerB.rawValue)] = RegisterB.hours24
  }

  // MARK: Time and interrupts

  /// Moves to an instant and sets the flags of all that happened on the way.
  package mutating func advance(to now: VirtualTime) {
    guard now > current else { return }
    if let period = periodTicks, flags & Flag.periodic == 0 {
      let before = Self.crystal.tick(at: current) / period
      if Self.crystal.tick(at: now) / period != before { flags |= Flag.periodic }
    }
    let seconds = Self.second(of: now) - Self.second(of: current)
    if seconds != 0, !isHeld {
      flags |= Flag.update
      if let wait = secondsToAlarm, wait <= seconds { flags |= Flag.alarm }
    }
    current = now
  }

  /// IRQ 8: a flag is set whose interrupt is enabled.
  package var interruptLine: Bool { flags & registerB & Flag.all != 0 }

  /// The instant after `now` at which the interrupt line rises; `nil` when it is high or nothing
  /// enabled is coming.
  package func nextInterrupt(after now: VirtualTime) -> VirtualTime? {
    guard !interruptLine else { return nil }
    var next: VirtualTime?
    func consider(_ instant: VirtualTime?) {
      if let instant { next = min(next ?? instant, instant) }
    }
    let now = max(now, current)
    if registerB & Flag.periodic != 0, let period = periodTicks {
      let tick = Self.crystal.tick(at: now)
      consider(Self.crystal.instant(ofTick: (tick / period + 1) * period))
    }
    guard !isHeld else { return next }
    if registerB & Flag.update != 0 { consider(Self.instant(ofSecond: Self.second(of: now) + 1)) }
    if registerB & Flag.alarm != 0, let wait = secondsToAlarm {
      consider(Self.instant(ofSecond: Self.second(of: current) + wait))
    }
    return next
  }

  /// Crystal ticks between periodic events: register A's rate select (data sheet, Table 5).
  private var periodTicks: Int64? {
    let rate = registerA & 0x0f
    guard rate != 0, !isDividerReset else { return nil }
    // Rates 1 and 2 repeat 8 and 9: 256 Hz and 128 Hz.
    return 1 << Int64(rate < 3 ? rate + 6 : rate - 1)
  }

  /// Seconds until the alarm matches next, 1–86 400; `nil` when it never does.
  private var secondsToAlarm: UInt64? {
    let time = timeNow
    let start =
      (Int64(time.hour) % 24 * 60 + Int64(time.minute) % 60) * 60 + Int64(time.second) % 60
    var candidate = start + 1
    // Each step skips a whole hour, minute or second that cannot match: at most 24 + 2 × 60 each
    // side of midnight.
    while candidate <= start + 86_400 {
      if !alarmMatches(.hoursAlarm, encodeHour(UInt8(candidate / 3600 % 24))) {
        candidate = (candidate / 3600 + 1) * 3600
      } else if !alarmMatches(.minutesAlarm, encode(UInt8(candidate / 60 % 60))) {
        candidate = (candidate / 60 + 1) * 60
      } else if !alarmMatches(.secondsAlarm, encode(UInt8(candidate % 60))) {
        candidate += 1
      } else {
        return UInt64(candidate - start)
      }
    }
    return nil
  }

  /// An alarm byte with both top bits set matches everything (data sheet, "don't care" code).
  private func alarmMatches(_ register: Register, _ value: UInt8) -> Bool {
    let alarm = bytes[Int(register.rawValue)]
    return alarm & 0xc0 == 0xc0 || alarm == value
  }

  private static func second(of instant: VirtualTime) -> UInt64 {
    instant.nanoseconds / nanosecondsPerSecond
  }

  private static func instant(ofSecond second: UInt64) -> VirtualTime? {
    let (nanoseconds, overflow) = second.multipliedReportingOverflow(by: nanosecondsPerSecond)
    return overflow ? nil : VirtualTime(nanoseconds: nanoseconds)
  }

  // MARK: Ports

  /// Writes port 0x70; bit 7 masks the NMI on hardware and is ignored here.
  package mutating func writeIndex(_ value: UInt8) { index = value & 0x7f }

  /// Reads port 0x71.
  package mutating func readData() -> UInt8 {
    guard let register = Register(rawValue: index) else { return bytes[Int(index)] }
    switch register {
    case .seconds: return encode(timeNow.second)
    case .minutes: return encode(timeNow.minute)
    case .hours: return encodeHour(timeNow.hour)
    case .dayOfWeek: return encode(timeNow.dayOfWeek)
    case .dayOfMonth: return encode(timeNow.day)
    case .month: return encode(timeNow.month)
    case .year: return encode(timeNow.year)
    case .century: return encode(timeNow.century)
    case .secondsAlarm, .minutesAlarm, .hoursAlarm: return bytes[Int(index)]
    case .registerA, .registerB: return bytes[Int(index)]
    case .registerC: return readRegisterC()
    case .registerD: return 0x80  // VRT: the battery is good
    }
  }

  /// Writes port 0x71, at the instant last advanced to.
  package mutating func writeData(_ value: UInt8) {
    guard let register = Register(rawValue: index) else {
      bytes[Int(index)] = value
      return
    }
    switch register {
    case .secondsAlarm, .minutesAlarm, .hoursAlarm: bytes[Int(index)] = value
    case .registerC, .registerD: break  // read-only
    case .registerA:
      rebase()
      bytes[Int(index)] = value & 0x7f  // UIP is read-only
    case .registerB:
      rebase()
      // "SET going high clears UIE."
      let cleared = value & RegisterB.set != 0 ? RegisterB.updateInterrupt : 0
      bytes[Int(index)] = value & ~cleared
    default:
      rebase()
      writeTime(register, value)
    }
  }

  private mutating func writeTime(_ register: Register, _ value: UInt8) {
    switch register {
    case .seconds: reference.second = decode(value)
    case .minutes: reference.minute = decode(value)
    case .hours: reference.hour = decodeHour(value)
    case .dayOfWeek: reference.dayOfWeek = decode(value)
    case .dayOfMonth: reference.day = decode(value)
    case .month: reference.month = decode(value)
    case .year: reference.year = decode(value)
    case .century: reference.century = decode(value)
    default: break
    }
  }

  /// Register C: IRQF and the flags; reading clears them all.
  private mutating func readRegisterC() -> UInt8 {
    let value = flags | (interruptLine ? 0x80 : 0)
    flags = 0
    return value
  }

  private var registerA: UInt8 { bytes[Int(Register.registerA.rawValue)] }
  private var registerB: UInt8 { bytes[Int(Register.registerB.rawValue)] }

  /// Whether the divider chain is held in reset: register A bits 6–4 are 11x.
  private var isDividerReset: Bool { registerA & 0x60 == 0x60 }

  /// Whether the time stands still.
  private var isHeld: Bool { registerB & RegisterB.set != 0 || isDividerReset }

  private var timeNow: CalendarTime {
    guard !isHeld else { return reference }
    let second = Self.second(of: current)
    return reference.advanced(bySeconds: second > referenceSecond ? second - referenceSecond : 0)
  }

  /// Makes now the reference, before a register changes what the time means.
  private mutating func rebase() {
    reference = timeNow
    referenceSecond = Self.second(of: current)
  }

  // MARK: BCD and 12-hour forms

  private func encode(_ value: UInt8) -> UInt8 {
    guard registerB & RegisterB.binary == 0 else { return value }
    return (value / 10) << 4 | value % 10
  }

  private func decode(_ value: UInt8) -> UInt8 {
    guard registerB & RegisterB.binary == 0 else { return value }
    return (value >> 4) * 10 + value & 0x0f
  }

  /// In 12-hour form bit 7 means PM and midnight and noon are 12.
  private func encodeHour(_ hour: UInt8) -> UInt8 {
    guard registerB & RegisterB.hours24 == 0 else { return encode(hour) }
    let hour12 = hour % 12 == 0 ? 12 : hour % 12
    return encode(hour12) | (hour % 24 >= 12 ? 0x80 : 0)
  }

  private func decodeHour(_ value: UInt8) -> UInt8 {
    guard registerB & RegisterB.hours24 == 0 else { return decode(value) }
    return decode(value & 0x7f) % 12 + (value & 0x80 != 0 ? 12 : 0)
  }
}

extension CMOSClock: BoardDevice {
  static let stateKind: UInt16 = 3
  static let stateVersion: UInt16 = 1

  /// Appends the index, register C's flags, the reference time (second, minute, hour, day of week,
  /// day, month, year, century), its second of virtual time (8), the instant last advanced to in
  /// nanoseconds (8), and the 128 bytes; one byte each unless said otherwise.
  func encode(into writer: inout ByteWriter) {
    writer.append(bytes: [index, flags])
    writer.append(bytes: [reference.second, reference.minute, reference.hour])
    writer.append(bytes: [reference.dayOfWeek, reference.day, reference.month])
    writer.append(bytes: [reference.year, reference.century])
    writer.append(referenceSecond)
    writer.append(current.nanoseconds)
    for index in 0..<128 { writer.append(bytes[index]) }
  }

  mutating func decode(from reader: inout ByteReader) throws(BoardFieldError) {
    index = try reader.boardField(allowedBits: 0x7f)
    flags = try reader.boardField(allowedBits: Flag.all)
    reference.second = try reader.boardField()
    reference.minute = try reader.boardField()
    reference.hour = try reader.boardField()
    reference.dayOfWeek = try reader.boardField()
    reference.day = try reader.boardField()
    reference.month = try reader.boardField()
    reference.year = try reader.boardField()
    reference.century = try reader.boardField()
    let lastSecond = UInt64.max / Self.nanosecondsPerSecond
    referenceSecond = try reader.boardField(in: 0...lastSecond)
    current = VirtualTime(nanoseconds: try reader.boardField())
    for index in 0..<128 { bytes[index] = try reader.boardField() }
  }
}
