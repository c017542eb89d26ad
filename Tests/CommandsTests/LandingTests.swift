import Testing

extension ProgramTests {
  /// Real guests that are hard to land in, hand-assembled for address 0x7c00.
  @Suite(.needsKVM) struct Landing {
    /// Real mode with a stack below the code: CLI; DS = SS = 0; SP = 0x7c00.
    private static let start: [UInt8] = [
      0xfa, 0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xd0, 0xbc, 0x00, 0x7c,
    ]

    private func replayed(_ guest: [UInt8], quantum: String, time: String) throws -> Run {
      let directory = try TestDirectory()
      try directory.write(guest, to: "g.bin")
      let recorded = try directory.vmreel(
        "record", "--flat", "g.bin", "--at", "0x7c00", "--input", "none", "--quantum", quantum,
        "--for", time, "-o", "g.reel")
      #expect(recorded.status == 0, "\(recorded.story)")
      return try directory.vmreel("replay", "g.reel")
    }

    private func sealsOfReplay(
      _ guest: [UInt8], time: String
    ) throws -> (Substring, Placement.Seals) {
      let verdict = try #require(try replayed(guest, quantum: "1ms", time: time).errorLines.last)
      return (verdict, try #require(Placement.Seals(verdict), "no count of seals in: \(verdict)"))
    }

    /// One stretch of code at two values of CS and RIP: a breakpoint is hit under both.
    @Test func codeThatRunsUnderTwoSelectors() throws {
      var guest = Self.start
      // The timer is armed and IRQ 0 unmasked, so that each kick counts.
      guest += [0xb0, 0x34, 0xe6, 0x43, 0xb0, 0x00, 0xe6, 0x40, 0xe6, 0x40, 0xb0, 0xfe, 0xe6, 0x21]
      // BP and BX become CS and IP.
      guest += [0xbd, 0x00, 0x00, 0xbb, 0x40, 0x7c]
      guest += [UInt8](repeating: 0x90, count: 0x40 - guest.count)
      // At 0:7c40 and 10:7b40: NOPs, INC DI, XOR BP,0x10, XOR BX,0x700, PUSH BP, PUSH BX, RETF.
      guest += [UInt8](repeating: 0x90, count: 128)
      guest += [0x47, 0x83, 0xf5, 0x10, 0x81, 0xf3, 0x00, 0x07, 0x55, 0x53, 0xcb]
      // A busy machine kicks less often: then the guest runs longer.
      var (verdict, seals) = try sealsOfReplay(guest, time: "60ms")
      if seals.all < 10 { (verdict, seals) = try sealsOfReplay(guest, time: "1") }
      #expect(seals.all >= 10, "\(verdict)")
      #expect(seals.reexecuted * 10 >= seals.all * 9, "\(verdict)")
    }

    /// A load beyond the segment's limit.
    ///
    /// kvm_pvm tries to deliver the #GP for ever: a kick finds it pending, which no step shows.
    /// Elsewhere the handler halts.
    @Test func anExceptionThatIsNeverDelivered() throws {
      var guest = Self.start
      guest += [0xc7, 0x06, 0x34, 0x00, 0x20, 0x7c]  // MOV WORD [13 * 4], 0x7c20
      guest += [0xc7, 0x06, 0x36, 0x00, 0x00, 0x00]  // MOV WORD [13 * 4 + 2], 0
      guest += [0x66, 0xb8, 0x00, 0x00, 0x01, 0x00]  // MOV EAX, 0x10000
      guest += [0x67, 0x8a, 0x00, 0xf4, 0xf4]  // MOV AL, [EAX]; HLT; at 0x7c20: HLT
      let run = try replayed(guest, quantum: "5ms", time: "50ms")
      #expect(run.status == 0 && run.errors.contains("identical: "), "\(run.story)")
    }
  }
}
