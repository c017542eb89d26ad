/// Bytes as lower-case hex digits, two for each, without separators.
public enum HexBytes {
  private static let digits = Array("0123456789abcdef".utf8)

  /// The text of bytes.
  public static func text(of bytes: some Sequence<UInt8>) -> String {
    var output: [UInt8] = []
    for byte in bytes {
      output.append(digits[Int(byte >> 4)])
      output.append(digits[Int(byte & 15)])
    }
    return String(decoding: output, as: UTF8.self)
  }

  /// The bytes of a text, or `nil` when it is not hex digits in pairs.
  static func bytes(of text: String) -> [UInt8]? {
    let characters = Array(text.utf8)
    guard characters.count.isMultiple(of: 2) else { return nil }
    var output: [UInt8] = []
    for index in stride(from: 0, to: characters.count, by: 2) {
      guard let high = value(of: characters[index]), let low = value(of: characters[index + 1])
      else { return nil }
      output.append(high << 4 | low)
    }
    return output
  }

  private static func value(of character: UInt8) -> UInt8? {
    digits.firstIndex(of: character).map(UInt8.init)
  }
}
