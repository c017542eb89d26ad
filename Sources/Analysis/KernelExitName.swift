public import Trace

/// Names kernel exits by the reel's own table and, where that has none, by this version's.
public struct KernelExitName: Sendable {
  private let tables: [UInt8: [UInt64: String]]

  /// Bits of a VMX exit reason above its number (SDM volume 3C, "Basic VM-exit information").
  private static let vmxFlags: [(bit: UInt64, name: String)] = [
    (26, "BUS_LOCK"), (27, "ENCLAVE"), (28, "PENDING_MTF"), (29, "VMX_ROOT"),
    (31, "FAILED_VMENTRY"),
  ]

  /// - Parameter metadata: the reel's; `nil` when it could not be read.
  public init(_ metadata: Metadata?) {
    var tables: [UInt8: [UInt64: String]] = [:]
    for isa: UInt8 in [1, 2] { tables[isa] = KernelExitReasonNames.table(isa: isa) }
    for (isa, names) in metadata?.kernelExits?.reasons ?? [:] {
      guard let isa = UInt8(isa) else { continue }
      for (code, name) in names {
        if let code = UInt64(code) { tables[isa, default: [:]][code] = name }
      }
    }
    self.tables = tables
  }

  /// The name of a code; its number in hex where there is none.
  ///
  /// The upper bits of a VMX reason are named one by one, `EPT_VIOLATION+FAILED_VMENTRY`, and those
  /// without a name together: `EPT_VIOLATION+0x30000`.
  public func name(isa: UInt8, reason: UInt64) -> String {
    guard isa == 1 else { return tables[isa]?[reason] ?? HexWord(reason).description }
    let basic = reason & 0xffff
    var parts = [tables[1]?[basic] ?? HexWord(basic).description]
    var rest = reason & ~0xffff
    for flag in Self.vmxFlags where rest >> flag.bit & 1 != 0 {
      parts.append(flag.name)
      rest &= ~(1 << flag.bit)
    }
    if rest != 0 { parts.append(HexWord(rest).description) }
    return parts.joined(separator: "+")
  }

  /// Whether an exit reason of some instruction set may have this name.
  func knows(_ name: String) -> Bool {
    let parts = name.split(separator: "+", omittingEmptySubsequences: false).map(String.init)
    let flags = Self.vmxFlags.map(\.name)
    return (allNames.contains(parts[0]) || Self.isNumber(parts[0]))
      && parts.dropFirst().allSatisfy { flags.contains($0) || Self.isNumber($0) }
  }

  /// The names most like one that no exit reason has, best first; at most three.
  func names(like name: String) -> [String] {
    NearestNames.of(name, among: allNames)
  }

  private var allNames: Set<String> { Set(tables.values.flatMap(\.values)) }

  /// Whether a part of a name stands for a number without a name.
  private static func isNumber(_ text: String) -> Bool {
    text.hasPrefix("0x")
      && UInt64(text.dropFirst(2), radix: 16).map { HexWord($0).description } == text
  }

  /// `vmx`, `svm` or `isa-N`.
  public static func isa(_ isa: UInt8) -> String {
    switch isa {
    case 1: "vmx"
    case 2: "svm"
    default: "isa-\(isa)"
    }
  }
}
