/// The symbols in `System.map`, `/proc/kallsyms` or what `nm` prints, a line each.
///
///     ffffffff81000000 T startup_64
///     ffffffff81000000 0000000000000040 T startup_64      (nm -S)
///     ffffffffc0000000 t helper	[module]                 (kallsyms)
///                      U undefined                        (nm; left out)
struct SymbolLines {
  private let bytes: [UInt8]
  private var entries: [SymbolTable.Entry] = []
  private var names: [UInt8] = []

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The symbols in the order of the lines, and their names.
  consuming func read() throws(SymbolTableError) -> ([SymbolTable.Entry], [UInt8]) {
    guard bytes.count <= Int(UInt32.max) else { throw .tooLarge }
    // A line of a System.map is 40 bytes and more; a guess, so that a large one grows little.
    entries.reserveCapacity(bytes.count / 40)
    names.reserveCapacity(bytes.count / 2)
    var place = 0
    var line = 1
    while place < bytes.count {
      let end = endOfLine(from: place)
      guard readLine(place..<end) else {
        if line == 1, isPlaceholder { throw .placeholder }
        throw .notASymbol(line: line)
      }
      place = end + 1
      line += 1
    }
    if !entries.isEmpty, entries.allSatisfy({ $0.address == 0 }) { throw .hiddenAddresses }
    return (entries, names)
  }

  private func endOfLine(from start: Int) -> Int {
    let bytes = bytes.span
    var place = start
    while place < bytes.count, bytes[place] != UInt8(ascii: "\n") { place += 1 }
    return place
  }

  /// What Debian writes in place of the file: `ffffffffffffffff B The real System.map is in …`.
  private var isPlaceholder: Bool {
    bytes.starts(with: "ffffffffffffffff B The real System.map".utf8)
  }

  /// Takes a line; false when it is no symbol.
  private mutating func readLine(_ line: Range<Int>) -> Bool {
    var fields = SymbolFields(rest: line)
    guard let first = fields.next(in: bytes) else { return true }
    // Undefined symbols have no address.
    if first.count == 1, Self.undefinedTypes.contains(bytes[first.lowerBound]) {
      return fields.next(in: bytes) != nil && fields.next(in: bytes) == nil
    }
    guard let address = hexValue(first), var second = fields.next(in: bytes) else { return false }
    var size: UInt64 = 0
    if second.count > 1 {
      guard let value = hexValue(second), let third = fields.next(in: bytes) else { return false }
      (size, second) = (value, third)
    }
    guard second.count == 1, isTypeLetter(bytes[second.lowerBound]),
      let name = fields.next(in: bytes), isName(name), hasModuleAtMost(&fields)
    else { return false }
    append(address: address, size: size, type: bytes[second.lowerBound], name: name)
    return true
  }

  private mutating func append(address: UInt64, size: UInt64, type: UInt8, name: Range<Int>) {
    let text = bytes[name]
    // These mark where code ends: nothing lies at them.
    let isBound = Self.bounds.contains { text.elementsEqual($0.utf8) }
    let end = address.addingReportingOverflow(size)
    entries.append(
      SymbolTable.Entry(
        address: address, end: end.overflow ? .max : end.partialValue,
        nameStart: UInt32(names.count),
        rank: SymbolTable.rank(text, isGlobal: type < UInt8(ascii: "a")),
        isCode: !isBound && Self.codeTypes.contains(type)))
    names += text
    names.append(0)
  }

  private static let bounds = ["_etext", "etext", "_einittext", "_eexittext"]
  /// Text, local and global, and weak functions (nm(1)).
  private static let codeTypes = Array("tTwW".utf8)
  private static let undefinedTypes = Array("Uwv".utf8)

  private func hasModuleAtMost(_ fields: inout SymbolFields) -> Bool {
    guard let module = fields.next(in: bytes) else { return true }
    return bytes[module.lowerBound] == UInt8(ascii: "[") && fields.next(in: bytes) == nil
  }

  private func isTypeLetter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "?"), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  /// Whether a name holds no control characters.
  private func isName(_ field: Range<Int>) -> Bool {
    for index in field where bytes[index] < 0x20 || bytes[index] == 0x7f { return false }
    return true
  }

  /// The value of 1–16 hex digits.
  private func hexValue(_ field: Range<Int>) -> UInt64? {
    guard field.count <= 16 else { return nil }
    var value: UInt64 = 0
    for index in field {
      let digit: UInt8
      switch bytes[index] {
      case let byte where byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9"):
        digit = byte - UInt8(ascii: "0")
      case let byte where byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "f"):
        digit = (byte | 0x20) - UInt8(ascii: "a") + 10
      default: return nil
      }
      value = value << 4 | UInt64(digit)
    }
    return value
  }
}

/// The fields of a line, split at blanks.
private struct SymbolFields {
  var rest: Range<Int>

  mutating func next(in bytes: [UInt8]) -> Range<Int>? {
    var start = rest.lowerBound
    while start < rest.upperBound, isBlank(bytes[start]) { start += 1 }
    var end = start
    while end < rest.upperBound, !isBlank(bytes[end]) { end += 1 }
    rest = end..<rest.upperBound
    return start == end ? nil : start..<end
  }

  private func isBlank(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
  }
}
