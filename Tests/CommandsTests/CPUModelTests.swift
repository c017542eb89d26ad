import KVM
import Machine
import Testing
import Trace

@testable import Commands

extension ProgramTests {
  /// Reels of guests that saw more of a CPU than this host's KVM offers.
  @Suite(.needsKVM) struct ForeignCPU {
    /// No KVM offers what this changes: bits that are reserved, or required ones no host lacks.
    private func recordAndAlter(
      _ directory: TestDirectory, _ change: (inout [[UInt32]]) throws -> Void
    ) throws {
      try directory.write(Examples.bootSector, to: "boot.bin")
      try directory.vmreel("record", "--flat", "boot.bin", "--at", "0x7c00", "-o", "b.reel")
        .expectSuccess()
      try directory.alterMetadata(of: "b.reel", to: "f.reel") { try change(&$0.cpu.cpuidTable) }
    }

    @Test func featuresTheHostLacksAreNamed() throws {
      let directory = try TestDirectory()
      // Reserved for ever: "not used" in the SDM's description of CPUID leaf 1, EDX.
      try recordAndAlter(directory) { table in
        let row = try #require(table.firstIndex { $0[0] == 1 })
        table[row][6] |= 1 << 10
      }
      let run = try directory.vmreel("replay", "--no-console", "f.reel")
      #expect(run.status == 0 && run.errorLines.count == 2, "\(run.story)")
      #expect(
        run.errors.hasPrefix("warning: the recorded guest saw CPU features that this host's KVM"))
      #expect(run.errors.contains("CPUID 0x1 EDX bit 10"), "\(run.story)")
    }

    @Test func aMalformedTableIsRefused() throws {
      let directory = try TestDirectory()
      try recordAndAlter(directory) { $0[0].removeLast() }
      expectTrouble(try directory.vmreel("replay", "f.reel"), "f.reel", "CPUID table")
    }
  }
}

/// Which features stop a replay, which are only named.
@Suite struct MissingFeatureTests {
  private func row(_ leaf: UInt32, ecx: UInt32 = 0, edx: UInt32 = 0) -> CPUIDEntry {
    CPUIDEntry(leaf: leaf, ecx: ecx, edx: edx)
  }

  @Test func requiredAndOptionalAreToldApart() {
    let table = [
      row(1, ecx: 1 << 22 | 1 << 31, edx: 1 << 6 | 1 << 1), row(7, ecx: 1 << 2),
      row(0x8000_0001, edx: 1 << 20 | 1 << 29),
    ]
    let nothing = CPUIDModel.features(of: table, missingFrom: [])
    #expect(nothing.required == ["pae", "nx", "lm"])
    #expect(nothing.optional == ["movbe", "vme", "CPUID 0x7 ECX bit 2"])
    #expect(CPUIDModel.features(of: table, missingFrom: table) == CPUIDModel.MissingFeatures())
    let some = CPUIDModel.features(of: table, missingFrom: [row(0x8000_0001, edx: 1 << 29)])
    #expect(some.required == ["pae", "nx"])
    #expect(CPUIDModel.features(of: [], missingFrom: []).optional.isEmpty)
  }

  /// What is refused is said with every name, and where it would work.
  @Test func aRefusalNamesEveryFeature() throws {
    var missing = CPUIDModel.MissingFeatures()
    let metadata = WordingTests.metadata(cpuid: "enforced", module: "kvm_amd", out: "at")
    missing.optional = ["movbe"]
    #expect(ReplaySession.refusal(metadata, missing) == nil)
    missing.required = ["nx", "lm"]
    let sentence = try #require(ReplaySession.refusal(metadata, missing))
    #expect(sentence.contains("does not offer: nx, lm; replay on a host that offers them"))
    let warnings = ReplaySession.warnings(metadata, HostFacts(), missing, cpuName: "one")
    #expect(warnings.first?.contains("does not offer: movbe; ") == true)
  }
}
