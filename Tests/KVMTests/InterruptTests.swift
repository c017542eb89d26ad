import Machine
import Testing

@testable import KVM

extension HostTests {
  @Suite(.needsKVM)
  struct InterruptTests {
    /// Vector 0x20's handler: out 0x42, al; iret — at 0x2000.
    private func guest(_ code: [UInt8]) throws -> ProbeGuest {
      let guest = try ProbeGuest.running(code)
      guest.memory.write([0x00, 0x20, 0x00, 0x00], at: 0x20 * 4)
      guest.memory.write([0xe6, 0x42, 0xcf], at: 0x2000)
      return guest
    }

    @Test func anInjectedInterruptIsTakenBeforeTheNextInstruction() throws {
      // sti; nop; out 0x10, al; out 0x11, al
      let guest = try guest([0xfb, 0x90, 0xe6, 0x10, 0xe6, 0x11])
      _ = try guest.run()
      #expect(try guest.processor.complete() == nil)
      #expect(guest.processor.areInterruptsEnabled)
      try #require(guest.processor.isReadyForInterrupt)
      try guest.processor.injectInterrupt(vector: 0x20)
      #expect(!guest.processor.isReadyForInterrupt)
      #expect(try guest.run() == .portWrite(PortAccess(port: 0x42, width: 1), value: 0))
      #expect(!guest.processor.areInterruptsEnabled)
      #expect(try guest.run() == .portWrite(PortAccess(port: 0x11, width: 1), value: 0))
      #expect(guest.processor.areInterruptsEnabled)
    }

    @Test func aCapturedStateCarriesTheInjectedInterrupt() throws {
      let guest = try guest([0xfb, 0x90, 0xe6, 0x10, 0xe6, 0x11])
      _ = try guest.run()
      #expect(try guest.processor.complete() == nil)
      try guest.processor.injectInterrupt(vector: 0x20)
      let state = try guest.processor.captureState()
      #expect(state.events.interruptState & 1 == 1)
      #expect(state.events.interruptVector == 0x20)
      _ = try guest.run()
      try guest.processor.restoreState(state)
      #expect(!guest.processor.isReadyForInterrupt)
      #expect(try guest.run() == .portWrite(PortAccess(port: 0x42, width: 1), value: 0))
    }

    @Test func injectingWhenNotReadyIsAnError() throws {
      let guest = try guest([0xe6, 0x10, 0xf4])
      _ = try guest.run()
      #expect(try guest.processor.complete() == nil)
      #expect(!guest.processor.isReadyForInterrupt)
      #expect(throws: ProcessorError.self) { try guest.processor.injectInterrupt(vector: 0x20) }
    }

    @Test func anInterruptWindowOpens() throws {
      // out 0x10, al; sti; then nops and a jump back to them
      let nops = [UInt8](repeating: 0x90, count: 100)
      let guest = try guest([0xe6, 0x10, 0xfb] + nops + [0xeb, 0x9a])
      _ = try guest.run()
      guest.processor.requestsInterruptWindow = true
      #expect(try guest.run() == .interruptWindow)
      #expect(guest.processor.isReadyForInterrupt)
      guest.processor.requestsInterruptWindow = false
      try guest.processor.injectInterrupt(vector: 0x20)
      #expect(try guest.run() == .portWrite(PortAccess(port: 0x42, width: 1), value: 0))
    }
  }
}
