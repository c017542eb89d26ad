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
    let cpu = HostFiles.cpu
    let found = ["vmx", "svm", "ept", "npt", "vpid", "tsc_scale", "tsc_scaling"].filter(cpu.has)
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

  /// Whether `--kernel-exits` could begin; that the tracepoint fires only a run can show.
  private static var tracing: HostFact {
    do throws(ProcessorError) {
      _ = try KernelExitTracer()
      return HostFact(
        name: "kernel exits", value: "traceable", meaning: "record --kernel-exits can trace them")
    } catch {
      return HostFact(
        name: "kernel exits", value: "not traceable",
        meaning: "record --kernel-exits is refused: \(error.operation) failed",
        mend: error.advice, verdict: .limited)
    }
  }

  /// Every feature is listed: one of another module's says so rather than being left out.
  private static var hardwareFeatures: [HostFact] {
    let cpu = HostFiles.cpu
    let loaded = HostFiles.kvmModule
    return HardwareFeature.all.map { feature in
      feature.fact(
        cpu: cpu, loaded: loaded,
        setting: feature.parameter.flatMap { HostFiles.moduleParameter($0) })
    }
  }

  // MARK: - Measured facts

  private static func measured(_ facts: HostFacts) -> [HostFact] {
    [
      timestampFact(facts),
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
        "replay runs fast to the end of a sealed segment",
        "replay uses software breakpoints or single steps there instead"),
      flag(
        "software breakpoints", facts.debugFeatures.contains(.softwareBreakpoint),
        "used where hardware breakpoints do not work",
        "none to use where hardware breakpoints do not work"),
      flag(
        "irq window", facts.irqWindowIsExact, "windows are guest-made exits",
        "a window is a kick: its segment is sealed", yes: "exact", no: "late"),
      flag(
        "cpuid", facts.cpuidIsEnforced, "the guest sees the model alone",
        "the guest can see host features; a replay elsewhere may diverge", yes: "enforced",
        no: "unenforced"),
      flag(
        "KVM statistics", facts.hasStatistics, "reels hold totals of the exits the kernel saw",
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

  private static func timestampFact(_ facts: HostFacts) -> HostFact {
    guard let obstacle = facts.freezeObstacle else {
      return HostFact(
        name: "tsc", value: "freeze",
        meaning: "RDTSC reads what the recording chose (TSC scaling), in user space too")
    }
    let patches = facts.patchObstacle == nil ? "patch for Linux kernels, else none" : "none"
    return HostFact(
      name: "tsc", value: patches,
      meaning: "\(obstacle): RDTSC that is not rewritten reads the host's counter, and a replay of "
        + "it may diverge", verdict: .limited)
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
