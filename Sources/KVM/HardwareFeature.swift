/// A feature of hardware virtualisation: where the CPU and the KVM module tell of it.
struct HardwareFeature {
  /// As `doctor` calls it.
  var name: String
  /// The module that has it.
  var module: String
  /// The CPU's flag in /proc/cpuinfo; `nil` where there is none.
  var flag: String?
  /// The module's parameter that says whether KVM uses it; `nil` where it cannot be turned off.
  var parameter: String?
  /// What it means where it is on.
  var meaning: String
  /// What it means where it is not.
  var absence: String

  private static let slowerPaging =
    "guests run slower, with more exits that the kernel handles alone"

  /// VT-x's features, then SVM's.
  static let all = [
    HardwareFeature(
      name: "VT-x (vmx)", module: "kvm_intel", flag: "vmx", meaning: "the CPU has VT-x",
      absence: "the CPU shows no VT-x"),
    HardwareFeature(
      name: "nested paging (EPT)", module: "kvm_intel", flag: "ept", parameter: "ept",
      meaning: "the guest's page tables need no exits", absence: slowerPaging),
    HardwareFeature(
      name: "unrestricted guest", module: "kvm_intel", flag: "unrestricted_guest",
      parameter: "unrestricted_guest", meaning: "real mode runs on the CPU itself",
      absence: "real mode is emulated by KVM"),
    HardwareFeature(
      name: "VPID", module: "kvm_intel", flag: "vpid", parameter: "vpid",
      meaning: "an exit does not flush the TLB", absence: "exits cost more"),
    HardwareFeature(
      name: "VMCS shadowing", module: "kvm_intel", flag: "shadow_vmcs",
      parameter: "enable_shadow_vmcs", meaning: "nested guests would exit less; not used",
      absence: "not needed: nested guests are not used"),
    HardwareFeature(
      name: "nested virtualisation (VT-x)", module: "kvm_intel", parameter: "nested",
      meaning: "a guest could be given VT-x; the CPU model hides it",
      absence: "not needed: the CPU model hides VT-x from guests"),
    HardwareFeature(
      name: "preemption timer", module: "kvm_intel", flag: "preemption_timer",
      parameter: "preemption_timer", meaning: "not used: KVM takes it for in-kernel timers alone",
      absence: "not needed: vmreel uses no in-kernel timers"),
    HardwareFeature(
      name: "SVM (svm)", module: "kvm_amd", flag: "svm", meaning: "the CPU has SVM",
      absence: "the CPU shows no SVM"),
    HardwareFeature(
      name: "nested paging (NPT)", module: "kvm_amd", flag: "npt", parameter: "npt",
      meaning: "the guest's page tables need no exits", absence: slowerPaging),
    HardwareFeature(
      name: "next RIP saving (NRIPS)", module: "kvm_amd", flag: "nrip_save", parameter: "nrips",
      meaning: "KVM need not decode the instruction that made an exit",
      absence: "KVM decodes the instruction that made an exit"),
    HardwareFeature(
      name: "virtual GIF", module: "kvm_amd", flag: "vgif", parameter: "vgif",
      meaning: "nested guests would exit less; not used",
      absence: "not needed: nested guests are not used"),
    HardwareFeature(
      name: "nested virtualisation (SVM)", module: "kvm_amd", parameter: "nested",
      meaning: "a guest could be given SVM; the CPU model hides it",
      absence: "not needed: the CPU model hides SVM from guests"),
  ]

  /// What `doctor` says of the feature.
  ///
  /// - Parameters:
  ///   - cpu: what the kernel says of the CPU.
  ///   - loaded: the KVM module in use.
  ///   - setting: the value of ``parameter``; `nil` when it cannot be read.
  func fact(cpu: CPUInfo, loaded: String?, setting: String?) -> HostFact {
    guard loaded == module else {
      return limited("not here: a feature of \(module)")
    }
    if let flag, !cpu.has(flag), lists(flag, cpu) { return limited("not in this CPU") }
    guard let parameter else { return HostFact(name: name, value: "on", meaning: meaning) }
    switch setting {
    case "Y", "1": return HostFact(name: name, value: "on", meaning: meaning)
    case nil: return limited("unknown")
    default:
      return limited(
        "off", mend: "modprobe -r \(module) && modprobe \(module) \(parameter)=1")
    }
  }

  /// Whether the kernel would list the flag, if the CPU had it: kernels before Linux 5.6 have no line
  /// of VT-x features.
  private func lists(_ flag: String, _ cpu: CPUInfo) -> Bool {
    module != "kvm_intel" || flag == "vmx" || !cpu.vmxFlags.isEmpty
  }

  private func limited(_ value: String, mend: String? = nil) -> HostFact {
    HostFact(name: name, value: value, meaning: absence, mend: mend, verdict: .limited)
  }
}
