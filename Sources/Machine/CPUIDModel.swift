/// A named CPU model: an allow-list over what the host offers.
///
/// The model decides features; vendor, family and stepping are the host's own, since Linux drives
/// the real CPU by them. The table a recording used is stored in its reel and applied on replay.
public enum CPUIDModel {
  /// The model's name as stored in reels.
  public static let name = "vmreel-v1"

  /// The features a guest may see, by register of their leaf.
  static let features: [CPUIDFeature] =
    leaf1EDX + leaf1ECX + leaf7EBX + extendedEDX + extendedECX

  /// The model's table for a host.
  ///
  /// - Parameter host: what the host supports (KVM_GET_SUPPORTED_CPUID).
  /// - Throws: ``ProcessorError`` naming the required features the host lacks.
  public static func table(host: [CPUIDEntry]) throws(ProcessorError) -> [CPUIDEntry] {
    let missing = features.filter { $0.isRequired && !$0.isOffered(by: host) }
    guard missing.isEmpty else {
      throw ProcessorError(
        operation: "CPU model \(name)",
        missingCapability: missing.map(\.name).joined(separator: ", "),
        advice: "this host's KVM does not offer CPU features every \(name) guest needs")
    }
    return basicLeaves(host) + extendedLeaves(host)
  }

  /// CPU features by name, in the order of their leaves, registers and bits.
  public struct MissingFeatures: Equatable, Sendable {
    /// Those every guest of the model needs.
    public var required: [String] = []
    /// All others.
    public var optional: [String] = []

    /// None.
    public init() {}
  }

  /// The features a table shows a guest although a host does not offer them.
  ///
  /// - Parameter host: what the host supports (KVM_GET_SUPPORTED_CPUID).
  public static func features(
    of table: [CPUIDEntry], missingFrom host: [CPUIDEntry]
  ) -> MissingFeatures {
    var missing = MissingFeatures()
    for (leaf, register) in featureWords {
      for bit in UInt32(0)..<32 {
        let known = features.first { $0.leaf == leaf && $0.register == register && $0.bit == bit }
        let feature =
          known
          ?? CPUIDFeature(
            name: CPUIDFeature.placeName(leaf, register, bit), leaf: leaf, register: register,
            bit: bit, isRequired: false)
        guard feature.isOffered(by: table), !feature.isOffered(by: host) else { continue }
        // The model sets this bit itself: it says what is true of every guest.
        if leaf == 1, register == .ecx, hypervisorPresent >> bit & 1 == 1 { continue }
        if feature.isRequired {
          missing.required.append(feature.name)
        } else {
          missing.optional.append(feature.name)
        }
      }
    }
    return missing
  }

  /// Where a table holds feature bits, those the model hides included: Intel SDM volume 2A, CPUID.
  private static let featureWords: [(leaf: UInt32, register: CPUIDFeature.Register)] = [
    (1, .ecx), (1, .edx), (7, .ebx), (7, .ecx), (7, .edx), (0x8000_0001, .ecx),
    (0x8000_0001, .edx), (0x8000_0007, .edx), (0x8000_0008, .ebx),
  ]

  private static func basicLeaves(_ host: [CPUIDEntry]) -> [CPUIDEntry] {
    let identity = host.row(0)
    let signature = host.row(1)
    return [
      CPUIDEntry(
        leaf: 0, eax: 7, ebx: identity.ebx, ecx: identity.ecx, edx: identity.edx),
      // EBX: a CLFLUSH line of 8 × 8 bytes; APIC id and processor count stay zero.
      CPUIDEntry(
        leaf: 1, eax: signature.eax, ebx: 0x0800,
        ecx: mask(leaf1ECX, host) | hypervisorPresent, edx: mask(leaf1EDX, host)),
      CPUIDEntry(leaf: 7, subleaf: 0, flags: 1, ebx: mask(leaf7EBX, host)),
      // No paravirtual interface; without this row Intel's rule would answer with leaf 7.
      CPUIDEntry(leaf: 0x4000_0000),
    ]
  }

  private static func extendedLeaves(_ host: [CPUIDEntry]) -> [CPUIDEntry] {
    let identity = host.row(0)
    let addressBits = host.row(0x8000_0008).eax
    let physicalBits = min(max(addressBits & 0xff, 32), 40)
    return [
      CPUIDEntry(
        leaf: 0x8000_0000, eax: 0x8000_0008, ebx: identity.ebx, ecx: identity.ecx,
        edx: identity.edx),
      CPUIDEntry(
        leaf: 0x8000_0001, ecx: mask(extendedECX, host), edx: mask(extendedEDX, host)),
    ] + brandLeaves() + [
      CPUIDEntry(leaf: 0x8000_0007),
      CPUIDEntry(leaf: 0x8000_0008, eax: 48 << 8 | physicalBits),
    ]
  }

