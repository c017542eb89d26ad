internal import CKVM
internal import Machine

/// Why KVM_RUN returned: every KVM_EXIT_* code of linux/kvm.h up to Linux 6.18.
///
/// ``KVMProcessor`` maps the ones an x86 guest without in-kernel devices can make to
/// `ExitReason`; the others keep their names here, so that `record` can say what ended it.
public enum VirtualCPUExit: Equatable, Sendable {
  case unknown, exception, io, hypercall, debug, halt, mmio, interruptWindowOpen, shutdown
  case failEntry, interrupted, setTPR, tprAccess, s390SIEIC, s390Reset, dcr, nmi, internalError
  case osi, paprHypercall, s390UControl, watchdog, s390TSCH, epr, systemEvent, s390STSI
  case ioapicEOI, hyperV, armNISV, readMSR, writeMSR, dirtyRingFull, apResetHold, busLock, xen
  case riscvSBI, riscvCSR, notify, loongarchIOCSR, memoryFault, tdx
  /// A code this version does not know.
  case unsupported(UInt32)

  /// The exit of a KVM_EXIT_* code.
  public init(code: UInt32) {
    let known = Self.byCode.first { $0.code == code }?.exit
    self = known ?? .unsupported(code)
  }

  /// The KVM_EXIT_* code.
  public var code: UInt32 {
    if case .unsupported(let code) = self { return code }
    return Self.byCode.first { $0.exit == self }?.code ?? .max
  }

  /// The constant's name in linux/kvm.h, or `KVM_EXIT_` and the number.
  public var name: String {
    let known = Self.byCode.first { $0.exit == self }?.name
    return "KVM_EXIT_\(known ?? String(code))"
  }

  /// Code, case and name, in linux/kvm.h's order.
  static let byCode: [(code: UInt32, exit: VirtualCPUExit, name: String)] = [
    (0, .unknown, "UNKNOWN"), (1, .exception, "EXCEPTION"), (2, .io, "IO"),
    (3, .hypercall, "HYPERCALL"), (4, .debug, "DEBUG"), (5, .halt, "HLT"), (6, .mmio, "MMIO"),
    (7, .interruptWindowOpen, "IRQ_WINDOW_OPEN"), (8, .shutdown, "SHUTDOWN"),
    (9, .failEntry, "FAIL_ENTRY"), (10, .interrupted, "INTR"), (11, .setTPR, "SET_TPR"),
    (12, .tprAccess, "TPR_ACCESS"), (13, .s390SIEIC, "S390_SIEIC"),
    (14, .s390Reset, "S390_RESET"), (15, .dcr, "DCR"), (16, .nmi, "NMI"),
    (17, .internalError, "INTERNAL_ERROR"), (18, .osi, "OSI"), (19, .paprHypercall, "PAPR_HCALL"),
    (20, .s390UControl, "S390_UCONTROL"), (21, .watchdog, "WATCHDOG"), (22, .s390TSCH, "S390_TSCH"),
    (23, .epr, "EPR"), (24, .systemEvent, "SYSTEM_EVENT"), (25, .s390STSI, "S390_STSI"),
    (26, .ioapicEOI, "IOAPIC_EOI"), (27, .hyperV, "HYPERV"), (28, .armNISV, "ARM_NISV"),
    (29, .readMSR, "X86_RDMSR"), (30, .writeMSR, "X86_WRMSR"),
    (31, .dirtyRingFull, "DIRTY_RING_FULL"), (32, .apResetHold, "AP_RESET_HOLD"),
    (33, .busLock, "X86_BUS_LOCK"), (34, .xen, "XEN"), (35, .riscvSBI, "RISCV_SBI"),
    (36, .riscvCSR, "RISCV_CSR"), (37, .notify, "NOTIFY"), (38, .loongarchIOCSR, "LOONGARCH_IOCSR"),
    (39, .memoryFault, "MEMORY_FAULT"), (40, .tdx, "TDX"),
  ]
}

