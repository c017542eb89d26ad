internal import CKVM
internal import Machine

#if canImport(Glibc)
  internal import Glibc
#endif

/// A vCPU: its descriptor and the run area it shares with the kernel.
@safe
struct VirtualCPU: ~Copyable {
  // Safe: `run` points at `runAreaSize` mapped bytes from init to deinit; the kernel writes them
  // only inside KVM_RUN, which is called from this type alone.

  let descriptor: Descriptor
  let run: UnsafeMutablePointer<kvm_run>
  /// Bytes of the run area, its data pages included.
  let runAreaSize: Int
  /// Whether the kernel puts the registers into the run area at each exit.
  let syncsRegisters: Bool
  /// Whether floating-point state is read as an XSAVE area.
  let hasXSAVE: Bool
  /// Whether there are extended control registers.
  let hasXCRs: Bool
  /// Whether system management mode is part of the events.
  let hasSMM: Bool
  /// The MSRs that belong to the guest's context, ascending.
  let contextMSRs: [UInt32]

  /// Creates vCPU 0 and maps its run area.
  init(system: borrowing System, machine: borrowing VirtualMachine) throws(ProcessorError) {
    // Without it KVM would run on where an instruction is only to be completed.
    try system.require(.immediateExit, for: "KVM_RUN")
    let size = try system.runAreaSize()
    let saved = Set(try system.savedMSRs())
    let created = Descriptor(
      try machine.descriptor.call(CKVM_CREATE_VCPU, 0, named: "KVM_CREATE_VCPU"))
    guard size >= MemoryLayout<kvm_run>.size else {
      throw ProcessorError(
        operation: "KVM_GET_VCPU_MMAP_SIZE", advice: "the run area of \(size) bytes is too small")
    }
    let mapping = unsafe mmap(
      nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, created.number, 0)
    guard let mapping = unsafe mapping, unsafe mapping != MAP_FAILED else {
      throw ProcessorError(call: "mmap of the vCPU", errorNumber: errno)
    }
    unsafe run = mapping.bindMemory(to: kvm_run.self, capacity: 1)
    descriptor = created
    runAreaSize = size
    syncsRegisters = UInt32(system.value(of: .syncRegs)) & CKVM_SYNC_REGS != 0
    hasXSAVE = system.value(of: .xsave) > 0
    hasXCRs = system.value(of: .xcrs) > 0
    hasSMM = system.value(of: .smm) > 0
    contextMSRs = VirtualMachine.contextMSRs.joined().filter(saved.contains)
    unsafe run.pointee.kvm_valid_regs = syncsRegisters ? UInt64(CKVM_SYNC_REGS) : 0
  }

  deinit {
    unsafe munmap(run, runAreaSize)
  }

  /// Gives the guest a CPUID table (KVM_SET_CPUID2); before the first run.
  func setCPUID(_ table: [CPUIDEntry]) throws(ProcessorError) {
    let rows = table.map { entry in
      var row = kvm_cpuid_entry2()
      row.function = entry.leaf
      row.index = entry.subleaf
      row.flags = entry.flags
      row.eax = entry.eax
      row.ebx = entry.ebx
      row.ecx = entry.ecx
      row.edx = entry.edx
      return row
    }
    // Safe: the shim reads `count` rows and copies them.
    let result = unsafe rows.withUnsafeBufferPointer {
      unsafe ckvm_set_cpuid(descriptor.number, $0.baseAddress, UInt32($0.count))
    }
    try check(result, "KVM_SET_CPUID2")
  }

  /// Clears the enable bit of the APIC base register: while it is set, KVM shows an APIC in CPUID
  /// leaf 1, although this VM has none.
  func disableAPIC() throws(ProcessorError) {
    var system = kvm_sregs()
    try descriptor.call(CKVM_GET_SREGS, with: &system, named: "KVM_GET_SREGS")
    system.apic_base &= ~(1 << 11)
    try descriptor.call(CKVM_SET_SREGS, with: &system, named: "KVM_SET_SREGS")
  }

