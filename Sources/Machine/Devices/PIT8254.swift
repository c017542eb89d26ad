internal import Bytes

/// The Intel 8254 programmable interval timer of a PC, with the port 0x61 bits that belong to it.
///
/// Clocked at 1 193 182 Hz from virtual time by exact integer arithmetic, so it never drifts.
/// Channel 0 drives IRQ 0; channel 2 is gated by port 0x61 bit 0 and read at its bit 5. All
/// channels look programmed at reset (mode 3, count 65 536), as firmware leaves channel 0: guests
/// spin on the read-back command until its null-count bit is clear.
///
/// Several rising edges between two calls of ``advance(to:)`` are one pending interrupt, as on
/// hardware, where the 8259A has room for one.
///
/// Threats: ports are decoded to two bits; time running backwards is taken as standing still.
package struct PIT8254: Equatable, Sendable {
  /// The input clock, 14.318 18 MHz / 12 rounded to the hertz.
  package static let clock = TickRate(hertz: 1_193_182)
  /// Ticks between two toggles of port 0x61 bit 4, the refresh request: about 15 µs.
  private static let refreshPeriodTicks: Int64 = 18

  private var channels = FixedArray<3, PIT8254Channel>(repeating: PIT8254Channel(gate: true))
  private var speakerControl: UInt8 = 0
  private var currentTick: Int64 = 0

  /// Makes the timer as firmware leaves it, at virtual time zero, channel 2's gate low.
  package init() {
    channels[2] = PIT8254Channel(gate: false)
  }

  /// Moves to an instant.
  ///
  /// - Returns: whether channel 0's OUT rose at least once since the instant before.
  package mutating func advance(to now: VirtualTime) -> Bool {
    let tick = Self.clock.tick(at: now)
    guard tick > currentTick else { return false }
    let edge = channels[0].nextRisingEdge(after: currentTick)
    currentTick = tick
    return edge.map { $0 <= tick } ?? false
  }

  /// Channel 0's OUT, which is IRQ 0.
  package var interruptLine: Bool { channels[0].output(at: currentTick) }

  /// The instant of channel 0's next rising edge after `now`; `nil` when none is coming.
  package func nextInterrupt(after now: VirtualTime) -> VirtualTime? {
    let tick = max(currentTick, Self.clock.tick(at: now))
    return channels[0].nextRisingEdge(after: tick).flatMap(Self.clock.instant(ofTick:))
  }

  /// Reads port 0x40–0x43, named by its low two bits, at the instant last advanced to.
  package mutating func read(_ port: UInt16) -> UInt8 {
    let index = Int(port & 3)
    guard index < 3 else { return 0xff }  // the control word register cannot be read
    return channels[index].read(at: currentTick)
  }

  /// Writes port 0x40–0x43, named by its low two bits, at the instant last advanced to.
  package mutating func write(_ port: UInt16, _ value: UInt8) {
    let index = Int(port & 3)
    guard index == 3 else { return channels[index].write(value, at: currentTick) }
    let selected = Int(value >> 6)
    if selected == 3 {
      readBack(value)
    } else if value & 0x30 == 0 {
      channels[selected].latchCount(at: currentTick)
    } else {
      channels[selected].writeControl(value)
    }
  }

  /// The read-back command: bit 5 low latches counts, bit 4 low statuses, bits 1–3 select.
  private mutating func readBack(_ command: UInt8) {
    for index in 0..<3 where command & (2 << UInt8(index)) != 0 {
      if command & 0x20 == 0 { channels[index].latchCount(at: currentTick) }
      if command & 0x10 == 0 { channels[index].latchStatus(at: currentTick) }
    }
  }

  /// Reads port 0x61: bits 0–3 as written, 4 refresh toggle, 5 channel 2's OUT, 6–7 no error.
  package func readSpeakerPort() -> UInt8 {
    let refresh: UInt8 = (currentTick / Self.refreshPeriodTicks) & 1 == 0 ? 0 : 0x10
    return speakerControl | refresh | (channels[2].output(at: currentTick) ? 0x20 : 0)
  }

  /// Writes port 0x61: bit 0 is channel 2's gate; bits 1–3 (speaker, checks) only read back.
  package mutating func writeSpeakerPort(_ value: UInt8) {
    speakerControl = value & 0x0f
    channels[2].setGate(value & 1 != 0, at: currentTick)
  }
}

extension PIT8254: BoardDevice {
  static let stateKind: UInt16 = 2
  static let stateVersion: UInt16 = 1

  /// Appends the current tick (8), port 0x61 bits 0–3 (1), then channels 0, 1 and 2.
  func encode(into writer: inout ByteWriter) {
    writer.append(currentTick)
    writer.append(speakerControl)
    for index in 0..<3 { channels[index].encode(into: &writer) }
  }

  mutating func decode(from reader: inout ByteReader) throws(BoardFieldError) {
    let lastTick = Self.clock.tick(at: VirtualTime(nanoseconds: .max))
    currentTick = try reader.boardField(in: 0...lastTick)
    speakerControl = try reader.boardField(allowedBits: 0x0f)
    for index in 0..<3 { try channels[index].decode(from: &reader) }
  }
}
