internal import Bytes

/// One Intel 8259A programmable interrupt controller, as a PC chipset contains it.
///
/// Follows the 8259A data sheet (Intel 231468) for ICW1–4 and OCW1–3. As in the PIIX3 chipset,
/// the trigger mode of each input comes from its ELCR bit and ICW1's LTIM bit is ignored; ICW1's
/// SNGL only decides whether ICW3 is expected, for the cascade is wired. An edge stays requested
/// until it is acknowledged or the chip is initialised, even if the line falls before that.
/// Every acknowledge answers one 8086 vector: an x86 CPU cannot take the CALL of the MCS-80 mode.
///
/// Threats: every register is one byte or less and every level is masked to 0–7, so no write
/// order can index outside them.
package struct PIC8259: Equatable, Sendable {
  /// The initialisation command word a write to the data port will be taken as.
  enum InitializationStep: UInt8, Sendable {
    case complete = 0
    case vectorBase = 1
    case cascade = 2
    case modes = 3
  }

  /// IRR: the requests; edges are latched here, level inputs mirrored.
  private(set) var requests: UInt8 = 0
  /// ISR: the levels being served.
  private(set) var inService: UInt8 = 0
  /// IMR: a one masks its level.
  ///
  /// Firmware leaves everything masked.
  private(set) var mask: UInt8 = 0xff
  /// ELCR: a one makes its input level-triggered.
  private(set) var levelTriggered: UInt8 = 0
  private var lines: UInt8 = 0
  private var vectorBase: UInt8
  private var lowestPriority: UInt8 = 7
  private var step = InitializationStep.complete
  private var expectsCascadeWord = true
  private var expectsModeWord = true
  private var readsInService = false
  private var isPolled = false
  private var usesSpecialMask = false
  private var endsAutomatically = false
  private var rotatesOnAutomaticEnd = false
  private var isSpeciallyNested = false
  /// The ELCR bits that exist for this chip.
  private let triggerControlMask: UInt8
  /// Inputs that follow their line whatever the ELCR says: the master's cascade input.
  private let wiredLevels: UInt8

  /// Makes a chip as firmware leaves it: initialised, everything masked.
  ///
  /// - Parameters:
  ///   - vectorBase: the vector of level 0, a multiple of 8.
  ///   - triggerControlMask: the ELCR bits software may set.
  ///   - wiredLevels: the inputs that are always level-triggered.
  package init(vectorBase: UInt8, triggerControlMask: UInt8 = 0xff, wiredLevels: UInt8 = 0) {
    self.vectorBase = vectorBase & 0xf8
    self.triggerControlMask = triggerControlMask
    self.wiredLevels = wiredLevels
  }

  // MARK: Inputs and the processor's side

  /// Drives an input high or low; `level` is 0–7.
  package mutating func setLine(_ level: UInt8, _ isHigh: Bool) {
    let bit: UInt8 = 1 << (level & 7)
    let followsLine = (levelTriggered | wiredLevels) & bit != 0
    if isHigh {
      if followsLine || lines & bit == 0 { requests |= bit }
      lines |= bit
    } else {
      if followsLine { requests &= ~bit }
      lines &= ~bit
    }
  }

  /// The INT output: whether a request outranks everything in service.
  package var isRequesting: Bool { pendingLevel != nil }

  /// Serves the acknowledge cycle: moves the winning request into service.
  ///
  /// - Returns: the level, and whether there was a request at all. Without one the chip answers
  ///   level 7 and marks nothing in service ("default IR7", data sheet, Edge and Level Triggered
  ///   Modes).
  package mutating func acknowledge() -> (level: UInt8, isGenuine: Bool) {
    guard let level = pendingLevel else { return (7, false) }
    let bit: UInt8 = 1 << level
    if (levelTriggered | wiredLevels) & bit == 0 { requests &= ~bit }
    if endsAutomatically {
      if rotatesOnAutomaticEnd { lowestPriority = level }
    } else {
      inService |= bit
    }
    return (level, true)
  }

  /// The vector of a level.
  package func vector(of level: UInt8) -> UInt8 { vectorBase | (level & 7) }

  /// The unmasked request that may interrupt now.
  private var pendingLevel: UInt8? {
    guard let candidate = highestPriority(in: requests & ~mask) else { return nil }
    // Special mask mode: a masked level in service blocks nobody.
    var blocking = usesSpecialMask ? inService & ~mask : inService
    // Special fully nested mode: the slave may interrupt its own service.
    if isSpeciallyNested { blocking &= ~wiredLevels }
    guard let served = highestPriority(in: blocking) else { return candidate }
    return rank(candidate) < rank(served) ? candidate : nil
  }

  /// 0 for the highest priority, 7 for the lowest.
  private func rank(_ level: UInt8) -> UInt8 { (level &- lowestPriority &- 1) & 7 }

  private func highestPriority(in levels: UInt8) -> UInt8? {
    guard levels != 0 else { return nil }
    for distance: UInt8 in 1...8 {
      let level = (lowestPriority &+ distance) & 7
      if levels & (1 << level) != 0 { return level }
    }
    return nil
  }

  // MARK: Ports

  /// Reads the command port (A0 = 0): the poll answer, ISR or IRR.
  package mutating func readCommand() -> UInt8 {
    if isPolled { return poll() }
    return readsInService ? inService : requests
  }

  /// Reads the data port (A0 = 1): the mask, or the poll answer.
  package mutating func readData() -> UInt8 {
    isPolled ? poll() : mask
  }

  /// Writes the command port (A0 = 0): ICW1, OCW2 or OCW3, told apart by bits 4 and 3.
  package mutating func writeCommand(_ value: UInt8) {
    if value & 0x10 != 0 {
      beginInitialization(value)
    } else if value & 0x08 != 0 {
      writeOperationWord3(value)
    } else {
      writeOperationWord2(value)
    }
  }

  /// Writes the data port (A0 = 1): the next initialisation word, or the mask (OCW1).
  package mutating func writeData(_ value: UInt8) {
    switch step {
    case .complete:
      mask = value
    case .vectorBase:
      vectorBase = value & 0xf8
      step = expectsCascadeWord ? .cascade : expectsModeWord ? .modes : .complete
    case .cascade:
      // The cascade is wired: the word is accepted and has no effect.
      step = expectsModeWord ? .modes : .complete
    case .modes:
      endsAutomatically = value & 0x02 != 0
      isSpeciallyNested = value & 0x10 != 0
      step = .complete
    }
  }

  /// Reads ELCR.
  package func readTriggerControl() -> UInt8 { levelTriggered }

  /// Writes ELCR; bits of inputs that are always edge-triggered stay zero.
  package mutating func writeTriggerControl(_ value: UInt8) {
    let previous = levelTriggered
    levelTriggered = value & triggerControlMask
    // An input made level-triggered requests exactly while its line is high.
    let nowLevel = levelTriggered & ~previous
    requests = (requests & ~nowLevel) | (lines & nowLevel)
  }

  /// ICW1 (data sheet, Initialization Command Words): resets the edge sense, mask and priorities.
  private mutating func beginInitialization(_ value: UInt8) {
    requests = lines & (levelTriggered | wiredLevels)
    inService = 0
    mask = 0
    lowestPriority = 7
    usesSpecialMask = false
    readsInService = false
    isPolled = false
    endsAutomatically = false
    rotatesOnAutomaticEnd = false
    isSpeciallyNested = false
    expectsModeWord = value & 0x01 != 0
    expectsCascadeWord = value & 0x02 == 0
    step = .vectorBase
  }

  /// OCW2: end of interrupt and rotation, by the bits R, SL and EOI.
  private mutating func writeOperationWord2(_ value: UInt8) {
    let level = value & 7
    switch value >> 5 {
    case 0b000: rotatesOnAutomaticEnd = false
    case 0b100: rotatesOnAutomaticEnd = true
    case 0b001: endHighestPriority()
    case 0b101: if let ended = endHighestPriority() { lowestPriority = ended }
    case 0b011: inService &= ~(1 << level)
    case 0b111:
      inService &= ~(1 << level)
      lowestPriority = level
    case 0b110: lowestPriority = level
    default: break  // 0b010: no operation
    }
  }

  /// OCW3: special mask mode, poll command and the choice of register to read.
  private mutating func writeOperationWord3(_ value: UInt8) {
    if value & 0x40 != 0 { usesSpecialMask = value & 0x20 != 0 }
    isPolled = value & 0x04 != 0
    if value & 0x02 != 0 { readsInService = value & 0x01 != 0 }
  }

  /// Non-specific EOI; in special mask mode a masked level is passed over.
  @discardableResult
  private mutating func endHighestPriority() -> UInt8? {
    let candidates = usesSpecialMask ? inService & ~mask : inService
    guard let level = highestPriority(in: candidates) else { return nil }
    inService &= ~(1 << level)
    return level
  }

  /// The read after a poll command is an acknowledge: bit 7 says whether, bits 2–0 which level.
  private mutating func poll() -> UInt8 {
    isPolled = false
    let (level, isGenuine) = acknowledge()
    return isGenuine ? 0x80 | level : 0
  }
}

