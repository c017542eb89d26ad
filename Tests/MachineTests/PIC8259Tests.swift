import Machine
import Testing

/// Checks against the Intel 8259A data sheet (231468) and the PIIX3's ELCR registers.
@Suite struct PIC8259Tests {
  /// The pair as Linux and most kernels program it: vectors 0x20 and 0x28, nothing masked.
  private static func initializedPair(icw4: UInt8 = 0x01) -> PIC8259Pair {
    var pair = PIC8259Pair()
    for (port, value) in [
      (0x20, 0x11), (0x21, 0x20), (0x21, 0x04), (0x21, icw4),
      (0xa0, 0x11), (0xa1, 0x28), (0xa1, 0x02), (0xa1, icw4),
    ] as [(UInt16, UInt8)] {
      pair.write(port, value)
    }
    return pair
  }

  private func pulse(_ pair: inout PIC8259Pair, _ irq: UInt8) {
    pair.setLine(irq, true)
    pair.setLine(irq, false)
  }

  @Test func masksEverythingAtResetAndReadsTheMaskBack() {
    // Linux writes 0xfb to the IMR and takes a different answer for "no legacy PIC".
    var pair = PIC8259Pair()
    #expect(pair.read(0x21) == 0xff)
    #expect(pair.read(0xa1) == 0xff)
    pair.write(0x21, 0xfb)
    #expect(pair.read(0x21) == 0xfb)
    pulse(&pair, 0)
    #expect(!pair.isInterruptPending)
  }

  @Test func initializationClearsMaskAndEdgesAndSetsVectors() {
    // Data sheet, "Initialization Command Words": ICW1 clears the IMR and the edge sense circuit.
    var pair = PIC8259Pair()
    pulse(&pair, 3)
    pair.write(0x20, 0x11)
    #expect(pair.read(0x20) == 0)
    pair.write(0x21, 0x47)  // ICW2: low three bits are not part of the base
    pair.write(0x21, 0x04)
    pair.write(0x21, 0x01)
    #expect(pair.read(0x21) == 0)
    pulse(&pair, 3)
    #expect(pair.acknowledge() == 0x43)
  }

  @Test func initializationWithoutWords3And4() {
    // SNGL = 1 leaves out ICW3, IC4 = 0 leaves out ICW4: the next data write is the mask.
    var pair = PIC8259Pair()
    pair.write(0x20, 0x12)
    pair.write(0x21, 0x20)
    pair.write(0x21, 0x5a)
    #expect(pair.read(0x21) == 0x5a)
  }

  @Test func servesByPriorityAndBlocksLowerLevels() {
    var pair = Self.initializedPair()
    pulse(&pair, 5)
    pulse(&pair, 3)
    #expect(pair.acknowledge() == 0x23)
    #expect(!pair.isInterruptPending, "level 5 waits behind level 3 in service")
    pulse(&pair, 1)
    #expect(pair.acknowledge() == 0x21, "a higher level nests")
    pair.write(0x20, 0x0b)
    #expect(pair.read(0x20) == 0b1010, "ISR")
    pair.write(0x20, 0x0a)
    #expect(pair.read(0x20) == 0b10_0000, "IRR")
    pair.write(0x20, 0x20)  // non-specific EOI ends level 1, the highest
    #expect(!pair.isInterruptPending)
    pair.write(0x20, 0x63)  // specific EOI of level 3
    #expect(pair.acknowledge() == 0x25)
  }

  @Test func edgesStayLatchedWhileMasked() {
    var pair = Self.initializedPair()
    pair.write(0x21, 0xff)
    pulse(&pair, 4)
    #expect(!pair.isInterruptPending)
    pair.write(0x21, 0)
    #expect(pair.acknowledge() == 0x24)
    pair.write(0x20, 0x20)
    pair.setLine(4, true)
    #expect(pair.acknowledge() == 0x24)
    pair.write(0x20, 0x20)
    pair.setLine(4, true)
    #expect(!pair.isInterruptPending, "no new edge without a falling line")
  }

  @Test func levelInputsFollowTheirLine() {
    // PIIX3 ELCR1: IRQ 5 may be level-triggered; IRQ 0–2 may not.
    var pair = Self.initializedPair()
    pair.write(0x4d0, 0xff)
    pair.write(0x4d1, 0xff)
    #expect(pair.read(0x4d0) == 0xf8)
    #expect(pair.read(0x4d1) == 0xde)
    pair.setLine(5, true)
    #expect(pair.acknowledge() == 0x25)
    pair.write(0x20, 0x20)
    #expect(pair.isInterruptPending, "the line is still high")
    pair.setLine(5, false)
    #expect(!pair.isInterruptPending)
    #expect(pair.acknowledge() == 0x27, "withdrawn: the default IR7")
  }

  @Test func cascadesTheSlaveThroughLevel2() {
    var pair = Self.initializedPair()
    pulse(&pair, 8)
    pulse(&pair, 14)
    #expect(pair.acknowledge() == 0x28)
    pair.write(0x20, 0x0b)
    #expect(pair.read(0x20) == 0b100, "the master serves its IR2")
    pair.write(0xa0, 0x20)
    pair.write(0x20, 0x20)
    #expect(pair.acknowledge() == 0x2e, "the second slave request is not lost")
    pair.write(0x20, 0x20)
    pair.write(0xa0, 0x20)
    #expect(!pair.isInterruptPending)
  }