  private static func brandLeaves() -> [CPUIDEntry] {
    var text = Array("vmreel-v1 virtual processor".utf8)
    text += [UInt8](repeating: 0, count: 48 - text.count)
    func word(_ index: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(text[index * 4 + $1]) << UInt32($1 * 8) }
    }
    return (0..<3).map { row in
      CPUIDEntry(
        leaf: 0x8000_0002 + UInt32(row), eax: word(row * 4), ebx: word(row * 4 + 1),
        ecx: word(row * 4 + 2), edx: word(row * 4 + 3))
    }
  }

  private static func mask(_ features: [CPUIDFeature], _ host: [CPUIDEntry]) -> UInt32 {
    features.reduce(0) { $0 | ($1.isOffered(by: host) ? 1 << $1.bit : 0) }
  }

  private static let hypervisorPresent: UInt32 = 1 << 31
}

/// One CPUID feature bit.
struct CPUIDFeature: Equatable, Sendable {
  /// The register a feature bit is in.
  enum Register: String { case ebx, ecx, edx }
  /// The name Linux prints in /proc/cpuinfo.
  var name: String
  var leaf: UInt32
  var register: Register
  /// 0–31.
  var bit: UInt32
  /// Whether a host without it is refused.
  var isRequired: Bool

  /// What a bit without a name is called: `CPUID 0x7 ECX bit 2`.
  static func placeName(_ leaf: UInt32, _ register: Register, _ bit: UInt32) -> String {
    "CPUID 0x\(String(leaf, radix: 16)) \(register.rawValue.uppercased()) bit \(bit)"
  }

  func isOffered(by table: [CPUIDEntry]) -> Bool {
    let row = table.row(leaf)
    let word =
      switch register {
      case .ebx: row.ebx
      case .ecx: row.ecx
      case .edx: row.edx
      }
    return word >> bit & 1 == 1
  }
}

extension [CPUIDEntry] {
  /// The row of a leaf's first sub-leaf; zeros when there is none.
  public func row(_ leaf: UInt32) -> CPUIDEntry {
    first { $0.leaf == leaf && $0.subleaf == 0 } ?? CPUIDEntry(leaf: leaf)
  }
}

extension CPUIDModel {
  // Absent on purpose: TSC, MCE, APIC, MTRR, MCA, HTT, x2APIC, TSC-deadline, XSAVE, AVX, RDRAND,
  // RDSEED, RDTSCP, SVM, VMX, PMU, every paravirtual leaf.
  private static let leaf1EDX = bits(
    1, .edx,
    [
      ("fpu", 0, true), ("vme", 1, false), ("de", 2, false), ("pse", 3, true), ("msr", 5, true),
      ("pae", 6, true), ("cx8", 8, true), ("sep", 11, false), ("pge", 13, true),
      ("cmov", 15, true), ("pat", 16, false), ("pse36", 17, false), ("clflush", 19, false),
      ("mmx", 23, false), ("fxsr", 24, true), ("sse", 25, true), ("sse2", 26, true),
    ])
  private static let leaf1ECX = bits(
    1, .ecx,
    [
      ("sse3", 0, false), ("ssse3", 9, false), ("cx16", 13, false), ("sse4_1", 19, false),
      ("sse4_2", 20, false), ("movbe", 22, false), ("popcnt", 23, false),
    ])
  private static let leaf7EBX = bits(
    7, .ebx, [("smep", 7, false), ("erms", 9, false), ("smap", 20, false)])
  private static let extendedEDX = bits(
    0x8000_0001, .edx, [("syscall", 11, true), ("nx", 20, true), ("lm", 29, true)])
  private static let extendedECX = bits(0x8000_0001, .ecx, [("lahf_lm", 0, false)])

  private static func bits(
    _ leaf: UInt32, _ register: CPUIDFeature.Register, _ rows: [(String, UInt32, Bool)]
  ) -> [CPUIDFeature] {
    rows.map {
      CPUIDFeature(name: $0.0, leaf: leaf, register: register, bit: $0.1, isRequired: $0.2)
    }
  }
}
