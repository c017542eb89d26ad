public import Machine

/// Finds out what this host's KVM does by running tiny guests.
///
/// Every run has a slice limit, so that a KVM which misbehaves makes a fact false and never hangs
/// the caller. The whole takes a few milliseconds.
public enum HostProbe {
  /// Longer than any probe's slice takes, on an emulated machine too; waited for only where
  /// something does not work.
  static let limitNanoseconds: UInt64 = 100_000_000
  /// How often the interrupt window must open at the exact instruction.
  static let windowTrials = 8
  /// IA32_BIOS_SIGN_ID: readable and writable on every CPU, outside the context registers.
  private static let probedMSR: UInt64 = 0x8b

  /// Measures the host.
  ///
  /// - Throws: ``ProcessorError`` when there is no usable KVM.
  public static func facts() throws(ProcessorError) -> HostFacts {
    var facts = HostFacts()
    facts.kernelRelease = HostFiles.kernelRelease
    facts.moduleName = HostFiles.kvmModule
    let system = try System()
    facts.supportedCPUID = try system.supportedCPUID()
    facts.hasTSCScaling = system.value(of: .tscControl) > 0
    facts.hasStatistics = system.value(of: .binaryStatsFD) > 0
    let guest = try ProbeGuest()
    facts.syncsRegisters = guest.processor.cpu.syncsRegisters
    facts.hasMSRFilter = guest.processor.hasMSRFilter
    facts.debugFeatures = try debugFeatures(guest)
    facts.irqWindowIsExact = try irqWindowIsExact(guest)
    facts.ripConventions = try ripConventions(guest)
    facts.freezesTSC = facts.hasTSCScaling ? try TimestampProbe.freezesTSC() : false
    // PVM runs ring 3 natively, where CPUID does not exit: no table can hide anything there.
    facts.cpuidIsEnforced = facts.moduleName != "kvm_pvm" ? try cpuidMatches(guest) : false
    return facts
  }

  // MARK: - Probes

  private static func run(_ guest: ProbeGuest) throws(ProcessorError) -> ExitReason {
    try guest.processor.run(sliceLimitNanoseconds: limitNanoseconds).reason
  }

  /// Steps over a NOP; runs into a breakpoint after one, of either kind; starts at one with RF set.
  private static func debugFeatures(_ guest: ProbeGuest) throws(ProcessorError) -> DebugFeatures {
    let code: [UInt8] = [0x90, 0x90, 0x90, 0xf4]
    let target = ProbeGuest.origin + 1
    var features: DebugFeatures = []
    try guest.load(code)
    let stepped = try guest.processor.step(limitNanoseconds: limitNanoseconds)
    if stepped.reason == .debug(address: target), guest.processor.registers.rip == target {
      features.insert(.singleStep)
    }
    try guest.load(code)
    try guest.processor.setBreakpoint(target)
    if try run(guest) == .debug(address: target), guest.processor.registers.rip == target {
      features.insert(.breakpoint)
    }
    let processor = guest.processor
    defer { processor.debugFeatures = KVMProcessor.untestedDebugFeatures }
    if features.contains(.breakpoint) {
      processor.debugFeatures = [.breakpoint, .resumeFlag]
      if try run(guest) == .halt { features.insert(.resumeFlag) }
    }
    processor.debugFeatures = .softwareBreakpoint
    try guest.load(code)
    try processor.setBreakpoint(target)
    if try run(guest) == .debug(address: target), processor.registers.rip == target {
      features.insert(.softwareBreakpoint)
    }
    try processor.setBreakpoint(nil)
    return features
  }

  /// `out; sti; 200 × nop; cli; out` with a window asked for at the first OUT: where windows are
  /// exact it opens after the one instruction STI shadows.
  private static func irqWindowIsExact(_ guest: ProbeGuest) throws(ProcessorError) -> Bool {
    let nops = [UInt8](repeating: 0x90, count: 200)
    let code = [0xe6, 0x10, 0xfb] + nops + [0xfa, 0xe6, 0x11, 0xf4]
    for _ in 0..<windowTrials {
      try guest.load(code)
      guard case .portWrite = try run(guest) else { return false }
      guest.processor.requestsInterruptWindow = true
      defer { guest.processor.requestsInterruptWindow = false }
      guard try run(guest) == .interruptWindow,
        guest.processor.registers.rip == ProbeGuest.origin + 4
      else { return false }
    }
    return true
  }

  private static func ripConventions(
    _ guest: ProbeGuest
  ) throws(ProcessorError) -> RIPConventions {
    var conventions = RIPConventions()
    conventions.portWrite = try convention(guest, [0xe6, 0x10])
    conventions.portRead = try convention(guest, [0xe4, 0x10])
    conventions.memoryWrite = try convention(guest, [0xa3, 0x10, 0x00])
    conventions.memoryRead = try convention(guest, [0xa1, 0x10, 0x00])
    if guest.processor.hasMSRFilter {
      conventions.msrWrite = try convention(guest, [0x0f, 0x30])
      conventions.msrRead = try convention(guest, [0x0f, 0x32])
    }
    return conventions
  }

  /// Runs one instruction that exits and looks where RIP is.
  private static func convention(
    _ guest: ProbeGuest, _ instruction: [UInt8]
  ) throws(ProcessorError) -> RIPConvention? {
    try guest.load(instruction + [0xf4])
    var registers = guest.processor.registers
    registers.rcx = probedMSR
    try guest.processor.setRegisters(registers)
    switch try run(guest) {
    case .portWrite, .portRead, .memoryWrite, .memoryRead, .msrWrite, .msrRead: break
    default: return nil
    }
    switch guest.processor.registers.rip {
    case ProbeGuest.origin: return .at
    case ProbeGuest.origin + UInt64(instruction.count): return .after
    default: return nil
    }
  }

  /// Whether CPUID leaf 1 reads in the guest what the table says.
  private static func cpuidMatches(_ guest: ProbeGuest) throws(ProcessorError) -> Bool {
    // mov eax, 1; xor ecx, ecx; cpuid; hlt
    try guest.load([0x66, 0xb8, 1, 0, 0, 0, 0x66, 0x31, 0xc9, 0x0f, 0xa2, 0xf4])
    guard try run(guest) == .halt else { return false }
    let row = guest.processor.cpuid.row(1)
    let registers = guest.processor.registers
    return registers.rcx == UInt64(row.ecx) && registers.rdx == UInt64(row.edx)
  }
}
