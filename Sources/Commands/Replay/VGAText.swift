internal import Machine

/// The VGA text screen at 0xb8000: 25 rows of 80 cells, character then attribute.
enum VGAText {
  static let address: UInt64 = 0xb8000
  static let columns = 80
  static let rows = 25

  /// The screen as text, trailing blanks dropped; control and high characters print as dots.
  static func render(_ memory: GuestMemory) -> String {
    guard let cells = memory.read(address, count: columns * rows * 2) else {
      return "(the guest's RAM ends below the VGA text screen at 0xb8000)\n"
    }
    let lines = (0..<rows).map { row in
      let line = (0..<columns).map { column -> Character in
        let byte = cells[(row * columns + column) * 2]
        if byte == 0 { return " " }
        return (0x20..<0x7f).contains(byte) ? Character(UnicodeScalar(byte)) : "."
      }
      let end = line.lastIndex { $0 != " " }.map { $0 + 1 } ?? 0
      return String(line[..<end])
    }
    let last = lines.lastIndex { !$0.isEmpty }.map { $0 + 1 } ?? 0
    return lines[..<last].map { $0 + "\n" }.joined()
  }
}
