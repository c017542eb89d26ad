/// HTML in the making.
///
/// Markup is always a `StaticString`, a literal of this program; everything that comes from a reel
/// goes through ``text(_:)`` or an attribute's value and is escaped. So the compiler keeps hostile
/// guests from writing markup.
struct HTMLText {
  /// What was written so far.
  private(set) var output = ""

  /// An attribute and its value, which is escaped.
  typealias Attribute = (name: StaticString, value: String)

  /// Writes markup as it is.
  mutating func markup(_ markup: StaticString) { output += markup.description }

  /// Writes text; what a browser would not show becomes an escape, as on a terminal.
  mutating func text(_ text: String) { output += Self.escaped(text) }

  /// Writes an element around what the closure writes.
  mutating func element(
    _ name: StaticString, _ attributes: [Attribute] = [], _ body: (inout HTMLText) -> Void
  ) {
    start(name, attributes)
    body(&self)
    output += "</"
    output += name.description
    output += ">"
  }

  /// Writes an element that holds text only.
  mutating func element(_ name: StaticString, _ attributes: [Attribute], _ text: String) {
    element(name, attributes) { $0.text(text) }
  }

  /// Writes an element that holds text only and has no attributes.
  mutating func element(_ name: StaticString, _ text: String) { element(name, [], text) }

  /// Writes an element without contents or end tag, or of SVG, where `/>` ends it.
  mutating func start(
    _ name: StaticString, _ attributes: [Attribute] = [], isClosed: Bool = false
  ) {
    output += "<"
    output += name.description
    for attribute in attributes {
      output += " "
      output += attribute.name.description
      output += "=\""
      output += Self.escaped(attribute.value)
      output += "\""
    }
    output += isClosed ? "/>" : ">"
  }

  /// Writes the style or the script of the program itself, whose bytes are its resources.
  mutating func resource(_ bytes: [UInt8]) { output += String(decoding: bytes, as: UTF8.self) }

  /// Text without meaning in HTML, in element contents and in quoted attribute values.
  static func escaped(_ text: String) -> String {
    var isPlain = true
    for byte in text.utf8 where !plain[Int(byte)] {
      isPlain = false
      break
    }
    if isPlain { return text }
    var escaped = ""
    for scalar in EscapedText.terminal(text).unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "'": escaped += "&#39;"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  /// ASCII that is never escaped; most text is nothing else.
  private static let plain: [Bool] = (0...255).map { byte in
    (0x20...0x7e).contains(byte) && !"&<>\"'".utf8.contains(UInt8(byte))
  }
}

/// Numbers as a report prints them.
enum HTMLNumber {
  /// With commas between thousands: `12,345`.
  static func grouped(_ number: UInt64) -> String {
    let digits = Array(String(number).utf8)
    var output: [UInt8] = []
    for (place, digit) in digits.enumerated() {
      if place > 0, (digits.count - place) % 3 == 0 { output.append(0x2c) }
      output.append(digit)
    }
    return String(decoding: output, as: UTF8.self)
  }

  /// Nanoseconds with three significant digits: `870 ns`, `1.23 µs`, `45.6 ms`.
  static func duration(_ nanoseconds: UInt64) -> String {
    if nanoseconds < 1000 { return "\(nanoseconds) ns" }
    let value = Double(nanoseconds)
    // 999.9995 rounds up into the next unit.
    if value < 999_500 { return significant(value / 1e3) + " µs" }
    if value < 999_500_000 { return significant(value / 1e6) + " ms" }
    return significant(value / 1e9) + " s"
  }

  /// A share in percent: `12.3%`, `<0.1%`.
  static func percent(_ value: Double) -> String {
    if value > 0, value < 0.05 { return "<0.1%" }
    return NumberText.fixed(value, decimals: 1) + "%"
  }

  /// Bytes: `12 B`, `4.50 KiB`.
  static func bytes(_ count: UInt64) -> String {
    let value = Double(count)
    if count < 1024 { return "\(count) B" }
    if count < 1 << 20 { return significant(value / 1024) + " KiB" }
    return significant(value / 1_048_576) + " MiB"
  }

  private static func significant(_ value: Double) -> String {
    NumberText.fixed(value, decimals: value < 9.995 ? 2 : value < 99.95 ? 1 : 0)
  }
}
