internal import Machine

#if canImport(Glibc)
  internal import Glibc
#endif

extension HostProbe {
  /// What `doctor` shows: one fact a line, those about the host before those about its KVM.
  public static func report() -> [HostFact] {
    let host = [kernel, module, hardware, performanceCounters, tracing] + hardwareFeatures
    do throws(ProcessorError) {
      return host + [device] + measured(try facts())
    } catch {
      return host + [device(unusable: error)]
    }
  }

  // MARK: - The device

  private static var device: HostFact {
    HostFact(
      name: System.devicePath, value: "usable, API version \(System.apiVersion)",
      meaning: "VMs can be made")
  }

  private static func device(unusable error: ProcessorError) -> HostFact {
    let value =
      switch error.errorNumber {
      case ENOENT, ENODEV, ENXIO: "missing"
      case EACCES, EPERM: "permission denied"
      case EBUSY: "busy"
      default: "unusable (\(error.operation), errno \(error.errorNumber))"
      }
    return HostFact(
      name: System.devicePath, value: value,
      meaning: "nothing can be recorded or replayed; reels can be read",
      mend: error.advice ?? error.missingCapability.map { "needs \($0)" }, verdict: .fatal)
  }

  // MARK: - The host

  private static var kernel: HostFact {
    HostFact(
      name: "kernel", value: HostFiles.kernelRelease, meaning: "stored in each reel")
  }

  private static var module: HostFact {
    switch HostFiles.kvmModule {
    case "kvm_pvm":
      HostFact(
        name: "KVM module", value: "kvm_pvm",
        meaning: "ring 0 is emulated; stock Linux guests do not boot", verdict: .limited)
    case .some(let name): HostFact(name: "KVM module", value: name, meaning: "stock KVM")
    case nil:
      HostFact(
        name: "KVM module", value: "none", meaning: "no KVM module is loaded, or it is built in",
        mend: "modprobe kvm_intel or kvm_amd", verdict: .limited)
    }
  }

  private static var hardware: HostFact {
    let flags = HostFiles.cpuFlags
    let found = ["vmx", "svm", "ept", "npt", "vpid", "tsc_scale", "tsc_scaling"].filter {
      flags.contains(Substring($0))
    }
    return HostFact(
      name: "virtualisation flags", value: found.isEmpty ? "none" : found.joined(separator: " "),
      meaning: found.isEmpty
        ? "the CPU shows neither VT-x nor SVM" : "hardware virtualisation is there",
      mend: found.isEmpty ? "enable VT-x or SVM in the firmware, or nested virtualisation" : nil,
      verdict: found.isEmpty ? .limited : .good)
  }

  private static var performanceCounters: HostFact {
    let isThere = HostFiles.exists("/sys/bus/event_source/devices/cpu")
    let paranoid = HostFiles.line("/proc/sys/kernel/perf_event_paranoid") ?? "unknown"
    return HostFact(
      name: "PMU", value: isThere ? "present, perf_event_paranoid \(paranoid)" : "absent",
      meaning: isThere
        ? "not used yet: kicked slices are sealed by keyframes"
        : "kicked slices are sealed by keyframes",
      verdict: isThere ? .good : .limited)
  }

  private static var tracing: HostFact {
    let path = "/sys/kernel/tracing/events/kvm/kvm_exit"
    let isReadable = HostFiles.isReadable(path)
    return HostFact(
      name: "tracefs", value: isReadable ? "readable" : "not readable",
      meaning: isReadable
        ? "not used yet: reels hold the exits that reach vmreel, not those the kernel handles alone"
        : "reels hold the exits that reach vmreel, not those the kernel handles alone",
      mend: isReadable ? nil : "mount -t tracefs tracefs /sys/kernel/tracing, and run as root",
      verdict: isReadable ? .good : .limited)
  }

  /// A hardware feature, the module parameter that tells of it, and the module that has it.
  private struct Feature {
    var name: String
    var module: String
    var parameter: String
    var meaning: String
    var absence: String
  }

