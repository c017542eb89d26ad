import Machine
import Testing

@testable import KVM

extension HostTests {
  @Suite
  struct HostProbeTests {
    @Test(.needsKVM) func theFactsAreStableAndQuick() throws {
      let clock = ContinuousClock()
      var first = HostFacts()
      // The quickest of three: a busy machine delays any one of them.
      var times: [Duration] = []
      for _ in 0..<3 { times.append(try clock.measure { first = try HostProbe.facts() }) }
      #expect(try HostProbe.facts() == first)
      #expect(try #require(times.min()) < .milliseconds(500))
      #expect(!first.kernelRelease.isEmpty)
      #expect(first.ripConventions.portWrite != nil)
      #expect(first.ripConventions.memoryRead != nil)
    }

    @Test(.needsKVM, .enabled(if: HostFiles.kvmModule == "kvm_pvm", "the facts are PVM's"))
    func pageTableVirtualMachinesAreKnown() throws {
      let facts = try HostProbe.facts()
      #expect(!facts.irqWindowIsExact)
      #expect(!facts.cpuidIsEnforced)
      #expect(facts.debugFeatures == [.singleStep, .breakpoint, .softwareBreakpoint])
      #expect(facts.ripConventions.portWrite == .after)
      #expect(facts.ripConventions.memoryWrite == .after)
      #expect(facts.ripConventions.portRead == .at)
      #expect(facts.ripConventions.memoryRead == .at)
    }

    @Test func theReportNamesTheDevice() {
      let report = HostProbe.report()
      #expect(report.contains { $0.name == "/dev/kvm" })
      #expect(Set(report.map(\.name)).count == report.count)
      #expect(report.allSatisfy { !$0.value.isEmpty && !$0.meaning.isEmpty })
    }

    @Test(.needsKVM) func theStatisticsCountExits() throws {
      let guest = try ProbeGuest.running([0xe6, 0x10, 0xeb, 0xfc])
      let before = try guest.processor.statistics()
      for _ in 0..<100 { _ = try guest.run() }
      let after = try guest.processor.statistics()
      #expect(try #require(after["exits"]) >= #require(before["exits"]))
    }

    @Test(.needsKVM) func aFreshGuestHasNoAPIC() throws {
      // KVM shows the APIC in CPUID leaf 1 while its base register says that it is enabled.
      let guest = try ProbeGuest()
      let state = try guest.processor.captureState()
      #expect(state.system.apicBase & 0x800 == 0)
      #expect(guest.processor.cpuid.row(1).edx & 1 << 9 == 0)
    }

    @Test(.needsKVM) func anUnenforcedTableIsKnownAsOne() throws {
      // mov eax, 1; xor ecx, ecx; cpuid; hlt
      let guest = try ProbeGuest.running([
        0x66, 0xb8, 1, 0, 0, 0, 0x66, 0x31, 0xc9, 0x0f, 0xa2, 0xf4,
      ])
      #expect(try guest.run() == .halt)
      let registers = guest.processor.registers
      let row = guest.processor.cpuid.row(1)
      let matches = registers.rdx == UInt64(row.edx) && registers.rcx == UInt64(row.ecx)
      #expect(try matches || !HostProbe.facts().cpuidIsEnforced)
    }
  }
}
