internal import CKVM
public import Machine

/// What KVM_SET_GUEST_DEBUG is set to.
enum DebugControl: Equatable {
  case off
  case singleStep
  /// A hardware instruction breakpoint at a linear address.
  case breakpoint(UInt64)
}

/// A HLT in guest RAM, with the byte it stands for.
///
/// INT3 would be the usual choice, but where debug registers do not work (nested SVM in QEMU's TCG)
/// KVM does not get INT3 either; HLT exits everywhere, at CPL 0.
struct SoftwareBreakpoint {
  static let halt: UInt8 = 0xf4
  var physicalAddress: UInt64
  var original: UInt8
}

/// The processor's debugging state.
struct DebugSession {
  /// The breakpoint the runner asked for, by linear address.
  var breakpoint: UInt64?
  /// The HLT that stands for it, on a host without hardware breakpoints.
  var software: SoftwareBreakpoint?
  /// What was last applied.
  var applied = DebugControl.off
  /// Whether an interrupt was injected that no run has delivered yet.
  var hasInjected = false
  /// The linear address of the instruction that the last exit stopped at, when it was a trap's.
  var stop: UInt64?

  /// What a run needs.
  var whileRunning: DebugControl {
    guard let breakpoint, software == nil else { return .off }
    return .breakpoint(breakpoint)
  }
}

extension KVMProcessor {
  /// A step that takes longer than this gives up: some modes never report the trap (PVM in 32-bit
  /// protected mode).
  static let stepLimitNanoseconds: UInt64 = 1_000_000_000

  /// Pages an instruction may be stopped for by nested faults: two of code, two each of two operands,
  /// and as many page tables.
  private static let stepFaultLimit = 12

  /// Executes one guest instruction (KVM_GUESTDBG_SINGLESTEP).
  ///
  /// Completes an unfinished instruction first. On VT-x and SVM the step uses the guest's own TF:
  /// PUSHF shows it to the guest, and SYSCALL, faults and a delivered interrupt run until TF is
  /// back.
  /// - Returns: `debug` after the instruction, or the exit it made instead, or `kick`; a
  ///   `kick(.sliceLimit)` when the host reported no trap within a second.
  public func step() throws(ProcessorError) -> Exit {
    guard debugFeatures.contains(.singleStep) else {
      throw ProcessorError(
        operation: "KVM_SET_GUEST_DEBUG", missingCapability: "single-step",
        advice: "this host's KVM does not step instructions")
    }
    return try step(limitNanoseconds: Self.stepLimitNanoseconds)
  }

  func step(limitNanoseconds limit: UInt64) throws(ProcessorError) -> Exit {
    if let next = try complete() { return next }
    let start = try linearInstructionAddress()
    let hadTrapFlag = registers.rflags & RFlags.trap != 0
    // Armed anew for each step: POPF, IRET and SYSRET drop TF.
    try setGuestDebug(.singleStep)
    let before = registers
    var exit = try enter(limit: limit)
    // Bochs' VT-x keeps the trap over the exit of a nested page fault on the instruction, and reports
    // it before the instruction: once for each page it touches. A jump to itself is merely taken
    // several times.
    var faults = 0
    while exit.reason == .debug(address: start), registers == before, faults < Self.stepFaultLimit {
      faults += 1
      try setGuestDebug(.singleStep)
      exit = try enter(limit: limit)
    }
    guard exit.reason == .debug(address: start &+ 1) else { return exit }
    switch try memory(at: start, count: 1)?.first {
    case Self.hlt: exit.reason = .halt  // PVM's emulator lets the step's trap overwrite the exit.
    case Self.pushf where !hadTrapFlag: try hidePushedTrapFlag()
    default: break
    }
    return exit
  }

  private static let hlt: UInt8 = 0xf4
  private static let pushf: UInt8 = 0x9c

  /// Clears TF in the flags PUSHF has just pushed: it was the step's, not the guest's.
  private func hidePushedTrapFlag() throws(ProcessorError) {
    var system = kvm_sregs()
    try cpu.descriptor.call(CKVM_GET_SREGS, with: &system, named: "KVM_GET_SREGS")
    let base = system.cs.l != 0 ? 0 : system.ss.base
    guard let address = try physicalAddress(of: base &+ registers.rsp &+ 1),
      let byte = machine.memory.read(address, count: 1)?.first
    else { return }
    machine.memory.write([byte & ~UInt8(RFlags.trap >> 8)], at: address)
  }

