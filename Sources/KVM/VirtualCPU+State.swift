internal import CKVM
internal import Machine

extension VirtualCPU {
  /// Bytes of an XSAVE area in KVM's standard format.
  static let xsaveByteCount = 4096
  /// Bytes of an FXSAVE image.
  static let fxsaveByteCount = 512

  /// Reads the whole architectural state.
  func captureState() throws(ProcessorError) -> VCPUState {
    var state = VCPUState()
    // MP state first: reading it lets KVM process what is pending (kvm_apic_accept_events).
    var mp = kvm_mp_state()
    try descriptor.call(CKVM_GET_MP_STATE, with: &mp, named: "KVM_GET_MP_STATE")
    state.multiprocessingState = mp.mp_state
    var registers = kvm_regs()
    try descriptor.call(CKVM_GET_REGS, with: &registers, named: "KVM_GET_REGS")
    state.registers = GeneralRegisters(registers)
    var system = kvm_sregs()
    try descriptor.call(CKVM_GET_SREGS, with: &system, named: "KVM_GET_SREGS")
    state.system = SystemRegisters(system)
    state.floatingPoint = try floatingPoint()
    state.extendedControl = try extendedControl()
    state.modelSpecific = try modelSpecific()
    var events = kvm_vcpu_events()
    try descriptor.call(CKVM_GET_VCPU_EVENTS, with: &events, named: "KVM_GET_VCPU_EVENTS")
    state.events = VCPUEvents(events)
    var debug = kvm_debugregs()
    try descriptor.call(CKVM_GET_DEBUGREGS, with: &debug, named: "KVM_GET_DEBUGREGS")
    state.debug = DebugRegisters(debug)
    return state
  }

  /// Replaces the whole architectural state.
  ///
  /// Order: MP state before the registers; SREGS before the events, which carry the injected
  /// vector; general registers before the events, since setting them drops a pending exception.
  func restoreState(
    _ state: VCPUState, payload: Bool, tripleFault: Bool
  ) throws(ProcessorError) {
    var mp = kvm_mp_state(mp_state: state.multiprocessingState)
    try descriptor.call(CKVM_SET_MP_STATE, with: &mp, named: "KVM_SET_MP_STATE")
    var system = try kvm_sregs(state.system)
    try descriptor.call(CKVM_SET_SREGS, with: &system, named: "KVM_SET_SREGS")
    // Without an in-kernel APIC every KVM_RUN takes CR8 from the run area.
    unsafe run.pointee.cr8 = state.system.cr8
    try setExtendedControl(state.extendedControl)
    try setFloatingPoint(state.floatingPoint)
    try setModelSpecific(state.modelSpecific)
    try setRegisters(state.registers)
    var debug = try kvm_debugregs(state.debug)
    try descriptor.call(CKVM_SET_DEBUGREGS, with: &debug, named: "KVM_SET_DEBUGREGS")
    var events = kvm_vcpu_events(
      state.events, smm: hasSMM, payload: payload, tripleFault: tripleFault)
    try descriptor.call(CKVM_SET_VCPU_EVENTS, with: &events, named: "KVM_SET_VCPU_EVENTS")
  }

  // MARK: - Floating point

  private func floatingPoint() throws(ProcessorError) -> [UInt8] {
    guard hasXSAVE else {
      var fpu = kvm_fpu()
      try descriptor.call(CKVM_GET_FPU, with: &fpu, named: "KVM_GET_FPU")
      return fpu.fxsaveImage
    }
    var area = [UInt8](repeating: 0, count: Self.xsaveByteCount)
    // Safe: KVM_GET_XSAVE writes exactly 4096 bytes.
    let result = unsafe area.withUnsafeMutableBytes {
      unsafe ckvm_call_pointer(descriptor.number, CKVM_GET_XSAVE, $0.baseAddress)
    }
    try check(result, "KVM_GET_XSAVE")
    return area
  }