  private static let features = [
    Feature(
      name: "nested paging (EPT)", module: "kvm_intel", parameter: "ept",
      meaning: "the guest's page tables need no exits",
      absence: "guests run slower, with more exits that the kernel handles alone"),
    Feature(
      name: "nested paging (NPT)", module: "kvm_amd", parameter: "npt",
      meaning: "the guest's page tables need no exits",
      absence: "guests run slower, with more exits that the kernel handles alone"),
    Feature(
      name: "unrestricted guest", module: "kvm_intel", parameter: "unrestricted_guest",
      meaning: "real mode runs on the CPU itself", absence: "real mode is emulated by KVM"),
    Feature(
      name: "nested virtualisation (VT-x)", module: "kvm_intel", parameter: "nested",
      meaning: "a guest could be given VT-x; the CPU model hides it",
      absence: "not needed: the CPU model hides VT-x from guests"),
    Feature(
      name: "nested virtualisation (SVM)", module: "kvm_amd", parameter: "nested",
      meaning: "a guest could be given SVM; the CPU model hides it",
      absence: "not needed: the CPU model hides SVM from guests"),
    Feature(
      name: "VMCS shadowing", module: "kvm_intel", parameter: "enable_shadow_vmcs",
      meaning: "nested guests would exit less; not used",
      absence: "not needed: nested guests are not used"),
  ]

  /// Every feature is listed: one of another module's says so rather than being left out.
  private static var hardwareFeatures: [HostFact] {
    features.map { feature in
      guard HostFiles.kvmModule == feature.module else {
        return HostFact(
          name: feature.name, value: "not here: a feature of \(feature.module)",
          meaning: feature.absence, verdict: .limited)
      }
      let value = HostFiles.moduleParameter(feature.parameter)
      if value == "Y" || value == "1" {
        return HostFact(name: feature.name, value: "on", meaning: feature.meaning)
      }
      let setting = "\(feature.module) \(feature.parameter)=1"
      return HostFact(
        name: feature.name, value: value == nil ? "unknown" : "off", meaning: feature.absence,
        mend: "if the CPU has it: modprobe -r \(feature.module) && modprobe \(setting)",
        verdict: .limited)
    }
  }

  // MARK: - Measured facts

  private static func measured(_ facts: HostFacts) -> [HostFact] {
    [
      flag(
        "TSC scaling", facts.hasTSCScaling,
        "not used yet: a guest that executes RDTSC may diverge on replay",
        "a guest that executes RDTSC may diverge on replay"),
      flag(
        "registers at exits", facts.syncsRegisters, "KVM_CAP_SYNC_REGS: cheap",
        "one more ioctl at each exit"),
      flag(
        "MSR filter", facts.hasMSRFilter, "every MSR outside the context is recorded",
        "KVM answers MSRs itself; they are not recorded"),
      flag(
        "single-step", facts.debugFeatures.contains(.singleStep),
        "replay can step to the end of a sealed segment",
        "without it and without breakpoints sealed segments are jumped"),
      flag(
        "hardware breakpoints", facts.debugFeatures.contains(.breakpoint),
        "replay runs fast to the end of a sealed segment", "replay single-steps there instead"),
      flag(
        "irq window", facts.irqWindowIsExact, "windows are guest-made exits",
        "a window is a kick: its segment is sealed", yes: "exact", no: "late"),
      flag(
        "cpuid", facts.cpuidIsEnforced, "the guest sees the model alone",
        "the guest can see host features; a replay elsewhere may diverge", yes: "enforced",
        no: "unenforced"),
      flag(
        "KVM statistics", facts.hasStatistics, "not used yet: reels hold no totals of kernel exits",
        "reels hold no totals of kernel exits"),
      ripFact(facts.ripConventions),
    ]
  }

  private static func flag(
    _ name: String, _ isSet: Bool, _ good: String, _ limited: String, yes: String = "yes",
    no: String = "no"
  ) -> HostFact {
    HostFact(
      name: name, value: isSet ? yes : no, meaning: isSet ? good : limited,
      verdict: isSet ? .good : .limited)
  }

  private static func ripFact(_ conventions: RIPConventions) -> HostFact {
    let rows = [
      ("out", conventions.portWrite), ("in", conventions.portRead),
      ("mmio write", conventions.memoryWrite), ("mmio read", conventions.memoryRead),
      ("wrmsr", conventions.msrWrite), ("rdmsr", conventions.msrRead),
    ]
    return HostFact(
      name: "RIP at exits",
      value: rows.map { "\($0.0) \($0.1?.rawValue ?? "unknown")" }.joined(separator: ", "),
      meaning: "stored in each reel; replay elsewhere brings OUT to a normal form")
  }
}
