import Import
import Testing
import Trace

/// Each layout that kernels and tools have printed, as their TP_printk and plugins spell it.
@Suite struct LayoutTests {
  private static let perf = "  CPU 0/KVM  4711 [003]  1000.000001: "
  private static let traceCmd = "       CPU 0/KVM-4711  [003]  1000.000001: "

  /// One exit between two entries.
  private func exit(_ fields: String, entry: String = "vcpu 2, rip 0x10", head: String = perf)
    throws -> KernelExitRecord
  {
    let system = head == Self.perf ? "kvm:" : ""
    let importer = LogImporter.reading(
      """
      \(head)\(system)kvm_entry: \(entry)
      \(head)\(system)kvm_exit: \(fields)
      \(head)\(system)kvm_entry: \(entry)
      """)
    #expect(importer.summary.unknownLines == [:])
    #expect(importer.vcpus.map(\.number) == [2])
    return try #require(importer.exits.first)
  }

  @Test("Linux 5.10 and later: every field has a name")
  func named() throws {
    let exit = try exit(
      "vcpu 2 reason EPT_VIOLATION rip 0xffffffff81000000 info1 0x0000000000000184 "
        + "info2 0x0000000080000306 intr_info 0x80000b0e error_code 0x00000004")
    #expect(exit.isa == 1 && exit.reason == 48)
    #expect(exit.rip == 0xffff_ffff_8100_0000)
    #expect(exit.info1 == 0x184 && exit.info2 == 0x8000_0306)
    #expect(exit.interruptInformation == 0x8000_0b0e && exit.errorCode == 4)
    #expect(exit.vcpu == 2 && exit.flags == [.entryTime])
  }

  @Test("Fields a later kernel adds are passed over")
  func later() throws {
    let exit = try exit(
      "vcpu 2 reason io rip 0xfff0 info1 0x0000000003f80010 info2 0x0000000000000fff "
        + "intr_info 0x00000000 error_code 0x00000000 requests 0x0000000000000800",
      entry: "vcpu 2, rip 0x10 intr_info 0x00000000 error_code 0x00000000[immediate exit]")
    #expect(exit.isa == 2 && exit.reason == 0x7b && exit.info1 == 0x3f8_0010)
    #expect(exit.errorCode == 0 && exit.info2 == 0xfff)
  }

  @Test(
    "Linux before 5.10, and trace-cmd's plugin: info and two numbers",
    arguments: [
      ("reason EXTERNAL_INTERRUPT rip 0xfff0 info 0 800000ec", perf, UInt64(1), UInt8(1)),
      ("vcpu 2 reason EXTERNAL_INTERRUPT rip 0xfff0 info 0 800000ec", perf, 1, 1),
      ("reason EXTERNAL_INTERRUPT rip 0xfff0 info 0 800000ec vcpu 2", traceCmd, 1, 1),
      ("reason PENDING_INTERRUPT rip 0xfff0 info 0 800000ec", traceCmd, 7, 1),
      ("reason interrupt rip 0xfff0 info 0 800000ec", perf, 0x60, 2),
      ("reason EXIT_INTR rip 0xfff0 info 0 800000ec", traceCmd, 0x60, 2),
      ("reason EXIT_EXCP_PF rip 0xfff0 info 0 800000ec", traceCmd, 0x4e, 2),
      ("reason PF excp rip 0xfff0 info 0 800000ec", perf, 0x4e, 2),
      ("reason EXIT_ERR rip 0xfff0 info 0 800000ec", traceCmd, 0xffff_ffff, 2),
      ("reason invalid_guest_state rip 0xfff0 info 0 800000ec", perf, 0xffff_ffff, 2),
    ])
  func infos(fields: String, head: String, reason: UInt64, isa: UInt8) throws {
    let exit = try exit(fields, entry: "vcpu 2", head: head)
    #expect(exit.isa == isa && exit.reason == reason)
    #expect(exit.rip == 0xfff0 && exit.info1 == 0 && exit.info2 == 0x8000_00ec)
  }

  @Test("Linux 2.6: no more than reason and RIP")
  func oldest() throws {
    let exit = try exit("reason HLT rip 0xc01", entry: "vcpu 2")
    #expect(exit.isa == 1 && exit.reason == 12 && exit.rip == 0xc01)
  }

  @Test(
    "Reasons without a name keep their number, flags their bits",
    arguments: [
      ("0x5d", UInt64(0x5d)), ("UNKNOWN (74)", 74), ("UNKNOWN (0x4a)", 74),
      ("EPT_VIOLATION FAILED_VMENTRY", 0x8000_0030),
      ("INVALID_STATE FAILED_VMENTRY|0x4000000", 0), ("0x4b ENCLAVE_MODE", 0),
    ])
  func numbers(name: String, reason: UInt64) throws {
    let record = try exit("vcpu 2 reason \(name) rip 0x1 info1 0x0 info2 0x0", entry: "vcpu 2")
    if reason != 0 {
      #expect(record.isa == 1 && record.reason == reason)
    } else {
      // What nobody can name gets a code that is nobody's, and keeps its name.
      #expect(record.reason >= 0xff00)
    }
  }

