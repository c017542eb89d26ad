import Machine
import Testing

@testable import KVM

extension HostTests {
  /// Reading the guest's code where an exit left it.
  @Suite(.needsKVM) struct CodeTests {
    /// Makes the loaded guest's segments flat and 32 bits wide.
    private func enterProtectedMode(_ guest: ProbeGuest) throws {
      var state = try guest.processor.captureState()
      state.system.cr0 |= 1
      for index in 0..<6 {
        state.system.segments[index].base = 0
        state.system.segments[index].limit = 0xffff_ffff
        state.system.segments[index].selector = index == 0 ? 8 : 16
        state.system.segments[index].type = index == 0 ? 0xb : 3
        state.system.segments[index].attributes = 0x59
      }
      try guest.processor.restoreState(state)
    }

    @Test(arguments: [16, 32]) func codeHasItsSegmentsWidth(bits: Int) throws {
      let guest = try ProbeGuest.running([0xe6, 0x10, 0xf4])
      if bits == 32 { try enterProtectedMode(guest) }
      guard case .portWrite = try guest.run() else {
        Issue.record("no OUT")
        return
      }
      let code = try #require(try guest.processor.code(at: ProbeGuest.origin))
      #expect(code.bits == bits)
      #expect(code.bytes.count == 15 && Array(code.bytes.prefix(3)) == [0xe6, 0x10, 0xf4])
      // It changed nothing: the unfinished OUT ends, and HLT comes next.
      #expect(try guest.run() == .halt)
    }

    @Test func codeCrossesPagesAndEndsWithRAM() throws {
      let guest = try ProbeGuest.running([0xf4])
      try enterProtectedMode(guest)
      guest.memory.write([UInt8](1...20), at: 0x1ffa)
      #expect(try guest.processor.code(at: 0x1ffa)?.bytes == [UInt8](1...15))
      #expect(try guest.processor.code(at: 0xffffc)?.bytes.count == 4)
      #expect(try guest.processor.code(at: 0x10_0000) == nil)
      #expect(try guest.processor.code(at: 0xffff_fff8) == nil)
    }
  }
}
