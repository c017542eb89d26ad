/// Text written as bytes: String interpolation would cost more than decoding the event.
extension [UInt8] {
  /// A character of ASCII.
  mutating func append(character: Unicode.Scalar) {
    append(UInt8(truncatingIfNeeded: character.value))
  }

  /// The UTF-8 of a text.
  mutating func append(text: String) {
    append(contentsOf: text.utf8)
  }

  /// A number in decimal.
  mutating func append(decimal value: UInt64) {
    if value < 10 {
      append(0x30 + UInt8(truncatingIfNeeded: value))
      return
    }
    var digits = InlineArray<20, UInt8>(repeating: 0)
    var rest = value
    var start = 20
    while rest != 0 {
      let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
      start -= 1
      digits[start] = 0x30 + UInt8(truncatingIfNeeded: digit)
      rest = quotient
    }
    for index in start..<20 { append(digits[index]) }
  }

  /// `0x` and lower-case hex digits without leading zeros.
  mutating func append(hex value: UInt64) {
    append(0x30)
    append(0x78)
    var shift = Swift.max(0, 60 - value.leadingZeroBitCount & ~3)
    while shift >= 0 {
      append(hexDigit: UInt8(truncatingIfNeeded: value >> UInt64(shift)) & 15)
      shift -= 4
    }
  }

  /// Two lower-case hex digits for each byte.
  mutating func append(hexBytes bytes: ArraySlice<UInt8>) {
    for byte in bytes {
      append(hexDigit: byte >> 4)
      append(hexDigit: byte & 15)
    }
  }

  private mutating func append(hexDigit digit: UInt8) {
    append(digit < 10 ? 0x30 + digit : 0x57 + digit)
  }

  /// Nanoseconds as microseconds with three decimals.
  mutating func append(microseconds nanoseconds: UInt64) {
    let (whole, fraction) = nanoseconds.quotientAndRemainder(dividingBy: 1000)
    append(decimal: whole)
    append(character: ".")
    for divisor: UInt64 in [100, 10, 1] {
      append(0x30 + UInt8(truncatingIfNeeded: fraction / divisor % 10))
    }
  }

  /// A JSON string with its quotes (RFC 8259); control characters become escapes.
  mutating func append(json text: String) {
    append(character: "\"")
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": append(text: "\\\"")
      case "\\": append(text: "\\\\")
      case "\u{0}"..<"\u{20}", "\u{7f}"..<"\u{a0}", "\u{2028}", "\u{2029}":
        append(text: "\\u")
        for shift: UInt32 in [12, 8, 4, 0] {
          append(hexDigit: UInt8(truncatingIfNeeded: scalar.value >> shift) & 15)
        }
      default: append(text: String(scalar))
      }
    }
    append(character: "\"")
  }

  /// A CSV field, quoted when it has to be (RFC 4180).
  mutating func append(csv text: String) {
    guard text.utf8.contains(where: { [0x2c, 0x22, 0x0a, 0x0d].contains($0) }) else {
      append(text: text)
      return
    }
    append(character: "\"")
    for byte in text.utf8 {
      if byte == 0x22 { append(byte) }
      append(byte)
    }
    append(character: "\"")
  }
}
