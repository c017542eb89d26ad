public import Analysis
public import Trace

/// The reasons of a reel's kernel exits, numbered in the order they come.
public struct KernelReasonTable {
  /// Reasons told apart: more are a hostile reel's.
  public static let limit = 4096

  /// A reason.
  public struct Reason: Sendable {
    /// 1 VMX, 2 SVM.
    public var isa: UInt8
    /// The code, all bits; `nil` for all reasons beyond the table's limit.
    public var code: UInt64?
    /// Its name by the reel's own table: `EPT_VIOLATION`, `npf`.
    public var name: String
  }

  private struct Key: Hashable {
    var isa: UInt8
    var code: UInt64?
  }

  /// The reasons so far.
  public private(set) var reasons: [Reason] = []
  private var numbers: [Key: Int] = [:]
  private let names: KernelExitName

  /// An empty table.
  public init(_ names: KernelExitName) {
    self.names = names
  }

  /// The number of an exit's reason.
  public mutating func number(of exit: KernelExitRecord) -> Int {
    var key = Key(isa: exit.isa, code: exit.reason)
    if let number = numbers[key] { return number }
    if reasons.count >= Self.limit {
      key.code = nil
      if let number = numbers[key] { return number }
    }
    numbers[key] = reasons.count
    let name = key.code.map { names.name(isa: exit.isa, reason: $0) } ?? "other"
    reasons.append(Reason(isa: key.isa, code: key.code, name: name))
    return reasons.count - 1
  }
}

extension KernelExitRecord {
  /// What became of it: `in kernel`, `to runner`, `kicked` or `outcome unknown`.
  public var outcomeName: String {
    if flags.contains(.returned) { return "to runner" }
    if flags.contains(.interrupted) { return "kicked" }
    return flags.contains(.outcomeUnknown) ? "outcome unknown" : "in kernel"
  }
}
