/// A 64-bit value that is a hex string such as `"0x3f8"` in Codable form.
///
/// JSON readers lose integers above 2⁵³; addresses, values and digests therefore travel as text.
public struct HexWord: Codable, Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The value.
  public var value: UInt64

  /// Wraps a value.
  public init(_ value: UInt64) { self.value = value }

  /// `0x` and lower-case hex digits without leading zeros.
  public var description: String { "0x" + String(value, radix: 16) }

  /// Reads the text form.
  ///
  /// - Throws: `DecodingError.dataCorrupted` for anything but `0x` and 1–16 hex digits.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard text.hasPrefix("0x"), let value = UInt64(text.dropFirst(2), radix: 16) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "\(text) is not a hex number such as 0x3f8")
    }
    self.value = value
  }

  /// Writes the text form.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }

  /// Orders by value.
  public static func < (left: HexWord, right: HexWord) -> Bool { left.value < right.value }
}