  @Test("A reason this version does not know is counted under its own name")
  func unnamed() throws {
    let line = "\(Self.perf)kvm:kvm_exit: vcpu 0 reason quantum_fault rip 0x1 info1 0x0 info2 0x0\n"
    let importer = LogImporter.reading(line + line)
    #expect(importer.exits.map(\.reason) == [0xfeff_0000, 0xfeff_0000])
    #expect(importer.unnamedReasons.map(\.name) == ["quantum_fault"])
    #expect(importer.unnamedReasons.first?.code == 0xfeff_0000)
  }

  @Test(
    "Accesses in the layouts there are",
    arguments: [
      (
        "kvm_pio: pio_write at 0x3f8 size 1 count 1 val 0x41 ", KernelExitAccess.port.asWrite,
        UInt8(1), UInt32(1), UInt64(0x3f8), UInt64(0x41)
      ),
      (
        "kvm_pio: pio_read at 0x1f0 size 2 count 256 val 0x55aa (...)", .port, 2, 256, 0x1f0, 0x55aa
      ),
      ("kvm_pio: pio_write at 0x80 size 1 count 1", .port.asWrite, 1, 1, 0x80, 0),
      (
        "kvm_mmio: mmio write len 4 gpa 0xfee00300 val 0xc4500", .memory.asWrite, 4, 1, 0xfee0_0300,
        0xc4500
      ),
      ("kvm_mmio: mmio read len 8 gpa 0xfed00000 val 0x1", .memory, 8, 1, 0xfed0_0000, 1),
      ("kvm_msr: msr_read c0000080 = 0xd01", .msr, 8, 1, 0xc000_0080, 0xd01),
      ("kvm_msr: msr_write 6e0 = 0x1234 (#GP)", .msr.asWrite, 8, 1, 0x6e0, 0x1234),
    ])
  func accesses(
    line: String, access: KernelExitAccess, width: UInt8, count: UInt32, address: UInt64,
    value: UInt64
  ) throws {
    let importer = LogImporter.reading(
      """
      \(Self.traceCmd)kvm_exit: reason EPT_MISCONFIG rip 0x1 info 0 0
      \(Self.traceCmd)kvm_userspace_exit: reason KVM_EXIT_MMIO (6)
      \(Self.traceCmd)\(line)
      \(Self.traceCmd)kvm_entry: vcpu 0
      """)
    let exit = try #require(importer.exits.first)
    #expect(exit.access == access && exit.width == width && exit.count == count)
    #expect(exit.address == address && exit.value == value)
    #expect(exit.flags == [.returned, .address])
    #expect(exit.guestPhysicalAddress == (access.kind == .memory ? address : nil))
  }

  @Test(
    "The address of a fault in the layouts there are",
    arguments: [
      "kvm_page_fault: address fed00044 error_code 182",
      "kvm_page_fault: vcpu 0 rip 0x1000 address 0x00000000fed00044 error_code 0x182",
      "kvm_mmio: mmio unsatisfied-read len 4 gpa 0xfed00044 val 0x0",
      "kvm_fast_mmio: fast mmio at gpa 0xfed00044",
    ])
  func faults(line: String) throws {
    let importer = LogImporter.reading(
      """
      \(Self.traceCmd)kvm_exit: reason EPT_MISCONFIG rip 0x1 info 0 0
      \(Self.traceCmd)\(line)
      """)
    let exit = try #require(importer.exits.first)
    #expect(exit.guestPhysicalAddress == 0xfed0_0044)
    #expect(exit.access == .none && exit.flags == [.outcomeUnknown, .address])
  }

  @Test(
    "Heads in the layouts there are",
    arguments: [
      ("qemu 12 [000] 5.000001: kvm:kvm_exit: ", LogFormat.perfScript, UInt32(12), UInt32?.none),
      ("qemu 10/12 [000] 5.000001: kvm:kvm_exit: ", .perfScript, 12, 10),
      ("CPU 1/KVM 10/12 [000] 5.000001000: 1 kvm:kvm_exit: ", .perfScript, 12, 10),
      ("qemu 12 5.000001: kvm:kvm_exit: ", .perfScript, 12, nil),
      ("a [1] b 12 [000] 5.000001: kvm:kvm_exit: ", .perfScript, 12, nil),
      ("CPU 1/KVM-12 [000] 5.000001: kvm_exit: ", .traceCmdReport, 12, nil),
      ("<...>-12 [000] 5000001000: kvm_exit: ", .traceCmdReport, 12, nil),
      ("qemu-system-x86-12 [127] d..1. 5.000001: kvm_exit: ", .ftrace, 12, nil),
      ("qemu-12 (   10) [000] d..1 5.000001: kvm_exit: ", .ftrace, 12, 10),
      ("qemu-12 (-----) [000] d..1 5.000001: kvm_exit: ", .ftrace, 12, nil),
    ])
  func heads(head: String, format: LogFormat, thread: UInt32, process: UInt32?) throws {
    let importer = LogImporter.reading(head + "vcpu 0 reason HLT rip 0x1 info1 0x0 info2 0x0\r\n")
    #expect(importer.summary.format == format)
    #expect(importer.summary.firstNanoseconds == 5_000_001_000)
    let vcpu = try #require(importer.vcpus.first)
    #expect(vcpu.thread == thread && vcpu.process == process)
  }
}
