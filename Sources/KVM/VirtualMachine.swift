internal import CKVM
internal import Machine

/// A VM without devices: one memory slot over the guest's RAM, and the policies every vmreel VM
/// runs under.
struct VirtualMachine: ~Copyable {
  /// The MSRs a guest reads and writes without an exit: the context it switches by itself.
  ///
  /// SYSENTER_CS/ESP/EIP; PAT; EFER, STAR, LSTAR, CSTAR, FMASK; FS, GS and KERNEL_GS base.
  static let contextMSRs: [ClosedRange<UInt32>] = [
    0x174...0x176, 0x277...0x277, 0xc000_0080...0xc000_0084, 0xc000_0100...0xc000_0102,
  ]

  let descriptor: Descriptor
  /// The RAM; held because KVM keeps its address.
  let memory: GuestMemory
  /// Whether MSR accesses outside ``contextMSRs`` reach the runner.
  let hasMSRFilter: Bool
  /// Whether pending exceptions keep their payload across a capture.
  let hasExceptionPayload: Bool
  /// Whether a pending triple fault is part of the captured events.
  let hasTripleFaultEvent: Bool
  private var dirtyBitmap: [UInt64]

  /// Creates the VM with RAM at guest physical address 0.
  init(
    system: borrowing System, memory: GuestMemory, logsDirtyPages: Bool
  ) throws(ProcessorError) {
    let created = try system.createMachine()
    // Before the first GET of any vCPU: otherwise the GETs deliver a pending exception's payload.
    let payload = try Self.enable(.exceptionPayload, 1, system, created)
    let tripleFault = try Self.enable(.tripleFaultEvent, 1, system, created)
    let filter = try Self.filterMSRs(system, created)
    try Self.disableQuirks(system, created)
    try created.call(
      CKVM_SET_TSS_ADDR, UInt(GuestMemoryLayout.taskStateSegment), named: "KVM_SET_TSS_ADDR")
    var identityMap = GuestMemoryLayout.identityMapPage
    try created.call(
      CKVM_SET_IDENTITY_MAP_ADDR, with: &identityMap, named: "KVM_SET_IDENTITY_MAP_ADDR")
    var region = kvm_userspace_memory_region()
    region.flags = logsDirtyPages ? UInt32(KVM_MEM_LOG_DIRTY_PAGES) : 0
    region.memory_size = UInt64(memory.byteCount)
    region.userspace_addr = UInt64(UInt(bitPattern: unsafe memory.base))
    try created.call(
      CKVM_SET_USER_MEMORY_REGION, with: &region, named: "KVM_SET_USER_MEMORY_REGION")
    dirtyBitmap = [UInt64](repeating: 0, count: (memory.pageCount + 63) / 64)
    self.memory = memory
    hasExceptionPayload = payload
    hasTripleFaultEvent = tripleFault
    hasMSRFilter = filter
    descriptor = created
  }

  private static func enable(
    _ capability: Capability, _ argument: UInt64, _ system: borrowing System,
    _ machine: borrowing Descriptor
  ) throws(ProcessorError) -> Bool {
    guard system.value(of: capability) > 0 else { return false }
    let result = ckvm_enable_cap(machine.number, capability.rawValue, argument)
    guard result >= 0 else {
      throw ProcessorError(
        operation: "KVM_ENABLE_CAP", errorNumber: -result, missingCapability: capability.name)
    }
    return true
  }

  private static func filterMSRs(
    _ system: borrowing System, _ machine: borrowing Descriptor
  ) throws(ProcessorError) -> Bool {
    let reasons =
      KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_FILTER
    guard system.value(of: .msrFilter) > 0,
      try enable(.userSpaceMSR, UInt64(reasons), system, machine)
    else { return false }
    let ranges = contextMSRs.map {
      ckvm_msr_range(base: $0.lowerBound, count: UInt32($0.count))
    }
    // Safe: the shim reads `count` ranges and copies them.
    let result = unsafe ranges.withUnsafeBufferPointer {
      unsafe ckvm_set_msr_filter(machine.number, $0.baseAddress, UInt32($0.count))
    }
    try check(result, "KVM_X86_SET_MSR_FILTER")
    return true
  }

  /// Turns off the quirks that make guests differ by vendor: the RIP of port 0x7e, and the
  /// rewriting of hypercall instructions in guest memory.
  private static func disableQuirks(
    _ system: borrowing System, _ machine: borrowing Descriptor
  ) throws(ProcessorError) {
    let wanted = UInt64(KVM_X86_QUIRK_OUT_7E_INC_RIP | KVM_X86_QUIRK_FIX_HYPERCALL_INSN)
    let offered = UInt64(system.value(of: .disableQuirks2))
    guard wanted & offered != 0 else { return }
    let capability = Capability.disableQuirks2
    let result = ckvm_enable_cap(machine.number, capability.rawValue, wanted & offered)
    guard result >= 0 else {
      throw ProcessorError(
        operation: "KVM_ENABLE_CAP", errorNumber: -result, missingCapability: capability.name)
    }
  }

  /// The RAM pages the guest wrote since the last call, ascending (KVM_GET_DIRTY_LOG).
  mutating func takeDirtyPages() throws(ProcessorError) -> [UInt32] {
    // Safe: the bitmap holds one bit for each page of the slot, rounded up to 64.
    let result = unsafe dirtyBitmap.withUnsafeMutableBytes { buffer in
      var request = unsafe kvm_dirty_log()
      unsafe request.dirty_bitmap = buffer.baseAddress
      return unsafe withUnsafeMutablePointer(to: &request) {
        unsafe ckvm_call_pointer(descriptor.number, CKVM_GET_DIRTY_LOG, $0)
      }
    }
    try check(result, "KVM_GET_DIRTY_LOG")
    var pages: [UInt32] = []
    for (index, word) in dirtyBitmap.enumerated() where word != 0 {
      var rest = word
      while rest != 0 {
        pages.append(UInt32(index * 64 + rest.trailingZeroBitCount))
        rest &= rest - 1
      }
    }
    return pages
  }
}
