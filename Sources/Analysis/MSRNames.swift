/// What common model-specific registers are called in the SDM and the APM.
public enum MSRNames {
  /// The name of an MSR, or `nil` for one that is not in the table.
  public static func name(of index: UInt64) -> String? {
    switch index {
    case 0x200...0x20f: "MTRR_PHYS\(index & 1 == 0 ? "BASE" : "MASK")\((index - 0x200) / 2)"
    case 0xc001_0000...0xc001_0003: "PERF_CTL\(index & 3)"
    case 0xc001_0004...0xc001_0007: "PERF_CTR\(index & 3)"
    case 0x800...0x83f: "X2APIC_\(String(index - 0x800, radix: 16))"
    default: table[index]
    }
  }

  private static let table: [UInt64: String] = [
    0x10: "TSC", 0x17: "PLATFORM_ID", 0x1b: "APIC_BASE", 0x2a: "EBL_CR_POWERON",
    0x3a: "FEATURE_CONTROL", 0x3b: "TSC_ADJUST", 0x48: "SPEC_CTRL", 0x49: "PRED_CMD",
    0x79: "BIOS_UPDT_TRIG", 0x8b: "BIOS_SIGN_ID", 0xc1: "PMC0", 0xc2: "PMC1",
    0xce: "PLATFORM_INFO", 0xe7: "MPERF", 0xe8: "APERF", 0xfe: "MTRRCAP",
    0x10a: "ARCH_CAPABILITIES", 0x140: "MISC_FEATURES_ENABLES", 0x174: "SYSENTER_CS",
    0x175: "SYSENTER_ESP", 0x176: "SYSENTER_EIP", 0x179: "MCG_CAP", 0x17a: "MCG_STATUS",
    0x17b: "MCG_CTL", 0x186: "PERFEVTSEL0", 0x187: "PERFEVTSEL1", 0x198: "PERF_STATUS",
    0x199: "PERF_CTL", 0x19c: "THERM_STATUS", 0x1a0: "MISC_ENABLE", 0x1d9: "DEBUGCTL",
    0x250: "MTRR_FIX64K_00000", 0x258: "MTRR_FIX16K_80000", 0x259: "MTRR_FIX16K_A0000",
    0x277: "PAT", 0x2ff: "MTRR_DEF_TYPE", 0x345: "PERF_CAPABILITIES", 0x38d: "FIXED_CTR_CTRL",
    0x38f: "PERF_GLOBAL_CTRL", 0x606: "RAPL_POWER_UNIT", 0x6e0: "TSC_DEADLINE", 0xda0: "XSS",
    0x4b56_4d00: "KVM_WALL_CLOCK", 0x4b56_4d01: "KVM_SYSTEM_TIME",
    0xc000_0080: "EFER", 0xc000_0081: "STAR", 0xc000_0082: "LSTAR", 0xc000_0083: "CSTAR",
    0xc000_0084: "FMASK", 0xc000_0100: "FS_BASE", 0xc000_0101: "GS_BASE",
    0xc000_0102: "KERNEL_GS_BASE", 0xc000_0103: "TSC_AUX", 0xc001_0010: "SYSCFG",
    0xc001_0015: "HWCR", 0xc001_001f: "NB_CFG", 0xc001_0055: "INTERRUPT_PENDING",
    0xc001_0114: "VM_CR",
    0xc001_1029: "DE_CFG",
  ]
}
