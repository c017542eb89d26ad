import Machine
import Testing

@testable import KVM

extension HostTests {
  @Suite(.needsKVM)
  struct DebugTests {
    private static let nopsAndHalt: [UInt8] = [0x90, 0x90, 0x40, 0x90, 0xf4]

    @Test(.needsSingleStep) func steppingExecutesOneInstructionAtATime() throws {
      let guest = try ProbeGuest.running(Self.nopsAndHalt)
      for address: UInt64 in 0x1001...0x1004 {
        #expect(try guest.processor.step().reason == .debug(address: address))
        #expect(guest.processor.registers.rip == address)
      }
      #expect(guest.processor.registers.rax == 1)
      #expect(try guest.processor.step().reason == .halt)
    }

    @Test(.needsSingleStep) func steppingAnOutIsItsExit() throws {
      // out 0x10, al; in al, 0x20; nop; hlt
      let guest = try ProbeGuest.running([0xe6, 0x10, 0xe4, 0x20, 0x90, 0xf4])
      #expect(
        try guest.processor.step().reason
          == .portWrite(PortAccess(port: 0x10, width: 1), value: 0))
      #expect(try guest.processor.complete() == nil)
      #expect(guest.processor.registers.rip == 0x1002)
      #expect(
        try guest.processor.step().reason == .portRead(PortAccess(port: 0x20, width: 1)))
      guest.processor.reply(9)
      #expect(try guest.processor.step().reason == .debug(address: 0x1005))
      #expect(guest.processor.registers.rax == 9)
      #expect(try guest.run() == .halt)
    }

    @Test(.needsBreakpoints) func aBreakpointStopsEachPassAndIsPassed() throws {
      // nop; inc ax; out 0x10, al; jmp back
      let guest = try ProbeGuest.running([0x90, 0x40, 0xe6, 0x10, 0xeb, 0xfa])
      try guest.processor.setBreakpoint(0x1001)
      for pass: UInt64 in 0..<5 {
        #expect(try guest.run() == .debug(address: 0x1001))
        #expect(guest.processor.registers.rax == pass)
        #expect(
          try guest.run() == .portWrite(PortAccess(port: 0x10, width: 1), value: pass + 1))
      }
      try guest.processor.setBreakpoint(nil)
      for pass: UInt64 in 6..<9 {
        #expect(try guest.run() == .portWrite(PortAccess(port: 0x10, width: 1), value: pass))
      }
    }

    @Test(
      .needsBreakpoints,
      .disabled(if: lane == "vtx", "Bochs keeps a step's trap over the exit of OUT"))
    func aBreakpointAtTheExitIsPassed() throws {
      // out 0x10, al; jmp back
      let guest = try ProbeGuest.running([0xe6, 0x10, 0xeb, 0xfc])
      try guest.processor.setBreakpoint(0x1000)
      #expect(try guest.run() == .portWrite(PortAccess(port: 0x10, width: 1), value: 0))
      #expect(try guest.run() == .debug(address: 0x1000))
      #expect(try guest.run() == .portWrite(PortAccess(port: 0x10, width: 1), value: 0))
    }

    /// The same passes with a HLT in place of the instruction, as on hosts without debug registers.
    @Test(.needsSingleStep) func aSoftwareBreakpointStopsEachPassAndIsPassed() throws {
      let code: [UInt8] = [0x90, 0x40, 0xe6, 0x10, 0xeb, 0xfa]
      let guest = try ProbeGuest.running(code)
      guest.processor.debugFeatures = [.singleStep, .softwareBreakpoint]
      try guest.processor.setBreakpoint(0x1001)
      #expect(guest.memory.read(0x1001, count: 1) == [0xf4])
      for pass: UInt64 in 0..<5 {
        #expect(try guest.run() == .debug(address: 0x1001))
        #expect(guest.processor.registers.rax == pass)
        #expect(
          try guest.run() == .portWrite(PortAccess(port: 0x10, width: 1), value: pass + 1))
      }
      try guest.processor.setBreakpoint(nil)
      #expect(guest.memory.read(0x1000, count: code.count) == code)
      #expect(try guest.run() == .portWrite(PortAccess(port: 0x10, width: 1), value: 6))
    }

    @Test(.needsSingleStep) func aSteppedPushfShowsNoTrapFlag() throws {
      // pushf; hlt
      let guest = try ProbeGuest.running([0x9c, 0xf4])
      #expect(try guest.processor.step().reason == .debug(address: 0x1001))
      #expect(guest.memory.read(ProbeGuest.stackTop - 2, count: 2) == [0x02, 0x00])
    }

    @Test(.needsSingleStep) func aKickEndsAStep() throws {
      let guest = try ProbeGuest.running(Self.nopsAndHalt)
      guest.processor.kicker.kick()
      #expect(try guest.processor.step().reason == .kick(.request))
      #expect(try guest.processor.step().reason == .debug(address: 0x1001))
    }

    @Test func missingFeaturesAreErrors() throws {
      let processor = try KVMProcessor(
        memory: try GuestMemory(mebibytes: 1), debugFeatures: [])
      #expect(throws: ProcessorError.self) { try processor.step() }
      #expect(throws: ProcessorError.self) { try processor.setBreakpoint(0x1000) }
      try processor.setBreakpoint(nil)
    }
  }
}
