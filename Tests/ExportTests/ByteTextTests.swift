import Testing

@testable import Export

/// Numbers and text as bytes, against the standard library's own.
@Suite struct ByteTextTests {
  /// Where the number of digits changes.
  static let values: [UInt64] = {
    var values: [UInt64] = [0, .max]
    for shift: UInt64 in 0..<64 { values += [1 << shift, (1 << shift) - 1] }
    var power: UInt64 = 1
    for _ in 0..<19 {
      power *= 10
      values += [power - 1, power]
    }
    return values
  }()

  private func text(_ write: (inout [UInt8]) -> Void) -> String {
    var bytes: [UInt8] = []
    write(&bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test(arguments: values) func numbers(_ value: UInt64) {
    #expect(text { $0.append(decimal: value) } == String(value))
    #expect(text { $0.append(hex: value) } == "0x" + String(value, radix: 16))
  }

  @Test func microseconds() {
    #expect(text { $0.append(microseconds: 0) } == "0.000")
    #expect(text { $0.append(microseconds: 1_234_567) } == "1234.567")
    #expect(text { $0.append(microseconds: 1_000_009) } == "1000.009")
  }

  @Test func escapes() {
    #expect(
      text { $0.append(json: "a\"\\\n\u{1b}\u{85}é\u{2028}") }
        == #""a\"\\\u000a\u001b\u0085é\u2028""#)
    #expect(text { $0.append(csv: "PIC1 data") } == "PIC1 data")
    #expect(text { $0.append(csv: "a,\"b\"\n") } == "\"a,\"\"b\"\"\n\"")
    #expect(text { $0.append(hexBytes: [0, 0x9a, 0xff]) } == "009aff")
  }
}
