import Testing

@testable import Replay

/// Checks the matcher against a search of the whole text after each byte.
@Suite struct ConsoleMatcherTests {
  private func matches(_ text: String, in stream: String) -> [Int] {
    var matcher = ConsoleMatcher(Array(text.utf8))
    return stream.utf8.enumerated().filter { matcher.feed($0.element) }.map(\.offset)
  }

  @Test func emptyTextNeverMatches() {
    #expect(matches("", in: "anything").isEmpty)
  }

  @Test func overlappingMatches() {
    #expect(matches("aa", in: "aaaa") == [1, 2, 3])
    #expect(matches("abab", in: "abababab") == [3, 5, 7])
  }

  @Test func falseStartsFallBack() {
    #expect(matches("aab", in: "aaab") == [3])
    #expect(matches("abacabad", in: "abacabacabad") == [11])
    #expect(matches("login: ", in: "lologin: ") == [8])
  }

  @Test func agreesWithPlainSearch() {
    for seed in 0..<400 {
      let stream = (0..<24).map { UInt8(97 + (seed * 7919 >> ($0 % 11)) % 2) }
      let length = 1 + seed % 5
      let start = seed % 17
      let text = Array(stream[start..<start + length])
      var matcher = ConsoleMatcher(text)
      for end in stream.indices {
        let isThere = stream[...end].suffix(length).elementsEqual(text)
        #expect(matcher.feed(stream[end]) == isThere)
      }
    }
  }
}
