/// Finds a text in a stream of bytes (Knuth–Morris–Pratt: one step per byte, no allocation).
struct ConsoleMatcher {
  private let text: [UInt8]
  private let fallback: [Int]
  private var matched = 0

  init(_ text: [UInt8]) {
    self.text = text
    var fallback = [Int](repeating: 0, count: text.count)
    var length = 0
    for index in text.indices.dropFirst() {
      while length > 0, text[index] != text[length] { length = fallback[length - 1] }
      if text[index] == text[length] { length += 1 }
      fallback[index] = length
    }
    self.fallback = fallback
  }

  /// Takes the next byte; true when the text has just been completed.
  mutating func feed(_ byte: UInt8) -> Bool {
    guard !text.isEmpty else { return false }
    while matched > 0, text[matched] != byte { matched = fallback[matched - 1] }
    if text[matched] == byte { matched += 1 }
    guard matched == text.count else { return false }
    matched = fallback[matched - 1]
    return true
  }
}