extension PIC8259 {
  /// Appends the state: IRR, ISR, IMR, ELCR, lines, vector base, lowest priority, initialisation
  /// step, then the flags, one byte each (two for the flags).
  func encode(into writer: inout ByteWriter) {
    writer.append(bytes: [requests, inService, mask, levelTriggered, lines])
    writer.append(bytes: [vectorBase, lowestPriority, step.rawValue])
    writer.append(flags)
  }

  /// Replaces the state by one that ``encode(into:)`` appended; the wiring stays.
  mutating func decode(from reader: inout ByteReader) throws(BoardFieldError) {
    requests = try reader.boardField()
    inService = try reader.boardField()
    mask = try reader.boardField()
    levelTriggered = try reader.boardField(allowedBits: triggerControlMask)
    lines = try reader.boardField()
    vectorBase = try reader.boardField(allowedBits: 0xf8)
    lowestPriority = try reader.boardField(in: 0...7)
    step = try reader.boardField(InitializationStep.self)
    setFlags(try reader.boardField(allowedBits: 0x00ff))
  }

  /// Bits 0–7: the flags in the order they are declared.
  private var flags: UInt16 {
    var bits: UInt16 = 0
    let ordered = [
      expectsCascadeWord, expectsModeWord, readsInService, isPolled, usesSpecialMask,
      endsAutomatically, rotatesOnAutomaticEnd, isSpeciallyNested,
    ]
    for (index, flag) in ordered.enumerated() where flag { bits |= 1 << UInt16(index) }
    return bits
  }

  private mutating func setFlags(_ bits: UInt16) {
    expectsCascadeWord = bits & 0x01 != 0
    expectsModeWord = bits & 0x02 != 0
    readsInService = bits & 0x04 != 0
    isPolled = bits & 0x08 != 0
    usesSpecialMask = bits & 0x10 != 0
    endsAutomatically = bits & 0x20 != 0
    rotatesOnAutomaticEnd = bits & 0x40 != 0
    isSpeciallyNested = bits & 0x80 != 0
  }
}
