public struct SymbolTable: Sendable {
  func symbol(at: UInt64) -> (index: Int, offset: UInt64)? { nil }
  func name(_ index: Int) -> String { "" }
}
enum DeviceNames {
  static func number(ofPort: UInt64) -> Int? { nil }
  static func name(number: Int) -> String { "" }
}
