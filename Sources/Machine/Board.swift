/// The virtual hardware outside the guest's CPU and RAM, as one value.
///
/// A pure state machine: the run loop tells it what the guest did and what time it is, and it
/// answers. A checkpoint is a copy, equality is `==`. Replay does not need it.
///
/// Every call that takes `now` first latches the timer edges due by then. An instant before the
/// latest one seen counts as that one.
///
/// Threats: the guest chooses port, width, value and order of every access. Each has a defined
/// answer: widths outside 1–8 are clamped, ports wrap at 0xffff, and what nobody claims floats.
public struct Board: Equatable, Sendable {
  /// The interrupt request lines the devices are wired to.
  enum InterruptLine {
    static let timer: UInt8 = 0
    static let serial: UInt8 = 4
    static let realTimeClock: UInt8 = 8
  }

  /// What the board was made with.
  public let configuration: BoardConfiguration
  var interrupts = PIC8259Pair()
  var timer = PIT8254()
  var clock: CMOSClock
  var serial = UART16550()
  var keyboard = I8042()
  var system = SystemControl()

  /// Makes the board as firmware leaves it, at virtual time zero.
  public init(configuration: BoardConfiguration) {
    self.configuration = configuration
    clock = CMOSClock(epochSeconds: configuration.realTimeClockEpochSeconds)
    updateInterruptLines()
  }

  // MARK: Time

  /// Latches the timer edges due up to an instant into the interrupt controller.
  ///
  /// Several edges of one timer become one pending interrupt: the controller has room for one.
  public mutating func advance(to now: VirtualTime) {
    advanceTimers(to: now)
    updateInterruptLines()
  }

  /// As ``advance(to:)``, but leaves the levels of the request lines to the caller.
  mutating func advanceTimers(to now: VirtualTime) {
    let hasTimerEdge = timer.advance(to: now)
    clock.advance(to: now)
    if hasTimerEdge {
      interrupts.setLine(InterruptLine.timer, false)
      interrupts.setLine(InterruptLine.timer, true)
    }
  }

  /// The next instant after `now` at which a timer will interrupt the processor; `nil` if none.
  ///
  /// Timers whose interrupt would stay blocked, by a mask or by a higher priority in service, do
  /// not count. Call ``advance(to:)`` with `now` first: edges due by then are not deadlines.
  public func nextDeadline(after now: VirtualTime) -> VirtualTime? {
    var deadline: VirtualTime?
    if interrupts.wouldInterrupt(onEdgeOf: InterruptLine.timer) {
      deadline = timer.nextInterrupt(after: now)
    }
    if interrupts.wouldInterrupt(onEdgeOf: InterruptLine.realTimeClock),
      let alarm = clock.nextInterrupt(after: now)
    {
      deadline = min(deadline ?? alarm, alarm)
    }
    return deadline
  }

  // MARK: Interrupts

  /// Whether INTR, the interrupt controller's line to the processor, is high.
  public var isInterruptPending: Bool { interrupts.isInterruptPending }

  /// Answers the processor's interrupt acknowledge cycle with a vector.
  ///
  /// Without a pending interrupt the answer is IRQ 7's vector, as the 8259A gives it.
  public mutating func acknowledgeInterrupt() -> UInt8 { interrupts.acknowledge() }

  /// Drives all request lines by what their devices say now.
  mutating func updateInterruptLines() {
    interrupts.setLine(InterruptLine.timer, timer.interruptLine)
    interrupts.setLine(InterruptLine.serial, serial.interruptLine)
    interrupts.setLine(InterruptLine.realTimeClock, clock.interruptLine)
  }

  // MARK: Serial input

  /// Whether the serial port has room for a byte now.
  public var canReceiveSerialInput: Bool { serial.canReceive }

  /// Whether the guest waits for serial input, by interrupt or by polling LSR.
  public var listensForSerialInput: Bool { serial.isListening }

  /// Delivers a byte to the serial port; without room it is lost and LSR reports an overrun.
  public mutating func receiveSerialInput(_ byte: UInt8) {
    serial.receive(byte)
    updateInterruptLines()
  }

  /// Whether serial input can end a HLT: its interrupt is enabled and IRQ 4 is not masked.
  public var mayWakeOnSerialInput: Bool {
    serial.isReceiveInterruptEnabled && !interrupts.isMasked(InterruptLine.serial)
  }

  // MARK: Memory and model-specific registers

  /// Writes to an address that is not RAM: an empty bus, nothing happens.
  public mutating func writeMemory(
    _ address: UInt64, width: UInt8, value: UInt64, at now: VirtualTime
  ) -> BoardEffect { .none }

  /// Reads an address that is not RAM: an empty bus, all ones of the width (1–8 bytes).
  public mutating func readMemory(_ address: UInt64, width: UInt8, at now: VirtualTime) -> UInt64 {
    Self.allOnes(width: width)
  }

  /// Writes a model-specific register the kernel does not handle: ignored.
  public mutating func writeMSR(_ index: UInt32, value: UInt64) {}

  /// Reads a model-specific register the kernel does not handle: 0.
  public mutating func readMSR(_ index: UInt32) -> UInt64 { 0 }

  /// The value of an empty bus, for widths of 0–8 bytes and more.
  static func allOnes(width: UInt8) -> UInt64 {
    width >= 8 ? .max : (1 << (UInt64(width) * 8)) - 1
  }
}
