internal import Trace

/// The codes of the exit reasons that logs name.
struct LogReasons {
  /// A code of an instruction set.
  struct Code: Equatable {
    var isa: UInt8
    var reason: UInt64
  }

  private struct Seen {
    var hash: UInt64
    var length: Int
    var code: Code
  }

  /// Names remembered at most; real logs have a few dozen.
  private static let maximumSeen = 256
  /// Names this version does not know that get codes of their own, for each instruction set.
  static let maximumUnnamed = 256

  /// Names met before, in the order they were met.
  private var seen: [Seen] = []
  /// The instruction set of the last name that told; the CPU does not change in a log.
  private var isa: UInt8?
  /// Names that no table has, with the codes they got.
  private(set) var unnamed: [String: Code] = [:]
  /// The instruction sets of the codes given out.
  var isas: [UInt8] { Set(seen.map(\.code.isa)).sorted() }

  /// The code of the name in a range of a line; `nil` where there is no name, or no code is left.
  mutating func code(_ line: Span<UInt8>, _ range: Range<Int>) -> Code? {
    guard !range.isEmpty else { return nil }
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for index in range { hash = (hash ^ UInt64(line[index])) &* 0x100_0000_01b3 }
    for entry in seen where entry.hash == hash && entry.length == range.count { return entry.code }
    guard let code = lookUp(line.text(range, limit: 128)) else { return nil }
    if seen.count < Self.maximumSeen {
      seen.append(Seen(hash: hash, length: range.count, code: code))
    }
    return code
  }

  private mutating func lookUp(_ name: String) -> Code? {
    if let code = Self.named[name] {
      isa = code.isa
      return code
    }
    if let number = Self.number(in: name) {
      return Code(isa: isa ?? 1, reason: number & 0xffff_ffff)
    }
    // VMX prints bits above the reason behind it: `EPT_VIOLATION FAILED_VMENTRY`.
    let words = name.split(separator: " ")
    if words.count > 1, let basic = words.first, var code = Self.named[String(basic)],
      code.isa == 1, let flags = Self.flags(words.dropFirst())
    {
      isa = 1
      code.reason |= flags
      return code
    }
    return invent(name)
  }

  /// A code that is nobody's, so that the exit counts under the name it has.
  private mutating func invent(_ name: String) -> Code? {
    if let code = unnamed[name] { return code }
    guard unnamed.count < Self.maximumUnnamed else { return nil }
    let number = UInt64(unnamed.count)
    // Linux spells VMX's reasons in upper case and SVM's, but for exceptions, in lower case.
    let isa = isa ?? (name == name.uppercased() && !name.hasPrefix("EXIT_") ? 1 : 2)
    let code = Code(isa: isa, reason: isa == 1 ? 0xff00 + number : 0xfeff_0000 + number)
    unnamed[name] = code
    return code
  }

  /// `0x4a`, as the kernel prints what it has no name for; `UNKNOWN (74)`, as trace-cmd does.
  private static func number(in name: String) -> UInt64? {
    if name.hasPrefix("0x") { return UInt64(name.dropFirst(2), radix: 16) }
    guard name.hasPrefix("UNKNOWN ("), name.hasSuffix(")") else { return nil }
    let digits = name.dropFirst(9).dropLast()
    return digits.hasPrefix("0x") ? UInt64(digits.dropFirst(2), radix: 16) : UInt64(digits)
  }

  private static func flags(_ words: ArraySlice<Substring>) -> UInt64? {
    var flags: UInt64 = 0
    for word in words {
      switch word {
      case "FAILED_VMENTRY": flags |= 1 << 31
      case "ENCLAVE_MODE": flags |= 1 << 27
      case "BUS_LOCK": flags |= 1 << 26
      default:
        guard word.hasPrefix("0x"), let bits = UInt32(word.dropFirst(2), radix: 16) else {
          return nil
        }
        flags |= UInt64(bits)
      }
    }
    return flags
  }

