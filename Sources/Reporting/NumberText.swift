/// Numbers as text, the same on every host and in every locale.
public enum NumberText {
  /// A number with a fixed number (0–9) of decimals; `-` for one that is not finite.
  public static func fixed(_ value: Double, decimals: Int) -> String {
    guard value.isFinite else { return "-" }
    let scale = (0..<decimals).reduce(1.0) { product, _ in product * 10 }
    guard let scaled = UInt64(exactly: (value.magnitude * scale).rounded()) else {
      return String(value)
    }
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard decimals > 0 else { return sign + String(scaled) }
    let divisor = UInt64(scale)
    let fraction = String(scaled % divisor)
    let padding = String(repeating: "0", count: decimals - fraction.count)
    return sign + String(scaled / divisor) + "." + padding + fraction
  }

  /// A share such as `12.34%`.
  static func percent(_ value: Double) -> String { fixed(value, decimals: 2) + "%" }

  /// Nanoseconds in microseconds, as perf prints them: `1.23us`.
  static func microseconds(_ nanoseconds: UInt64) -> String {
    fixed(Double(nanoseconds) / 1000, decimals: 2) + "us"
  }

  /// Nanoseconds in the unit that suits them: `870 ns`, `1.234 ms`, `2.500 s`.
  public static func duration(_ nanoseconds: UInt64) -> String {
    switch nanoseconds {
    case ..<1000: "\(nanoseconds) ns"
    case ..<1_000_000: fixed(Double(nanoseconds) / 1e3, decimals: 3) + " us"
    case ..<1_000_000_000: fixed(Double(nanoseconds) / 1e6, decimals: 3) + " ms"
    default: fixed(Double(nanoseconds) / 1e9, decimals: 3) + " s"
    }
  }

  /// `0x` and lower-case hex digits.
  public static func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }

  /// `0x` and at least so many hex digits.
  static func hex(_ value: UInt64, digits: Int) -> String {
    let text = String(value, radix: 16)
    return "0x" + String(repeating: "0", count: max(0, digits - text.count)) + text
  }

  /// `1 stretch`, `2 stretches`.
  static func count(_ number: UInt64, _ singular: String, _ plural: String) -> String {
    "\(number) \(number == 1 ? singular : plural)"
  }

  /// `1 event`, `2 events`.
  public static func count(_ number: UInt64, _ noun: String) -> String {
    "\(number) \(noun)\(number == 1 ? "" : "s")"
  }
}
