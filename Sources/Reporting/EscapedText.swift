/// Text made safe to print or to embed in a format.
public enum EscapedText {
  /// A JSON string with its quotes (RFC 8259).
  public static func json(_ text: String) -> String {
    var output = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": output += "\\\""
      case "\\": output += "\\\\"
      case "\n": output += "\\n"
      case "\r": output += "\\r"
      case "\t": output += "\\t"
      case "\u{0}"..<"\u{20}", "\u{7f}"..<"\u{a0}", "\u{2028}", "\u{2029}":
        output += "\\u" + fourDigits(scalar.value)
      default: output.unicodeScalars.append(scalar)
      }
    }
    return output + "\""
  }

  /// A CSV field, quoted when it has to be (RFC 4180).
  public static func csv(_ text: String) -> String {
    let mustQuote = text.unicodeScalars.contains {
      $0 == "," || $0 == "\"" || $0 == "\n" || $0 == "\r"
    }
    guard mustQuote else { return text }
    return "\""
      + text.split(separator: "\"", omittingEmptySubsequences: false)
      .joined(separator: "\"\"") + "\""
  }

  /// Text for a cell of a Markdown table: its bars, angles and ampersands are no markup.
  public static func markdown(_ text: String) -> String {
    var output = ""
    for character in terminal(text) {
      switch character {
      case "|": output += "\\|"
      case "<": output += "&lt;"
      case "&": output += "&amp;"
      default: output.append(character)
      }
    }
    return output
  }

  /// Text for a terminal: control characters, which a guest could use to fool the reader, become
  /// escapes; line feeds stay when asked for.
  public static func terminal(_ text: String, keepingLineFeeds: Bool = false) -> String {
    var output = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n" where keepingLineFeeds: output += "\n"
      case "\n": output += "\\n"
      case "\r": output += keepingLineFeeds ? "" : "\\r"
      case "\t": output += keepingLineFeeds ? "\t" : "\\t"
      case "\u{0}"..<"\u{20}", "\u{7f}"..<"\u{a0}", "\u{202a}"..."\u{202e}",
        "\u{2066}"..."\u{2069}":
        output += "\\u{" + String(scalar.value, radix: 16) + "}"
      default: output.unicodeScalars.append(scalar)
      }
    }
    return output
  }

  private static func fourDigits(_ value: UInt32) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, 4 - text.count)) + text
  }
}
