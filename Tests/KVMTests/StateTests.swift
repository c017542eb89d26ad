import Machine
import Testing

@testable import KVM

extension HostTests {
  @Suite(.needsKVM)
  struct StateTests {
    // inc ax; mov [cs:0x4000], ax; add bx, 3; out 0x10, ax; jmp back
    private static let busy: [UInt8] = [
      0x40, 0x2e, 0xa3, 0x00, 0x40, 0x83, 0xc3, 0x03, 0xe7, 0x10, 0xeb, 0xf4,
    ]

    private func advance(_ guest: ProbeGuest, exits: Int) throws -> VCPUState {
      for _ in 0..<exits { _ = try guest.run() }
      #expect(try guest.processor.complete() == nil)
      return try guest.processor.captureState()
    }

    @Test func aRestoredStateRunsOnTheSame() throws {
      let guest = try ProbeGuest.running(Self.busy)
      let start = try advance(guest, exits: 10)
      let ram = try #require(guest.memory.read(0x4000, count: 2))
      let first = try advance(guest, exits: 50)
      #expect(first != start)
      guest.memory.write(ram, at: 0x4000)
      try guest.processor.restoreState(start)
      #expect(try guest.processor.captureState() == start)
      #expect(try advance(guest, exits: 50) == first)
    }

    @Test func aStateMovesToAnotherProcessor() throws {
      let guest = try ProbeGuest.running(Self.busy)
      let start = try advance(guest, exits: 10)
      let other = try ProbeGuest.running(Self.busy)
      try other.processor.restoreState(start)
      #expect(try other.processor.captureState() == start)
      #expect(try advance(guest, exits: 50) == advance(other, exits: 50))
    }

    @Test func floatingPointAndDebugRegistersAreRestored() throws {
      let guest = try ProbeGuest.running(Self.busy)
      var state = try guest.processor.captureState()
      try #require(state.floatingPoint.count == 4096)
      state.floatingPoint[512] = 3
      for offset in 160..<416 { state.floatingPoint[offset] = UInt8(offset & 0xff) }
      state.debug.addresses = [1, 2, 3, 4]
      state.system.cr2 = 0x1234
      state.system.cr8 = 5
      state.events.interruptShadow = 2
      try guest.processor.restoreState(state)
      let read = try guest.processor.captureState()
      #expect(Array(read.floatingPoint[160..<416]) == Array(state.floatingPoint[160..<416]))
      #expect(read.debug.addresses == [1, 2, 3, 4])
      #expect(read.system.cr2 == 0x1234)
      #expect(read.system.cr8 == 5)
      // SVM has one bit for the shadows of STI and of MOV SS: KVM reads it as both.
      #expect([2, 3].contains(read.events.interruptShadow))
      #expect(!read.modelSpecific.isEmpty)
    }

    @Test func capturingChangesNothing() throws {
      let guest = try ProbeGuest.running(Self.busy)
      let once = try advance(guest, exits: 3)
      #expect(try guest.processor.captureState() == once)
    }

    @Test func restoringDropsAnUnansweredRead() throws {
      // in al, 0x20; hlt
      let guest = try ProbeGuest.running([0xe4, 0x20, 0xf4])
      let start = try guest.processor.captureState()
      _ = try guest.run()
      try guest.processor.restoreState(start)
      #expect(try guest.processor.captureState() == start)
      #expect(try guest.run() == .portRead(PortAccess(port: 0x20, width: 1)))
    }

    @Test func theDirtyLogNamesTheGuestsPages() throws {
      // mov [cs:0x4000], ax; mov [cs:0x7ffe], ax; out 0x10, al; mov [cs:0x5000], ax; hlt
      let guest = try ProbeGuest.running([
        0x2e, 0xa3, 0x00, 0x40, 0x2e, 0xa3, 0xfe, 0x7f, 0xe6, 0x10, 0x2e, 0xa3, 0x00, 0x50, 0xf4,
      ])
      _ = try guest.processor.takeDirtyPages()
      _ = try guest.run()
      // Nested paging maps a page that is read or fetched writable at once and calls it dirty:
      // here the code's page, 1.
      let dirty = Set(try guest.processor.takeDirtyPages()).subtracting([1])
      #expect(dirty == [4, 7])
      #expect(try guest.run() == .halt)
      #expect(try guest.processor.takeDirtyPages() == [5])
      #expect(try guest.processor.takeDirtyPages() == [])
    }

    @Test func capturingInsideAnInstructionIsAnError() throws {
      let guest = try ProbeGuest.running([0xe4, 0x20, 0xf4])
      _ = try guest.run()
      #expect(throws: ProcessorError.self) { try guest.processor.captureState() }
      #expect(throws: ProcessorError.self) {
        try guest.processor.setRegisters(GeneralRegisters())
      }
      #expect(try guest.processor.complete() == nil)
      _ = try guest.processor.captureState()
    }

    @Test func malformedStatesAreErrors() throws {
      let guest = try ProbeGuest()
      let good = try guest.processor.captureState()
      var state = good
      state.system.segments.removeLast()
      #expect(throws: ProcessorError.self) { try guest.processor.restoreState(state) }
      state = good
      state.debug.addresses = []
      #expect(throws: ProcessorError.self) { try guest.processor.restoreState(state) }
      state = good
      state.floatingPoint = [1, 2, 3]
      #expect(throws: ProcessorError.self) { try guest.processor.restoreState(state) }
      state = good
      state.modelSpecific = [IndexedRegister(index: 0xdead_beef, value: 1)]
      #expect(throws: ProcessorError.self) { try guest.processor.restoreState(state) }
      try guest.processor.restoreState(good)
    }

    @Test func aLackOfRequiredFeaturesIsNamed() throws {
      #expect {
        try CPUIDModel.table(host: [CPUIDEntry(leaf: 1)])
      } throws: { error in
        (error as? ProcessorError)?.missingCapability?.contains("sse2") == true
      }
    }
  }
}
