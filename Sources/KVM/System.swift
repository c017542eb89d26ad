internal import CKVM
internal import Machine

/// The opened /dev/kvm: what this kernel's KVM is and offers.
struct System: ~Copyable {
  static let devicePath = "/dev/kvm"
  /// The only API version there has been since 2.6.22.
  static let apiVersion: Int32 = 12

  let descriptor: Descriptor

  /// Opens /dev/kvm and checks KVM_GET_API_VERSION.
  init() throws(ProcessorError) {
    let number = unsafe Self.devicePath.withCString { unsafe ckvm_open($0) }
    let opened = Descriptor(try check(number, "open /dev/kvm"))
    let version = try opened.call(CKVM_GET_API_VERSION, named: "KVM_GET_API_VERSION")
    guard version == Self.apiVersion else {
      throw ProcessorError(
        operation: "KVM_GET_API_VERSION", missingCapability: "API version \(Self.apiVersion)",
        advice: "this kernel speaks KVM API version \(version)")
    }
    descriptor = opened
  }

  /// KVM_CHECK_EXTENSION: 0 when absent, otherwise the extension's own value.
  func value(of capability: Capability) -> Int32 {
    max(0, ckvm_call(descriptor.number, CKVM_CHECK_EXTENSION, UInt(capability.rawValue)))
  }

  /// Refuses a host without a capability that an operation cannot do without.
  func require(_ capability: Capability, for operation: String) throws(ProcessorError) {
    guard value(of: capability) > 0 else {
      throw ProcessorError(operation: operation, missingCapability: capability.name)
    }
  }

  /// The size of a vCPU's shared run area in bytes (KVM_GET_VCPU_MMAP_SIZE).
  func runAreaSize() throws(ProcessorError) -> Int {
    Int(try descriptor.call(CKVM_GET_VCPU_MMAP_SIZE, named: "KVM_GET_VCPU_MMAP_SIZE"))
  }

  /// The CPUID rows KVM can give a guest (KVM_GET_SUPPORTED_CPUID).
  func supportedCPUID() throws(ProcessorError) -> [CPUIDEntry] {
    var rows = [kvm_cpuid_entry2](repeating: kvm_cpuid_entry2(), count: 256)
    // Safe: the shim writes at most `count` entries.
    let result = unsafe rows.withUnsafeMutableBufferPointer {
      unsafe ckvm_supported_cpuid(descriptor.number, $0.baseAddress, UInt32($0.count))
    }
    let count = try check(result, "KVM_GET_SUPPORTED_CPUID")
    return rows.prefix(Int(count)).map { row in
      CPUIDEntry(
        leaf: row.function, subleaf: row.index, flags: row.flags, eax: row.eax, ebx: row.ebx,
        ecx: row.ecx, edx: row.edx)
    }
  }

  /// The MSRs KVM can save and restore (KVM_GET_MSR_INDEX_LIST).
  func savedMSRs() throws(ProcessorError) -> [UInt32] {
    var indices = [UInt32](repeating: 0, count: 1024)
    // Safe: the shim writes at most `count` indices.
    let result = unsafe indices.withUnsafeMutableBufferPointer {
      unsafe ckvm_msr_index_list(descriptor.number, $0.baseAddress, UInt32($0.count))
    }
    return Array(indices.prefix(Int(try check(result, "KVM_GET_MSR_INDEX_LIST"))))
  }

  /// Creates an empty VM (KVM_CREATE_VM).
  func createMachine() throws(ProcessorError) -> Descriptor {
    // KVM_CREATE_VM answers EINTR when a signal comes while it waits for memory.
    for _ in 0..<100 {
      let result = ckvm_call(descriptor.number, CKVM_CREATE_VM, 0)
      if result != -4 { return Descriptor(try check(result, "KVM_CREATE_VM")) }
    }
    throw ProcessorError(call: "KVM_CREATE_VM", errorNumber: 4)
  }
}

/// The KVM_CAP_* numbers vmreel asks about.
enum Capability: UInt32 {
  case setGuestDebug = 23
  case xsave = 55
  case xcrs = 56
  case tscControl = 60
  case syncRegs = 74
  case smm = 117
  case immediateExit = 136
  case exceptionPayload = 164
  case userSpaceMSR = 188
  case msrFilter = 189
  case binaryStatsFD = 203
  case disableQuirks2 = 213
  case tripleFaultEvent = 218

  /// The name in linux/kvm.h.
  var name: String {
    switch self {
    case .setGuestDebug: "KVM_CAP_SET_GUEST_DEBUG"
    case .xsave: "KVM_CAP_XSAVE"
    case .xcrs: "KVM_CAP_XCRS"
    case .tscControl: "KVM_CAP_TSC_CONTROL"
    case .syncRegs: "KVM_CAP_SYNC_REGS"
    case .smm: "KVM_CAP_X86_SMM"
    case .immediateExit: "KVM_CAP_IMMEDIATE_EXIT"
    case .exceptionPayload: "KVM_CAP_EXCEPTION_PAYLOAD"
    case .userSpaceMSR: "KVM_CAP_X86_USER_SPACE_MSR"
    case .msrFilter: "KVM_CAP_X86_MSR_FILTER"
    case .binaryStatsFD: "KVM_CAP_BINARY_STATS_FD"
    case .disableQuirks2: "KVM_CAP_DISABLE_QUIRKS2"
    case .tripleFaultEvent: "KVM_CAP_X86_TRIPLE_FAULT_EVENT"
    }
  }
}