  /// Linux's names, those of older kernels, and those of trace-cmd's plugin.
  private static let named: [String: Code] = {
    var codes: [String: Code] = [:]
    for isa: UInt8 in [1, 2] {
      for (reason, name) in KernelExitReasonNames.table(isa: isa) {
        codes[name] = Code(isa: isa, reason: reason)
      }
    }
    for (name, reason) in formerVMX { codes[name] = Code(isa: 1, reason: reason) }
    for (name, reason) in pluginSVM { codes["EXIT_" + name] = Code(isa: 2, reason: reason) }
    return codes
  }()

  /// Before Linux 5.6, and in trace-cmd's plugin.
  private static let formerVMX: [String: UInt64] = ["PENDING_INTERRUPT": 7]

  /// plugin_kvm.c of trace-cmd and libtraceevent.
  private static let pluginSVM: [String: UInt64] = [
    "READ_CR0": 0x0, "READ_CR3": 0x3, "READ_CR4": 0x4, "READ_CR8": 0x8, "WRITE_CR0": 0x10,
    "WRITE_CR3": 0x13, "WRITE_CR4": 0x14, "WRITE_CR8": 0x18, "READ_DR0": 0x20, "READ_DR1": 0x21,
    "READ_DR2": 0x22, "READ_DR3": 0x23, "READ_DR4": 0x24, "READ_DR5": 0x25, "READ_DR6": 0x26,
    "READ_DR7": 0x27, "WRITE_DR0": 0x30, "WRITE_DR1": 0x31, "WRITE_DR2": 0x32, "WRITE_DR3": 0x33,
    "WRITE_DR4": 0x34, "WRITE_DR5": 0x35, "WRITE_DR6": 0x36, "WRITE_DR7": 0x37,
    "EXCP_BASE": 0x40, "EXCP_DE": 0x40, "EXCP_DB": 0x41, "EXCP_BP": 0x43, "EXCP_OF": 0x44,
    "EXCP_BR": 0x45, "EXCP_UD": 0x46, "EXCP_NM": 0x47, "EXCP_DF": 0x48, "EXCP_TS": 0x4a,
    "EXCP_NP": 0x4b, "EXCP_SS": 0x4c, "EXCP_GP": 0x4d, "EXCP_PF": 0x4e, "EXCP_MF": 0x50,
    "EXCP_AC": 0x51, "EXCP_MC": 0x52, "EXCP_XF": 0x53, "INTR": 0x60, "NMI": 0x61, "SMI": 0x62,
    "INIT": 0x63, "VINTR": 0x64, "CR0_SEL_WRITE": 0x65, "IDTR_READ": 0x66, "GDTR_READ": 0x67,
    "LDTR_READ": 0x68, "TR_READ": 0x69, "IDTR_WRITE": 0x6a, "GDTR_WRITE": 0x6b,
    "LDTR_WRITE": 0x6c, "TR_WRITE": 0x6d, "RDTSC": 0x6e, "RDPMC": 0x6f, "PUSHF": 0x70,
    "POPF": 0x71, "CPUID": 0x72, "RSM": 0x73, "IRET": 0x74, "SWINT": 0x75, "INVD": 0x76,
    "PAUSE": 0x77, "HLT": 0x78, "INVLPG": 0x79, "INVLPGA": 0x7a, "IOIO": 0x7b, "MSR": 0x7c,
    "TASK_SWITCH": 0x7d, "FERR_FREEZE": 0x7e, "SHUTDOWN": 0x7f, "VMRUN": 0x80, "VMMCALL": 0x81,
    "VMLOAD": 0x82, "VMSAVE": 0x83, "STGI": 0x84, "CLGI": 0x85, "SKINIT": 0x86, "RDTSCP": 0x87,
    "ICEBP": 0x88, "WBINVD": 0x89, "MONITOR": 0x8a, "MWAIT": 0x8b, "MWAIT_COND": 0x8c,
    "XSETBV": 0x8d, "NPF": 0x400, "AVIC_INCOMPLETE_IPI": 0x401,
    "AVIC_UNACCELERATED_ACCESS": 0x402, "ERR": 0xffff_ffff,
  ]
}