  @Test func slaveOutranksMasterLevels3To7() {
    var pair = Self.initializedPair()
    pulse(&pair, 4)
    pulse(&pair, 15)
    #expect(pair.acknowledge() == 0x2f)
  }

  @Test func spuriousInterruptIsLevel7WithoutService() {
    // Data sheet, "Edge and Level Triggered Modes": IR7 is the default, and its ISR bit stays clear.
    var pair = Self.initializedPair()
    #expect(pair.acknowledge() == 0x27)
    pair.write(0x20, 0x0b)
    #expect(pair.read(0x20) == 0)
    var slave = PIC8259(vectorBase: 0x70)
    let answer = slave.acknowledge()
    #expect(answer.level == 7 && !answer.isGenuine, "IRQ 15 on the slave")
    #expect(slave.vector(of: 7) == 0x77)
  }

  @Test func automaticEndLeavesNothingInService() {
    var pair = Self.initializedPair(icw4: 0x03)
    pulse(&pair, 6)
    pulse(&pair, 7)
    #expect(pair.acknowledge() == 0x26)
    #expect(pair.acknowledge() == 0x27)
    pair.write(0x20, 0x0b)
    #expect(pair.read(0x20) == 0)
  }

  @Test func rotationMovesTheLowestPriority() {
    // Data sheet, "Automatic Rotation": after rotate on non-specific EOI, the served level is last.
    var pair = Self.initializedPair()
    pulse(&pair, 4)
    #expect(pair.acknowledge() == 0x24)
    pulse(&pair, 4)
    pulse(&pair, 6)
    pair.write(0x20, 0xa0)
    #expect(pair.acknowledge() == 0x26, "6 now outranks 4")
    pair.write(0x20, 0x20)
    // "Specific Rotation": set priority command, bottom level 5 makes 6 the top.
    pair.write(0x20, 0xc5)
    pulse(&pair, 0)
    pulse(&pair, 6)
    #expect(pair.acknowledge() == 0x26)
    pair.write(0x20, 0xe6)  // rotate on specific EOI: 6 is last, 7 first
    pulse(&pair, 7)
    #expect(pair.acknowledge() == 0x27)
  }

  @Test func rotationInAutomaticEndMode() {
    var pair = Self.initializedPair(icw4: 0x03)
    pair.write(0x20, 0x80)
    pulse(&pair, 0)
    #expect(pair.acknowledge() == 0x20)
    pulse(&pair, 0)
    pulse(&pair, 1)
    #expect(pair.acknowledge() == 0x21)
    pair.write(0x20, 0x00)
    #expect(pair.acknowledge() == 0x20)
  }

  @Test func specialMaskLetsLowerLevelsThrough() {
    // Data sheet, "Special Mask Mode": a masked level in service blocks no other level, and a
    // non-specific EOI does not clear it.
    var pair = Self.initializedPair()
    pulse(&pair, 1)
    #expect(pair.acknowledge() == 0x21)
    pulse(&pair, 6)
    #expect(!pair.isInterruptPending)
    pair.write(0x21, 0x02)
    pair.write(0x20, 0x68)
    #expect(pair.acknowledge() == 0x26)
    pair.write(0x20, 0x20)
    pair.write(0x20, 0x20)
    pair.write(0x20, 0x0b)
    #expect(pair.read(0x20) == 0x02)
    pair.write(0x20, 0x48)
    pulse(&pair, 5)
    #expect(!pair.isInterruptPending, "normal mode again: level 1 blocks")
  }

  @Test func pollAcknowledgesByReading() {
    // Data sheet, "Poll Command": bit 7 says there is a request, bits 2–0 the level.
    var pair = Self.initializedPair()
    pair.write(0x20, 0x0c)
    #expect(pair.read(0x20) == 0)
    pulse(&pair, 3)
    pair.write(0x20, 0x0c)
    #expect(pair.read(0x20) == 0x83)
    pair.write(0x20, 0x0b)
    #expect(pair.read(0x20) == 0x08, "it is in service now, and the poll is over")
  }

  @Test func specialFullyNestedModeLetsTheSlaveNest() {
    var pair = Self.initializedPair(icw4: 0x11)
    pulse(&pair, 12)
    #expect(pair.acknowledge() == 0x2c)
    pulse(&pair, 9)
    #expect(pair.isInterruptPending, "a higher slave level interrupts its own slave's service")
    #expect(pair.acknowledge() == 0x29)
  }

  @Test func withdrawnSlaveRequestLeavesNothingBehind() {
    var pair = Self.initializedPair()
    pulse(&pair, 10)
    pair.write(0xa1, 0xff)
    #expect(!pair.isInterruptPending)
    pair.write(0xa1, 0x00)
    #expect(pair.acknowledge() == 0x2a)
  }
}
