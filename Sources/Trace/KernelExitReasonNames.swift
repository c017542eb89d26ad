/// The names of hardware exit reasons, as Linux prints them; where Linux prints a number, the
/// vendor's.
///
/// Sources: uapi/asm/vmx.h and uapi/asm/svm.h of Linux, the SDM volume 3 appendix C, the APM volume
/// 2 appendix C. Codes without a name there have none here.
public enum KernelExitReasonNames {
  /// The names of an instruction set's codes: 1 VMX, 2 SVM; empty for others.
  public static func table(isa: UInt8) -> [UInt64: String] {
    switch isa {
    case 1: vmx
    case 2: svm
    default: [:]
    }
  }

  /// Basic exit reasons, bits 15–0 of the exit reason.
  private static let vmx: [UInt64: String] = [
    0: "EXCEPTION_NMI", 1: "EXTERNAL_INTERRUPT", 2: "TRIPLE_FAULT", 3: "INIT_SIGNAL",
    4: "SIPI_SIGNAL", 5: "IO_SMI", 6: "OTHER_SMI", 7: "INTERRUPT_WINDOW", 8: "NMI_WINDOW",
    9: "TASK_SWITCH", 10: "CPUID", 11: "GETSEC", 12: "HLT", 13: "INVD", 14: "INVLPG", 15: "RDPMC",
    16: "RDTSC", 17: "RSM", 18: "VMCALL", 19: "VMCLEAR", 20: "VMLAUNCH", 21: "VMPTRLD",
    22: "VMPTRST", 23: "VMREAD", 24: "VMRESUME", 25: "VMWRITE", 26: "VMOFF", 27: "VMON",
    28: "CR_ACCESS", 29: "DR_ACCESS", 30: "IO_INSTRUCTION", 31: "MSR_READ", 32: "MSR_WRITE",
    33: "INVALID_STATE", 34: "MSR_LOAD_FAIL", 36: "MWAIT_INSTRUCTION", 37: "MONITOR_TRAP_FLAG",
    39: "MONITOR_INSTRUCTION", 40: "PAUSE_INSTRUCTION", 41: "MCE_DURING_VMENTRY",
    43: "TPR_BELOW_THRESHOLD", 44: "APIC_ACCESS", 45: "EOI_INDUCED", 46: "GDTR_IDTR", 47: "LDTR_TR",
    48: "EPT_VIOLATION", 49: "EPT_MISCONFIG", 50: "INVEPT", 51: "RDTSCP", 52: "PREEMPTION_TIMER",
    53: "INVVPID", 54: "WBINVD", 55: "XSETBV", 56: "APIC_WRITE", 57: "RDRAND", 58: "INVPCID",
    59: "VMFUNC", 60: "ENCLS", 61: "RDSEED", 62: "PML_FULL", 63: "XSAVES", 64: "XRSTORS",
    65: "PCONFIG", 66: "SPP", 67: "UMWAIT", 68: "TPAUSE", 69: "LOADIWKEY", 70: "ENCLV",
    72: "ENQCMD_PASID", 73: "ENQCMDS_PASID", 74: "BUS_LOCK", 75: "NOTIFY", 76: "SEAMCALL",
    77: "TDCALL", 78: "RDMSRLIST", 79: "WRMSRLIST", 80: "URDMSR", 81: "UWRMSR", 84: "MSR_READ_IMM",
    85: "MSR_WRITE_IMM",
  ]

