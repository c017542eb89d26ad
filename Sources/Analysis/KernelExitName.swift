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
  /// The upper bits of a VMX reason are named one by one: `EPT_VIOLATION+FAILED_VMENTRY`.
  public func name(isa: UInt8, reason: UInt64) -> String {
    guard isa == 1 else { return tables[isa]?[reason] ?? HexWord(reason).description }
    let basic = reason & 0xffff
    var parts = [tables[1]?[basic] ?? HexWord(basic).description]
    for bit in 16..<64 where reason >> UInt64(bit) & 1 != 0 {
      parts.append(Self.vmxFlags.first { $0.bit == bit }?.name ?? "bit-\(bit)")
    }
    return parts.joined(separator: "+")
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
