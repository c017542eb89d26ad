import Testing

@testable import KVM

/// `doctor`'s facts from captured files: the VT-x lane's (Bochs 2.7, corei7_skylake_x, Linux 6.1) and
/// the SVM lane's (QEMU's `max`).
@Suite struct HardwareFeatureTests {
  private static let intel = CPUInfo(
    """
    processor\t: 0
    vendor_id\t: GenuineIntel
    flags\t\t: fpu vme de pse tsc msr pae vmx ssse3 ept vpid tsc_adjust
    vmx flags\t: vnmi preemption_timer invvpid ept_x_only ept_ad ept_1gb flexpriority \
    tsc_offset vtpr vapic ept vpid unrestricted_guest vapic_reg vid ple shadow_vmcs
    bugs\t\t: spectre_v1

    processor\t: 1
    flags\t\t: fpu svm
    vmx flags\t: none
    """)
  private static let amd = CPUInfo(
    """
    processor\t: 0
    vendor_id\t: AuthenticAMD
    flags\t\t: fpu vme de pse tsc msr pae svm npt vgif
    bugs\t\t:
    """)

  private func fact(
    _ name: String, _ cpu: CPUInfo, _ module: String?, _ setting: String? = "Y"
  ) throws -> HostFact {
    let feature = try #require(HardwareFeature.all.first { $0.name == name })
    return feature.fact(cpu: cpu, loaded: module, setting: setting)
  }

  @Test func theFirstProcessorIsRead() {
    #expect(Self.intel.flags.contains("vmx") && !Self.intel.flags.contains("svm"))
    #expect(Self.intel.vmxFlags.contains("shadow_vmcs"))
    #expect(!Self.intel.vmxFlags.contains("none") && !Self.intel.has("bugs"))
    #expect(Self.amd.vmxFlags.isEmpty && Self.amd.has("npt"))
  }

  @Test(arguments: ["", "\n\n", "flags", "flags:", ": \n:", "no colon\nflags\t: vmx"])
  func oddFilesHaveNoFlags(text: String) {
    let cpu = CPUInfo(text)
    #expect(cpu.flags.isEmpty && cpu.vmxFlags.isEmpty)
  }

  @Test(arguments: [
    "VT-x (vmx)", "nested paging (EPT)", "unrestricted guest", "VPID", "VMCS shadowing",
    "nested virtualisation (VT-x)", "preemption timer",
  ])
  func theLaneHasAllOfVTx(name: String) throws {
    let on = try fact(name, Self.intel, "kvm_intel")
    #expect(on.value == "on" && on.verdict == .good && on.mend == nil)
    let elsewhere = try fact(name, Self.amd, "kvm_amd")
    #expect(elsewhere.value == "not here: a feature of kvm_intel")
    #expect(elsewhere.verdict == .limited)
  }

  @Test func whatIsOffOrAbsentIsToldApart() throws {
    let off = try fact("unrestricted guest", Self.intel, "kvm_intel", "N")
    #expect(off.value == "off" && off.meaning == "real mode is emulated by KVM")
    #expect(off.mend == "modprobe -r kvm_intel && modprobe kvm_intel unrestricted_guest=1")
    var old = Self.intel
    old.vmxFlags.remove("unrestricted_guest")
    let absent = try fact("unrestricted guest", old, "kvm_intel", "N")
    #expect(absent.value == "not in this CPU" && absent.mend == nil)
    // Before Linux 5.6 there is no line of VT-x features: the module alone tells.
    old.vmxFlags = []
    #expect(try fact("unrestricted guest", old, "kvm_intel", "Y").value == "on")
    #expect(try fact("unrestricted guest", old, "kvm_intel", "N").value == "off")
    #expect(try fact("unrestricted guest", old, "kvm_intel", nil).value == "unknown")
  }

  @Test func theOtherVendor() throws {
    #expect(try fact("SVM (svm)", Self.amd, "kvm_amd", nil).value == "on")
    #expect(try fact("nested paging (NPT)", Self.amd, "kvm_amd", "1").value == "on")
    #expect(try fact("next RIP saving (NRIPS)", Self.amd, "kvm_amd").value == "not in this CPU")
    #expect(try fact("nested virtualisation (SVM)", Self.amd, "kvm_amd", "0").value == "off")
    #expect(try fact("SVM (svm)", Self.intel, nil).value == "not here: a feature of kvm_amd")
  }
}
