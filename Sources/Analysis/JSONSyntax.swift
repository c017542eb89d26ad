/// Whether bytes are one JSON object (RFC 8259), told without recursion and without building it.
struct JSONSyntax {
  private enum Container { case object, array }

  private let bytes: [UInt8]
  private var place = 0
  private var open: [Container] = []

  private init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// Whether the bytes are an object and nothing else, in UTF-8.
  static func isObject(_ bytes: [UInt8]) -> Bool {
    guard String(validating: bytes, as: UTF8.self) != nil else { return false }
    var syntax = JSONSyntax(bytes)
    syntax.skipSpace()
    guard syntax.current == UInt8(ascii: "{"), syntax.skipValue() else { return false }
    syntax.skipSpace()
    return syntax.place == bytes.count
  }

  private var current: UInt8? { place < bytes.count ? bytes[place] : nil }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard current == UInt8(ascii: character) else { return false }
    place += 1
    return true
  }

  private mutating func skipSpace() {
    while let byte = current, [0x20, 0x09, 0x0a, 0x0d].contains(byte) { place += 1 }
  }

  /// Skips a value; containers are kept on a list, since the input could nest them without end.
  private mutating func skipValue() -> Bool {
    repeat {
      skipSpace()
      if take("{") {
        skipSpace()
        if !take("}") {
          open.append(.object)
          guard skipName() else { return false }
          continue
        }
      } else if take("[") {
        skipSpace()
        if !take("]") {
          open.append(.array)
          continue
        }
      } else if !skipScalar() {
        return false
      }
      guard skipAfterValue() else { return false }
    } while !open.isEmpty
    return true
  }

  /// Behind a value: a comma and the next one, or the ends of what contains it.
  private mutating func skipAfterValue() -> Bool {
    while let container = open.last {
      skipSpace()
      if take(",") { return container == .array || skipName() }
      guard take(container == .array ? "]" : "}") else { return false }
      open.removeLast()
    }
    return true
  }

  private mutating func skipName() -> Bool {
    skipSpace()
    guard skipString() else { return false }
    skipSpace()
    return take(":")
  }

  private mutating func skipScalar() -> Bool {
    switch current {
    case UInt8(ascii: "\""): return skipString()
    case UInt8(ascii: "t"): return skipWord("true")
    case UInt8(ascii: "f"): return skipWord("false")
    case UInt8(ascii: "n"): return skipWord("null")
    default: return skipNumber()
    }
  }

  private mutating func skipWord(_ word: String) -> Bool {
    guard bytes[place...].starts(with: word.utf8) else { return false }
    place += word.utf8.count
    return true
  }

  private mutating func skipString() -> Bool {
    guard take("\"") else { return false }
    while let byte = current {
      place += 1
      switch byte {
      case UInt8(ascii: "\""): return true
      case 0..<0x20: return false
      case UInt8(ascii: "\\"):
        guard skipEscape() else { return false }
      default: break
      }
    }
    return false
  }

  private mutating func skipEscape() -> Bool {
    guard let byte = current else { return false }
    place += 1
    guard byte == UInt8(ascii: "u") else { return "\"\\/bfnrt".utf8.contains(byte) }
    let digits = bytes[place...].prefix(4)
    place += digits.count
    return digits.count == 4
      && digits.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
  }

  private mutating func skipNumber() -> Bool {
    _ = take("-")
    if !take("0"), !skipDigits() { return false }
    if take("."), !skipDigits() { return false }
    if take("e") || take("E") {
      if !take("+") { _ = take("-") }
      return skipDigits()
    }
    return true
  }

  private mutating func skipDigits() -> Bool {
    let start = place
    while let byte = current, (0x30...0x39).contains(byte) { place += 1 }
    return place > start
  }
}