extension VirtualCPU {
  /// The last exit as the runner sees it.
  func exitReason() -> ExitReason {
    switch unsafe Int32(bitPattern: run.pointee.exit_reason) {
    case KVM_EXIT_IO: portAccess()
    case KVM_EXIT_MMIO: memoryAccess()
    case KVM_EXIT_HLT: .halt
    case KVM_EXIT_IRQ_WINDOW_OPEN: .interruptWindow
    case KVM_EXIT_X86_RDMSR: unsafe .msrRead(index: run.pointee.msr.index)
    case KVM_EXIT_X86_WRMSR:
      unsafe .msrWrite(index: run.pointee.msr.index, value: run.pointee.msr.data)
    case KVM_EXIT_SHUTDOWN: .shutdown
    case KVM_EXIT_DEBUG: unsafe .debug(address: run.pointee.debug.arch.pc)
    case KVM_EXIT_SYSTEM_EVENT: unsafe .systemEvent(type: run.pointee.system_event.type)
    case KVM_EXIT_INTERNAL_ERROR: unsafe .internalError(suberror: run.pointee.internal.suberror)
    case KVM_EXIT_FAIL_ENTRY:
      unsafe .entryFailure(hardwareReason: run.pointee.fail_entry.hardware_entry_failure_reason)
    default: unsafe .unsupported(code: run.pointee.exit_reason)
    }
  }

  /// Whether the last exit stopped inside an instruction, which the next KVM_RUN finishes first.
  var leavesInstructionUnfinished: Bool {
    switch unsafe Int32(bitPattern: run.pointee.exit_reason) {
    case KVM_EXIT_HLT, KVM_EXIT_DEBUG, KVM_EXIT_IRQ_WINDOW_OPEN, KVM_EXIT_INTR, KVM_EXIT_SHUTDOWN,
      KVM_EXIT_FAIL_ENTRY, KVM_EXIT_INTERNAL_ERROR:
      false
    default: true
    }
  }

  /// Answers the last exit when it was a read of one element; otherwise does nothing.
  func reply(_ value: UInt64) {
    switch unsafe Int32(bitPattern: run.pointee.exit_reason) {
    case KVM_EXIT_IO where unsafe run.pointee.io.direction == UInt8(KVM_EXIT_IO_IN):
      unsafe portData.store(value)
    case KVM_EXIT_MMIO where unsafe run.pointee.mmio.is_write == 0:
      unsafe UnsafeMutableRawBufferPointer(start: ckvm_mmio_data(run), count: 8).store(value)
    case KVM_EXIT_X86_RDMSR:
      unsafe run.pointee.msr.data = value
      unsafe run.pointee.msr.error = 0
    default: break
    }
  }

  private func portAccess() -> ExitReason {
    let io = unsafe run.pointee.io
    let access = PortAccess(port: io.port, width: io.size, count: io.count)
    guard io.direction == UInt8(KVM_EXIT_IO_OUT) else { return .portRead(access) }
    return .portWrite(access, value: io.count == 1 ? unsafe portData.integer : 0)
  }

  private func memoryAccess() -> ExitReason {
    let address = unsafe run.pointee.mmio.phys_addr
    let width = unsafe UInt8(min(run.pointee.mmio.len, 8))
    guard unsafe run.pointee.mmio.is_write != 0 else {
      return .memoryRead(address: address, width: width)
    }
    let data = unsafe UnsafeMutableRawBufferPointer(start: ckvm_mmio_data(run), count: Int(width))
    return .memoryWrite(address: address, width: width, value: unsafe data.integer)
  }
}

extension UnsafeMutableRawBufferPointer {
  /// The first bytes, at most eight, as a little-endian integer.
  fileprivate var integer: UInt64 {
    var value: UInt64 = 0
    for index in 0..<Swift.min(count, 8) {
      unsafe value |= UInt64(self[index]) << UInt64(8 * index)
    }
    return value
  }

  /// Stores a little-endian integer into the first bytes, at most eight.
  fileprivate func store(_ value: UInt64) {
    for index in 0..<Swift.min(count, 8) {
      unsafe self[index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
    }
  }
}