  /// Sets or, with `nil`, removes the one instruction breakpoint, by linear address
  /// (KVM_GUESTDBG_USE_HW_BP; where that does not work a HLT in the guest's RAM as the present page
  /// tables map it).
  @discardableResult
  public func setBreakpoint(_ address: UInt64?) throws(ProcessorError) -> Bool {
    try removeSoftwareBreakpoint()
    guard address == nil || debugFeatures.canBreak else {
      throw ProcessorError(
        operation: "KVM_SET_GUEST_DEBUG", missingCapability: "breakpoints",
        advice: "this host's KVM does not report breakpoints; single-step instead")
    }
    debugging.breakpoint = address
    if let address, !debugFeatures.contains(.breakpoint) {
      guard try insertSoftwareBreakpoint(at: address) else {
        debugging.breakpoint = nil
        try applyDebug(.off)
        return false
      }
    }
    try applyDebug(debugging.whileRunning)
    return true
  }

  /// Turns the exit of a HLT that is a breakpoint into the breakpoint's.
  func recognizeBreakpoint(_ exit: inout Exit) throws(ProcessorError) {
    guard debugging.software != nil, exit.reason == .halt, let breakpoint = debugging.breakpoint,
      try linearInstructionAddress() == breakpoint &+ 1
    else { return }
    var before = registers
    before.rip &-= 1
    try setRegisters(before)
    exit.reason = .debug(address: breakpoint)
  }

  private func insertSoftwareBreakpoint(at address: UInt64) throws(ProcessorError) -> Bool {
    guard let physical = try physicalAddress(of: address),
      let byte = machine.memory.read(physical, count: 1)?.first
    else { return false }
    debugging.software = SoftwareBreakpoint(physicalAddress: physical, original: byte)
    return machine.memory.write([SoftwareBreakpoint.halt], at: physical)
  }

  /// Puts the guest's byte back, unless the guest has overwritten the HLT meanwhile.
  private func removeSoftwareBreakpoint() throws(ProcessorError) {
    guard let software = debugging.software else { return }
    debugging.software = nil
    let byte = machine.memory.read(software.physicalAddress, count: 1)?.first
    guard byte == SoftwareBreakpoint.halt else { return }
    machine.memory.write([software.original], at: software.physicalAddress)
  }

  /// Applies a debug setting unless it is in force.
  func applyDebug(_ control: DebugControl) throws(ProcessorError) {
    guard control != debugging.applied else { return }
    try setGuestDebug(control)
  }

  /// Gets past a breakpoint at the instruction where a run starts: by RFLAGS.RF where that passes
  /// it, else by stepping over it.
  ///
  /// - Returns: an exit that ends the run already.
  func passBreakpoint(limit: UInt64?) throws(ProcessorError) -> Exit? {
    guard let breakpoint = debugging.breakpoint else { return nil }
    if let next = try complete() { return next }
    // An injected interrupt is delivered first; its handler's return is a fresh arrival.
    guard !debugging.hasInjected, try instructionAddress() == breakpoint else { return nil }
    if debugging.software == nil, debugFeatures.contains(.resumeFlag) {
      try setResumeFlag()
      return nil
    }
    guard debugFeatures.contains(.singleStep) else { return nil }
    let isSoftware = debugging.software != nil
    try removeSoftwareBreakpoint()
    let stepped = try step(limitNanoseconds: limit ?? Self.stepLimitNanoseconds)
    if isSoftware, !(try insertSoftwareBreakpoint(at: breakpoint)) { debugging.breakpoint = nil }
    if limit == nil, stepped.reason == .kick(.sliceLimit) { return nil }
    guard case .debug(let address) = stepped.reason, address != breakpoint else { return stepped }
    return nil
  }

  /// Sets RFLAGS.RF for the next run; without a system call where registers are shared.
  private func setResumeFlag() throws(ProcessorError) {
    var passing = registers
    passing.rflags |= RFlags.resume
    guard cpu.syncsRegisters else { return try setRegisters(passing) }
    cpu.shareRegisters(passing)
  }

  /// The linear address of the next instruction; after a trap KVM has told it.
  private func instructionAddress() throws(ProcessorError) -> UInt64 {
    if let stop = debugging.stop { return stop }
    return try linearInstructionAddress()
  }

  private func linearInstructionAddress() throws(ProcessorError) -> UInt64 {
    var system = kvm_sregs()
    try cpu.descriptor.call(CKVM_GET_SREGS, with: &system, named: "KVM_GET_SREGS")
    return system.cs.base &+ registers.rip
  }

  private func setGuestDebug(_ control: DebugControl) throws(ProcessorError) {
    var request = kvm_guest_debug()
    switch control {
    case .off: break
    case .singleStep: request.control = UInt32(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP)
    case .breakpoint(let address):
      request.control = UInt32(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP)
      request.arch.debugreg.0 = address
      // DR7: fixed bit 10, exact global (bit 9), global enable 0; type and length 0: execution.
      request.arch.debugreg.7 = 0x602
    }
    try cpu.descriptor.call(CKVM_SET_GUEST_DEBUG, with: &request, named: "KVM_SET_GUEST_DEBUG")
    debugging.applied = control
  }
}