  /// Enters the guest (KVM_RUN).
  ///
  /// - Returns: whether the guest made an exit; `false` when a signal or `immediately` ended it.
  func enter(immediately: Bool = false) throws(ProcessorError) -> Bool {
    unsafe run.pointee.immediate_exit = immediately ? 1 : 0
    let result = ckvm_call(descriptor.number, CKVM_RUN, 0)
    guard result >= 0 || result == -EINTR else {
      throw ProcessorError(call: "KVM_RUN", errorNumber: -result)
    }
    if !syncsRegisters { try readRegisters() }
    return unsafe result >= 0 && run.pointee.exit_reason != UInt32(KVM_EXIT_INTR)
  }

  private func readRegisters() throws(ProcessorError) {
    // Safe: the sync area holds a struct kvm_regs, as KVM_GET_REGS writes.
    let result = unsafe ckvm_call_pointer(
      descriptor.number, CKVM_GET_REGS, ckvm_sync_regs(run))
    try check(result, "KVM_GET_REGS")
  }

  /// The general registers as of the last exit, from the run area.
  var registers: GeneralRegisters {
    unsafe GeneralRegisters(ckvm_sync_regs(run).pointee)
  }

  /// Replaces the general registers (KVM_SET_REGS).
  func setRegisters(_ registers: GeneralRegisters) throws(ProcessorError) {
    var value = kvm_regs(registers)
    try descriptor.call(CKVM_SET_REGS, with: &value, named: "KVM_SET_REGS")
    unsafe ckvm_sync_regs(run).pointee = value
    unsafe run.pointee.kvm_dirty_regs = 0
  }

  /// Replaces the general registers from the next KVM_RUN on; needs KVM_CAP_SYNC_REGS.
  func shareRegisters(_ registers: GeneralRegisters) {
    unsafe ckvm_sync_regs(run).pointee = kvm_regs(registers)
    unsafe run.pointee.kvm_dirty_regs = UInt64(CKVM_SYNC_REGS)
  }

  /// Changes RDX from the next KVM_RUN on; needs KVM_CAP_SYNC_REGS.
  func setRDX(_ value: UInt64) {
    unsafe ckvm_sync_regs(run).pointee.rdx = value
    unsafe run.pointee.kvm_dirty_regs = UInt64(CKVM_SYNC_REGS)
  }

  /// The bytes of the last port access; empty when the last exit was not one, or when the kernel
  /// names bytes outside the run area.
  var portData: UnsafeMutableRawBufferPointer {
    guard unsafe run.pointee.exit_reason == UInt32(KVM_EXIT_IO) else {
      return unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }
    let access = unsafe run.pointee.io
    let count = Int(access.count) * Int(access.size)
    let offset = access.data_offset
    guard count <= runAreaSize, offset <= UInt64(runAreaSize - count) else {
      return unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }
    return unsafe UnsafeMutableRawBufferPointer(
      start: UnsafeMutableRawPointer(run) + Int(offset), count: count)
  }
}

extension GeneralRegisters {
  init(_ regs: kvm_regs) {
    self.init()
    (rax, rbx, rcx, rdx) = (regs.rax, regs.rbx, regs.rcx, regs.rdx)
    (rsi, rdi, rsp, rbp) = (regs.rsi, regs.rdi, regs.rsp, regs.rbp)
    (r8, r9, r10, r11) = (regs.r8, regs.r9, regs.r10, regs.r11)
    (r12, r13, r14, r15) = (regs.r12, regs.r13, regs.r14, regs.r15)
    (rip, rflags) = (regs.rip, regs.rflags)
  }
}

extension kvm_regs {
  init(_ values: GeneralRegisters) {
    self.init(
      rax: values.rax, rbx: values.rbx, rcx: values.rcx, rdx: values.rdx, rsi: values.rsi,
      rdi: values.rdi, rsp: values.rsp, rbp: values.rbp, r8: values.r8, r9: values.r9,
      r10: values.r10, r11: values.r11, r12: values.r12, r13: values.r13, r14: values.r14,
      r15: values.r15, rip: values.rip, rflags: values.rflags)
  }
}
