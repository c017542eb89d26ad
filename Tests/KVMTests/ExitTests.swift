import Machine
import Testing

@testable import KVM

extension HostTests {
  @Suite(.needsKVM)
  struct ExitTests {
    @Test func portExitsCarryTheirDataAndTakeAReply() throws {
      // mov al, 0x5a; out 0x10, al; in ax, 0x20; mov dx, 0x1234; out dx, ax; hlt
      let guest = try ProbeGuest.running([
        0xb0, 0x5a, 0xe6, 0x10, 0xe5, 0x20, 0xba, 0x34, 0x12, 0xef, 0xf4,
      ])
      #expect(try guest.run() == .portWrite(PortAccess(port: 0x10, width: 1), value: 0x5a))
      #expect(try guest.run() == .portRead(PortAccess(port: 0x20, width: 2)))
      guest.processor.reply(0xbeef)
      #expect(try guest.run() == .portWrite(PortAccess(port: 0x1234, width: 2), value: 0xbeef))
      #expect(try guest.run() == .halt)
    }

    @Test func memoryExits() throws {
      // mov eax, [0x10]; mov [0x20], ax; hlt
      let guest = try ProbeGuest.running([0x66, 0xa1, 0x10, 0x00, 0xa3, 0x20, 0x00, 0xf4])
      #expect(try guest.run() == .memoryRead(address: 0x10_0000, width: 4))
      guest.processor.reply(0x1234_5678)
      #expect(try guest.run() == .memoryWrite(address: 0x10_0010, width: 2, value: 0x5678))
      #expect(try guest.run() == .halt)
      #expect(guest.processor.registers.rax == 0x1234_5678)
    }

    @Test func readModifyWriteCompletesAsTwoExits() throws {
      // mov ax, 2; add [0x10], ax; hlt
      let guest = try ProbeGuest.running([0xb8, 0x02, 0x00, 0x01, 0x06, 0x10, 0x00, 0xf4])
      #expect(try guest.run() == .memoryRead(address: 0x10_0000, width: 2))
      guest.processor.reply(40)
      let second = try guest.processor.complete()
      #expect(second?.reason == .memoryWrite(address: 0x10_0000, width: 2, value: 42))
      #expect(try guest.processor.complete() == nil)
      #expect(try guest.run() == .halt)
    }

    @Test func modelSpecificRegisterExits() throws {
      // mov ecx, 0x8b; rdmsr; wrmsr; hlt
      let guest = try ProbeGuest.running([
        0x66, 0xb9, 0x8b, 0, 0, 0, 0x0f, 0x32, 0x0f, 0x30, 0xf4,
      ])
      try #require(guest.processor.hasMSRFilter)
      #expect(try guest.run() == .msrRead(index: 0x8b))
      guest.processor.reply(0x1_0000_0002)
      #expect(try guest.run() == .msrWrite(index: 0x8b, value: 0x1_0000_0002))
      #expect(try guest.run() == .halt)
      #expect(guest.processor.registers.rdx == 1)
    }

    @Test func contextRegistersDoNotExit() throws {
      // mov ecx, 0x175; mov eax, 7; wrmsr; rdmsr; hlt
      let guest = try ProbeGuest.running([
        0x66, 0xb9, 0x75, 1, 0, 0, 0x66, 0xb8, 7, 0, 0, 0, 0x0f, 0x30, 0x0f, 0x32, 0xf4,
      ])
      #expect(try guest.run() == .halt)
    }

    @Test func tripleFaultIsAShutdown() throws {
      // lidt [cs:0x2000], of limit zero; mov eax, cr0; or al, 1; mov cr0, eax; ud2
      let guest = try ProbeGuest.running([
        0x2e, 0x0f, 0x01, 0x1e, 0x00, 0x20, 0x0f, 0x20, 0xc0, 0x0c, 0x01, 0x0f, 0x22, 0xc0, 0x0f,
        0x0b,
      ])
      #expect(try guest.run() == .shutdown)
    }

    @Test func stringOutputCarriesItsCount() throws {
      // mov si, 0x2000; mov cx, 8; mov dx, 0x30; rep cs outsw; hlt
      let guest = try ProbeGuest.running([
        0xbe, 0x00, 0x20, 0xb9, 0x08, 0x00, 0xba, 0x30, 0x00, 0xf3, 0x2e, 0x6f, 0xf4,
      ])
      let expected = (0..<16).map { UInt8($0) }
      guest.memory.write(expected, at: 0x2000)
      var bytes: [UInt8] = []
      while case .portWrite(let access, _) = try guest.run() {
        #expect(access.port == 0x30 && access.width == 2)
        unsafe guest.processor.withExitData { unsafe bytes.append(contentsOf: $0) }
        try #require(bytes.count <= 16)
      }
      #expect(bytes == expected)
    }

    @Test func stringInputTakesItsCount() throws {
      // mov di, 0x3000; mov cx, 6; mov dx, 0x30; rep insb; hlt
      let guest = try ProbeGuest.running([
        0xbf, 0x00, 0x30, 0xb9, 0x06, 0x00, 0xba, 0x30, 0x00, 0xf3, 0x6c, 0xf4,
      ])
      var next: UInt8 = 1
      while case .portRead(let access) = try guest.run() {
        unsafe guest.processor.withExitData { buffer in
          #expect(buffer.count == Int(access.count))
          for index in buffer.indices {
            unsafe buffer[index] = next
            next += 1
          }
        }
        try #require(next <= 7)
      }
      #expect(guest.memory.read(0x3000, count: 6) == [1, 2, 3, 4, 5, 6])
      #expect(guest.processor.registers.rcx & 0xffff == 0)
    }

    @Test func everyExitCodeHasAName() {
      for row in VirtualCPUExit.byCode {
        #expect(VirtualCPUExit(code: row.code) == row.exit)
        #expect(row.exit.code == row.code)
      }
      #expect(VirtualCPUExit(code: 39).name == "KVM_EXIT_MEMORY_FAULT")
      #expect(VirtualCPUExit(code: 99) == .unsupported(99))
      #expect(VirtualCPUExit(code: 99).name == "KVM_EXIT_99")
    }
  }
}