  /// VMCB exit codes, 32 bits as the tracepoint has them.
  private static let svm: [UInt64: String] = [
    0x0: "read_cr0", 0x2: "read_cr2", 0x3: "read_cr3", 0x4: "read_cr4", 0x8: "read_cr8",
    0x10: "write_cr0", 0x12: "write_cr2", 0x13: "write_cr3", 0x14: "write_cr4", 0x18: "write_cr8",
    0x20: "read_dr0", 0x21: "read_dr1", 0x22: "read_dr2", 0x23: "read_dr3", 0x24: "read_dr4",
    0x25: "read_dr5", 0x26: "read_dr6", 0x27: "read_dr7", 0x30: "write_dr0", 0x31: "write_dr1",
    0x32: "write_dr2", 0x33: "write_dr3", 0x34: "write_dr4", 0x35: "write_dr5", 0x36: "write_dr6",
    0x37: "write_dr7", 0x40: "DE excp", 0x41: "DB excp", 0x42: "excp_nmi", 0x43: "BP excp",
    0x44: "OF excp", 0x45: "BR excp", 0x46: "UD excp", 0x47: "NM excp", 0x48: "DF excp",
    0x49: "excp_vec9", 0x4a: "TS excp", 0x4b: "NP excp", 0x4c: "SS excp", 0x4d: "GP excp",
    0x4e: "PF excp", 0x4f: "excp_vec15", 0x50: "MF excp", 0x51: "AC excp", 0x52: "MC excp",
    0x53: "XF excp", 0x54: "excp_ve", 0x55: "excp_cp", 0x56: "excp_vec22", 0x57: "excp_vec23",
    0x58: "excp_vec24", 0x59: "excp_vec25", 0x5a: "excp_vec26", 0x5b: "excp_vec27", 0x5c: "excp_hv",
    0x5d: "excp_vc", 0x5e: "excp_sx", 0x5f: "excp_vec31", 0x60: "interrupt", 0x61: "nmi",
    0x62: "smi", 0x63: "init", 0x64: "vintr", 0x65: "cr0_sel_write", 0x66: "read_idtr",
    0x67: "read_gdtr", 0x68: "read_ldtr", 0x69: "read_rt", 0x6a: "write_idtr", 0x6b: "write_gdtr",
    0x6c: "write_ldtr", 0x6d: "write_rt", 0x6e: "rdtsc", 0x6f: "rdpmc", 0x70: "pushf", 0x71: "popf",
    0x72: "cpuid", 0x73: "rsm", 0x74: "iret", 0x75: "swint", 0x76: "invd", 0x77: "pause",
    0x78: "hlt", 0x79: "invlpg", 0x7a: "invlpga", 0x7b: "io", 0x7c: "msr", 0x7d: "task_switch",
    0x7e: "ferr_freeze", 0x7f: "shutdown", 0x80: "vmrun", 0x81: "hypercall", 0x82: "vmload",
    0x83: "vmsave", 0x84: "stgi", 0x85: "clgi", 0x86: "skinit", 0x87: "rdtscp", 0x88: "icebp",
    0x89: "wbinvd", 0x8a: "monitor", 0x8b: "mwait", 0x8c: "mwait_cond", 0x8d: "xsetbv",
    0x8e: "rdpru", 0x8f: "write_efer_trap", 0x90: "write_cr0_trap", 0x91: "cr1_write_trap",
    0x92: "cr2_write_trap", 0x93: "cr3_write_trap", 0x94: "write_cr4_trap", 0x95: "cr5_write_trap",
    0x96: "cr6_write_trap", 0x97: "cr7_write_trap", 0x98: "write_cr8_trap", 0x99: "cr9_write_trap",
    0x9a: "cr10_write_trap", 0x9b: "cr11_write_trap", 0x9c: "cr12_write_trap",
    0x9d: "cr13_write_trap", 0x9e: "cr14_write_trap", 0x9f: "cr15_write_trap", 0xa0: "invlpgb",
    0xa1: "invlpgb_illegal", 0xa2: "invpcid", 0xa3: "mcommit", 0xa4: "tlbsync", 0xa5: "buslock",
    0xa6: "idle-halt", 0x400: "npf", 0x401: "avic_incomplete_ipi",
    0x402: "avic_unaccelerated_access", 0x403: "vmgexit", 0x407: "pml_full",
    0x8000_0001: "vmgexit_mmio_read", 0x8000_0002: "vmgexit_mmio_write",
    0x8000_0003: "vmgexit_nmi_complete", 0x8000_0004: "vmgexit_ap_hlt_loop",
    0x8000_0005: "vmgexit_ap_jump_table", 0x8000_0010: "vmgexit_page_state_change",
    0x8000_0011: "vmgexit_guest_request", 0x8000_0012: "vmgexit_ext_guest_request",
    0x8000_0013: "vmgexit_ap_creation", 0x8000_0015: "hv_ipi", 0x8000_0017: "get_apic_ids",
    0x8000_0018: "snp_run_vmpl", 0x8000_001a: "savic", 0x8000_fffd: "vmgexit_hypervisor_feature",
    0x8000_fffe: "term_request", 0x8000_ffff: "unsupported_event", 0xf000_0000: "svm_exit_sw",
    0xffff_fffc: "invalid_pmc", 0xffff_fffd: "idle_required", 0xffff_fffe: "busy",
    0xffff_ffff: "invalid_guest_state",
  ]
}
