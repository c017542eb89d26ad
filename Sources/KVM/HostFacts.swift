public import Machine

/// Where RIP points at an exit to the runner.
public enum RIPConvention: String, Equatable, Sendable {
  /// At the instruction that made the exit.
  case at
  /// At the instruction after it.
  case after
}

/// The RIP convention of each kind of exit; `nil` where the probe got no such exit.
public struct RIPConventions: Equatable, Sendable {
  /// OUT.
  public var portWrite: RIPConvention?
  /// IN.
  public var portRead: RIPConvention?
  /// A store outside RAM.
  public var memoryWrite: RIPConvention?
  /// A load outside RAM.
  public var memoryRead: RIPConvention?
  /// WRMSR.
  public var msrWrite: RIPConvention?
  /// RDMSR.
  public var msrRead: RIPConvention?

  /// Nothing probed.
  public init() {}
}

/// What this host's KVM does, measured or read, as far as a recording depends on it.
public struct HostFacts: Equatable, Sendable {
  /// The kernel's release (`uname -r`).
  public var kernelRelease = ""
  /// `kvm_intel`, `kvm_amd`, `kvm_pvm`; `nil` when none of them is loaded.
  public var moduleName: String?
  /// Whether an interrupt window opens at the first possible instruction, every time.
  public var irqWindowIsExact = false
  /// Whether the guest sees the CPUID table it was given and nothing else.
  public var cpuidIsEnforced = false
  /// Where RIP points at each kind of exit.
  public var ripConventions = RIPConventions()
  /// Which of single steps and breakpoints work.
  public var debugFeatures: DebugFeatures = []
  /// The CPUID table KVM can give a guest (KVM_GET_SUPPORTED_CPUID).
  public var supportedCPUID: [CPUIDEntry] = []
  /// Whether KVM scales the guest's TSC (KVM_CAP_TSC_CONTROL).
  public var hasTSCScaling = false
  /// Whether RDTSC in a guest read the frozen value in all of a slice, each time it was tried.
  public var freezesTSC = false
  /// Whether registers come with each exit (KVM_CAP_SYNC_REGS).
  public var syncsRegisters = false
  /// Whether MSR accesses reach the runner (KVM_CAP_X86_MSR_FILTER).
  public var hasMSRFilter = false
  /// Whether KVM counts exits itself (KVM_CAP_BINARY_STATS_FD).
  public var hasStatistics = false

  /// Nothing known.
  public init() {}

  /// Why RDTSC cannot be frozen on this host; `nil` when it can.
  public var freezeObstacle: String? {
    if freezesTSC { return nil }
    return hasTSCScaling
      ? "this host's KVM scales the TSC, but a trial guest did not read the frozen value"
      : "this host's KVM has no TSC scaling (KVM_CAP_TSC_CONTROL)"
  }

  /// Why a port read cannot stand for RDTSC on this host; `nil` when it can: the answer takes two
  /// registers.
  public var patchObstacle: String? {
    syncsRegisters ? nil : "this host's KVM does not share registers (KVM_CAP_SYNC_REGS)"
  }
}

/// One line of `doctor`: what was looked at, what it is, what that means.
public struct HostFact: Equatable, Sendable {
  /// How a fact bears on recording and replaying.
  public enum Verdict: String, Equatable, Sendable {
    /// Everything works.
    case good
    /// Something works less well or not at all.
    case limited
    /// Nothing can be recorded.
    case fatal
  }

  /// What was looked at: `irq window`.
  public var name: String
  /// What it is: `late`.
  public var value: String
  /// What that means for recording and replaying.
  public var meaning: String
  /// How to change it, where that is possible.
  public var mend: String?
  /// How it bears on recording and replaying.
  public var verdict: Verdict

  /// Makes a fact.
  public init(
    name: String, value: String, meaning: String, mend: String? = nil, verdict: Verdict = .good
  ) {
    self.name = name
    self.value = value
    self.meaning = meaning
    self.mend = mend
    self.verdict = verdict
  }
}