  private func setFloatingPoint(_ bytes: [UInt8]) throws(ProcessorError) {
    guard hasXSAVE else {
      guard bytes.count >= Self.fxsaveByteCount else { throw .badFloatingPoint(bytes.count) }
      var fpu = kvm_fpu(fxsaveImage: bytes)
      try descriptor.call(CKVM_SET_FPU, with: &fpu, named: "KVM_SET_FPU")
      return
    }
    guard [Self.fxsaveByteCount, Self.xsaveByteCount].contains(bytes.count) else {
      throw .badFloatingPoint(bytes.count)
    }
    var area = bytes
    if bytes.count == Self.fxsaveByteCount {
      area += [UInt8](repeating: 0, count: Self.xsaveByteCount - bytes.count)
      area[Self.fxsaveByteCount] = 3  // XSTATE_BV: x87 and SSE
    }
    // Safe: KVM_SET_XSAVE reads exactly 4096 bytes.
    let result = unsafe area.withUnsafeMutableBytes {
      unsafe ckvm_call_pointer(descriptor.number, CKVM_SET_XSAVE, $0.baseAddress)
    }
    try check(result, "KVM_SET_XSAVE")
  }

  // MARK: - Registers by number

  private func extendedControl() throws(ProcessorError) -> [IndexedRegister] {
    guard hasXCRs else { return [] }
    var request = kvm_xcrs()
    try descriptor.call(CKVM_GET_XCRS, with: &request, named: "KVM_GET_XCRS")
    // Only XCR0 can be read and written (XCR1 is read-only).
    guard request.nr_xcrs > 0 else { return [] }
    return [IndexedRegister(index: request.xcrs.0.xcr, value: request.xcrs.0.value)]
  }

  private func setExtendedControl(_ registers: [IndexedRegister]) throws(ProcessorError) {
    guard hasXCRs, let first = registers.first else { return }
    var request = kvm_xcrs()
    request.nr_xcrs = 1
    request.xcrs.0 = kvm_xcr(xcr: first.index, reserved: 0, value: first.value)
    try descriptor.call(CKVM_SET_XCRS, with: &request, named: "KVM_SET_XCRS")
  }

  private func modelSpecific() throws(ProcessorError) -> [IndexedRegister] {
    var entries = contextMSRs.map { kvm_msr_entry(index: $0, reserved: 0, data: 0) }
    guard !entries.isEmpty else { return [] }
    // Safe: the shim fills in at most `count` entries.
    let result = unsafe entries.withUnsafeMutableBufferPointer {
      unsafe ckvm_get_msrs(descriptor.number, $0.baseAddress, UInt32($0.count))
    }
    try require(result, of: entries.map(\.index), "KVM_GET_MSRS")
    return entries.map { IndexedRegister(index: $0.index, value: $0.data) }
  }

  private func setModelSpecific(_ registers: [IndexedRegister]) throws(ProcessorError) {
    guard !registers.isEmpty else { return }
    let entries = registers.map { kvm_msr_entry(index: $0.index, reserved: 0, data: $0.value) }
    // Safe: the shim reads `count` entries.
    let result = unsafe entries.withUnsafeBufferPointer {
      unsafe ckvm_set_msrs(descriptor.number, $0.baseAddress, UInt32($0.count))
    }
    try require(result, of: entries.map(\.index), "KVM_SET_MSRS")
  }

  /// KVM stops at the first MSR it refuses and returns how many it did.
  private func require(
    _ result: Int32, of indices: [UInt32], _ name: StaticString
  ) throws(ProcessorError) {
    let done = Int(try check(result, name))
    guard done < indices.count else { return }
    throw ProcessorError(
      operation: "\(name)", missingCapability: "MSR 0x" + String(indices[done], radix: 16))
  }
}

extension ProcessorError {
  fileprivate static func badFloatingPoint(_ count: Int) -> ProcessorError {
    .misuse("KVM_SET_XSAVE", "floating-point state of \(count) bytes; 512 or 4096 are valid")
  }
}
