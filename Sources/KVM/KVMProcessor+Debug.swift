internal import CKVM
public import Machine

/// What KVM_SET_GUEST_DEBUG is set to.
enum DebugControl: Equatable {
  case off
  case singleStep
  /// A hardware instruction breakpoint at a linear address.
  case breakpoint(UInt64)
}

/// The processor's debugging state.
struct DebugSession {
  /// The breakpoint the runner asked for.
  var breakpoint: UInt64?
  /// What was last applied.
  var applied = DebugControl.off
  /// Whether an interrupt was injected that no run has delivered yet.
  var hasInjected = false

  /// What a run needs.
  var whileRunning: DebugControl { breakpoint.map { .breakpoint($0) } ?? .off }
}

extension KVMProcessor {
  /// A step that takes longer than this gives up: some modes never report the trap (PVM in 32-bit
  /// protected mode).
  static let stepLimitNanoseconds: UInt64 = 1_000_000_000

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
    // Armed anew for each step: POPF, IRET and SYSRET drop TF.
    try setGuestDebug(.singleStep)
    var exit = try enter(limit: limit)
    if exit.reason == .debug(address: start &+ 1),
      try memory(at: start, count: 1)?.first == Self.hlt
    {
      // PVM's emulator lets the step's trap overwrite the exit of HLT.
      exit.reason = .halt
    }
    return exit
  }

  private static let hlt: UInt8 = 0xf4

  /// Sets or, with `nil`, removes the one instruction breakpoint, by linear address
  /// (KVM_GUESTDBG_USE_HW_BP).
  public func setBreakpoint(_ address: UInt64?) throws(ProcessorError) {
    guard address == nil || debugFeatures.contains(.breakpoint) else {
      throw ProcessorError(
        operation: "KVM_SET_GUEST_DEBUG", missingCapability: "hardware breakpoints",
        advice: "this host's KVM does not report breakpoints; single-step instead")
    }
    debugging.breakpoint = address
    try applyDebug(debugging.whileRunning)
  }

  /// Applies a debug setting unless it is in force.
  func applyDebug(_ control: DebugControl) throws(ProcessorError) {
    guard control != debugging.applied else { return }
    try setGuestDebug(control)
  }

  /// Gets past a breakpoint at the instruction where a run starts: RFLAGS.RF does not pass it on
  /// every KVM, so it is stepped over.
  ///
  /// - Returns: an exit that ends the run already.
  func passBreakpoint(limit: UInt64?) throws(ProcessorError) -> Exit? {
    guard let breakpoint = debugging.breakpoint else { return nil }
    if let next = try complete() { return next }
    // An injected interrupt is delivered first; its handler's return is a fresh arrival.
    guard !debugging.hasInjected, try linearInstructionAddress() == breakpoint else { return nil }
    guard debugFeatures.contains(.singleStep) else { return nil }
    let stepped = try step(limitNanoseconds: limit ?? Self.stepLimitNanoseconds)
    if limit == nil, stepped.reason == .kick(.sliceLimit) { return nil }
    guard case .debug(let address) = stepped.reason, address != breakpoint else { return stepped }
    return nil
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
