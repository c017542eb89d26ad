/// Reading the bytes of one line; every position may lie behind the end, where there is nothing.
///
/// Logs are parsed as bytes: a million lines a second leave no time for strings.
extension Span where Element == UInt8 {
  /// The byte at a position, 0 behind the end.
  func byte(_ index: Int) -> UInt8 { index < count ? self[index] : 0 }

  /// The first position from here that holds no space or tab.
  func skippingSpaces(_ index: Int) -> Int {
    var index = index
    while index < count, self[index].isBlank { index += 1 }
    return index
  }

  /// The first position from here that holds a space or tab, or the end.
  func tokenEnd(_ index: Int) -> Int {
    var index = index
    while index < count, !self[index].isBlank { index += 1 }
    return index
  }

  /// A decimal number, and moves behind it; `nil` where there is no digit, or more than 64 bits.
  func decimal(_ index: inout Int) -> UInt64? {
    let begin = index
    var value: UInt64 = 0
    while index < count, self[index].isDigit {
      let (high, isTooLarge) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflows) = high.addingReportingOverflow(UInt64(self[index] &- 0x30))
      guard !isTooLarge, !overflows else { return nil }
      value = sum
      index += 1
    }
    return index > begin ? value : nil
  }

  /// A hexadecimal number with or without `0x`, and moves behind it.
  func hexadecimal(_ index: inout Int) -> UInt64? {
    if byte(index) == 0x30, byte(index + 1) | 0x20 == 0x78 { index += 2 }
    let begin = index
    var value: UInt64 = 0
    while index < count, let digit = self[index].hexDigit {
      guard value >> 60 == 0 else { return nil }
      value = value << 4 | UInt64(digit)
      index += 1
    }
    return index > begin ? value : nil
  }

  /// At most the first eight bytes of a range as one number, and its length above them, so that
  /// short words compare at once.
  func word(_ range: Range<Int>) -> LogWord {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    for index in range.prefix(8) {
      value |= UInt64(self[index]) << shift
      shift += 8
    }
    return LogWord(bytes: value, length: range.count)
  }

  /// Whether these bytes stand at a position.
  func has(_ text: String, at index: Int) -> Bool {
    var index = index
    for byte in text.utf8 {
      guard self.byte(index) == byte else { return false }
      index += 1
    }
    return true
  }

  /// Where these bytes first stand, at a position or behind it.
  func find(_ text: String, from start: Int = 0) -> Int? {
    guard let first = text.utf8.first else { return nil }
    var index = start
    while index < count {
      if self[index] == first, has(text, at: index) { return index }
      index += 1
    }
    return nil
  }

  /// A range as text, what is no UTF-8 replaced, at most so many bytes of it.
  func text(_ range: Range<Int>, limit: Int) -> String {
    var bytes: [UInt8] = []
    for index in range.prefix(limit) { bytes.append(self[index]) }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// A word of up to eight bytes, or the beginning of a longer one and its length.
struct LogWord: Hashable {
  var bytes: UInt64
  var length: Int

  init(bytes: UInt64, length: Int) {
    self.bytes = bytes
    self.length = length
  }

  init(_ text: String) {
    var value: UInt64 = 0
    for (index, byte) in text.utf8.prefix(8).enumerated() { value |= UInt64(byte) << (8 * index) }
    self.init(bytes: value, length: text.utf8.count)
  }
}

extension UInt8 {
  var isBlank: Bool { self == 0x20 || self == 0x09 }
  var isDigit: Bool { self &- 0x30 < 10 }

  /// The value of a hexadecimal digit.
  var hexDigit: UInt8? {
    if isDigit { return self &- 0x30 }
    let letter = (self | 0x20) &- 0x61
    return letter < 6 ? letter + 10 : nil
  }
}
