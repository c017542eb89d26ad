import KVM
import Machine
import Testing
import Trace

@testable import Commands

/// What the commands say about cases that this host does not make by itself.
@Suite struct WordingTests {
  private func describe(_ reason: ExitReason) -> String {
    EndText.describe(
      EndRecord(
        reason: .processorFailure, detail: 1, eventCount: 0, guestMadeExits: 0, keyframeCount: 0,
        durationNanoseconds: 0, virtualTime: 0, digest: 0),
      fatalExit: (reason, 0x7c00))
  }

  @Test func aProcessorFailureNamesTheExitAndThePlace() {
    let emulation = describe(.internalError(suberror: 1))
    #expect(emulation.contains("KVM_EXIT_INTERNAL_ERROR") && emulation.contains("emulate"))
    #expect(emulation.hasSuffix("at RIP 0x7c00"))
    #expect(describe(.internalError(suberror: 3)).contains("suberror 3"))
    #expect(describe(.entryFailure(hardwareReason: 0x21)).contains("KVM_EXIT_FAIL_ENTRY"))
    #expect(describe(.unsupported(code: 39)).contains("KVM_EXIT_MEMORY_FAULT"))
  }

  static func metadata(cpuid: String, module: String, out: String) -> Metadata {
    Metadata(
      tool: "vmreel", commandLine: [],
      guest: Metadata.Guest(
        kind: "flat", name: "g", sha256: "", loadAddress: 0, append: nil, modules: []),
      memoryMiB: 1, board: Metadata.BoardDescription(name: "b", realTimeClockEpochSeconds: 0),
      cpu: Metadata.CPU(model: "m", cpuid: cpuid, cpuidTable: []),
      host: Metadata.Host(
        cpu: "one", kernel: "6", kvmModule: module, ripConventions: ["out": out, "in": "at"]),
      policies: Metadata.Policies(
        placement: "seal", clock: "warp", interruptWindow: "late", tsc: "none",
        quantumNanoseconds: 1, exitCostNanoseconds: 1, check: "bits8"))
  }

  @Test func replayWarnsOfWhatDiffersFromTheRecordingHost() {
    var facts = HostFacts()
    facts.moduleName = "kvm_amd"
    facts.ripConventions.portWrite = .at
    func warnings(_ metadata: Metadata, cpu: String = "one") -> [String] {
      ReplaySession.warnings(metadata, facts, CPUIDModel.MissingFeatures(), cpuName: cpu)
    }
    #expect(warnings(Self.metadata(cpuid: "enforced", module: "kvm_amd", out: "at")).isEmpty)
    let cpu = warnings(Self.metadata(cpuid: "unenforced", module: "kvm_amd", out: "at"), cpu: "two")
    #expect(cpu.count == 2 && cpu[0].contains("CPUID"))
    #expect(cpu.last?.contains("arithmetic flags are not compared") == true)
    let module = warnings(Self.metadata(cpuid: "enforced", module: "kvm_pvm", out: "at"))
    #expect(module.count == 1)
    #expect(module[0].hasPrefix("recorded on kvm_pvm (one), replayed on kvm_amd (one): "))
    // What the probe got no exit of is not compared.
    facts.ripConventions.memoryWrite = .at
    #expect(warnings(Self.metadata(cpuid: "enforced", module: "kvm_amd", out: "at")).isEmpty)
    // OUT has a normal form; what has none is named.
    #expect(warnings(Self.metadata(cpuid: "enforced", module: "kvm_amd", out: "after")).isEmpty)
    facts.ripConventions.portRead = .after
    let rip = warnings(Self.metadata(cpuid: "enforced", module: "kvm_amd", out: "after"))
    #expect(rip.count == 1 && rip[0].contains("exits of kind in;"))
  }
}
