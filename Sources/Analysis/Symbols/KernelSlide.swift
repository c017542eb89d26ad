/// Where KASLR put a Linux kernel, found from the registers that point to its entry points.
///
/// Linux sets MSR_LSTAR to `entry_SYSCALL_64` (`system_call` before 4.2) and, where 32-bit programs may
/// run, CSTAR and SYSENTER_EIP to theirs (arch/x86/kernel/cpu/common.c, `syscall_init`). The symbols may
/// come from a kernel that KASLR had moved itself, as /proc/kallsyms does; then the offset can be negative.
public struct KernelSlide: Equatable, Sendable, CustomStringConvertible {
  /// KASLR moves a kernel by multiples of this (CONFIG_PHYSICAL_ALIGN, 2 MiB on x86-64).
  public static let alignment: UInt64 = 0x20_0000
  /// It moves it by less than this: the kernel's mapping (KERNEL_IMAGE_SIZE) ends there.
  public static let limit: UInt64 = 1 << 30

  /// The registers at a keyframe that point into the kernel; zero where they were not set.
  public struct EntryPoints: Equatable, Sendable {
    /// MSR 0xc0000082: where SYSCALL goes.
    public var lstar: UInt64
    /// MSR 0xc0000083: where SYSCALL of 32-bit programs goes.
    public var cstar: UInt64
    /// MSR 0x176: where SYSENTER goes.
    public var sysenter: UInt64

    /// Makes them.
    public init(lstar: UInt64, cstar: UInt64 = 0, sysenter: UInt64 = 0) {
      self.lstar = lstar
      self.cstar = cstar
      self.sysenter = sysenter
    }
  }

  /// Why there is none.
  public enum Failure: Error, Equatable, Sendable, CustomStringConvertible {
    /// The symbols lack the system call's entry point.
    case noSuchSymbol
    /// No keyframe has an LSTAR.
    case notSet
    /// The difference is none that KASLR makes.
    case implausible(lstar: UInt64, symbol: UInt64)
    /// Another register points to none of the entry points it could.
    case contradicted(register: String, value: UInt64, slide: UInt64)

    /// One sentence.
    public var description: String {
      switch self {
      case .noSuchSymbol:
        "KASLR offset not found: the symbols have no entry_SYSCALL_64, so they are not of a 64-bit "
          + "Linux kernel"
      case .notSet:
        "KASLR offset not found: MSR_LSTAR is zero at the keyframes, so no 64-bit Linux kernel was up"
      case .implausible(let lstar, let symbol):
        "KASLR offset not found: MSR_LSTAR is \(HexWord(lstar)) and entry_SYSCALL_64 "
          + "\(HexWord(symbol)), which is no multiple of 2 MiB below 1 GiB apart: the symbols may be "
          + "of another kernel"
      case .contradicted(let register, let value, let slide):
        "KASLR offset not found: MSR_LSTAR gives \(KernelSlide.text(slide)), but then \(register), "
          + "\(HexWord(value)), is none of its entry points: the symbols may be of another kernel"
      }
    }
  }

  /// What is added to the addresses in the symbols file, modulo 2⁶⁴; see ``SymbolTable/slid(by:)``.
  public let offset: UInt64
  /// The number of the keyframe it was found at.
  public let keyframe: UInt64

  /// Compares registers with symbols.
  ///
  /// - Parameter symbols: as they are in their file, without a slide.
  public init(
    _ entries: EntryPoints, atKeyframe keyframe: UInt64, symbols: SymbolTable
  ) throws(Failure) {
    let symbols = symbols.slid(by: 0)
    let names = ["entry_SYSCALL_64", "system_call"]
    guard let symbol = names.lazy.compactMap({ symbols.addresses(of: $0).first }).first else {
      throw .noSuchSymbol
    }
    guard entries.lstar != 0 else { throw .notSet }
    let offset = entries.lstar &- symbol
    guard Int64(bitPattern: offset).magnitude < Self.limit, offset % Self.alignment == 0 else {
      throw .implausible(lstar: entries.lstar, symbol: symbol)
    }
    // Kernels put their entry points at round addresses: LSTAR alone may fit another kernel's.
    for (name, value, targets) in [
      ("MSR_CSTAR", entries.cstar, Self.cstarTargets),
      ("MSR_IA32_SYSENTER_EIP", entries.sysenter, Self.sysenterTargets),
    ] {
      let known = targets.flatMap(symbols.addresses(of:)).map { $0 &+ offset }
      // Keyframes hold the low half of SYSENTER_EIP, which is all that AMD's processors have.
      guard
        value == 0 || known.isEmpty || known.contains(value)
          || known.contains(where: { $0 & 0xffff_ffff == value })
      else {
        throw .contradicted(register: name, value: value, slide: offset)
      }
    }
    self.offset = offset
    self.keyframe = keyframe
  }

  /// What `syscall_init` has set CSTAR and SYSENTER_EIP to, in one version or another.
  private static let cstarTargets = [
    "entry_SYSCALL_compat", "entry_SYSCALL32_ignore", "ignore_sysret", "ia32_cstar_target",
  ]
  private static let sysenterTargets = [
    "entry_SYSENTER_compat", "entry_SYSENTER_32", "ia32_sysenter_target",
  ]

  /// For a note to the user: `KASLR offset 0x1c000000 (from MSR_LSTAR at keyframe 12)`.
  public var description: String {
    "KASLR offset \(Self.text(offset)) (from MSR_LSTAR at keyframe \(keyframe))"
  }

  private static func text(_ offset: UInt64) -> String {
    let signed = Int64(bitPattern: offset)
    return (signed < 0 ? "-" : "") + HexWord(signed.magnitude).description
  }
}
