internal import Trace

/// Reads the expressions of ``StatisticsAssertion``, from left to right without recursion.
struct AssertionParser {
  private let text: String
  private let characters: [Character]
  private var place = 0

  init(_ text: String) {
    self.text = text
    characters = Array(text.prefix(StatisticsAssertion.maximumLength + 1))
  }

  /// A text with a blank in place of each control character, so that it stays one line.
  static func printable(_ text: String) -> String {
    String(
      text.prefix(StatisticsAssertion.maximumLength).map { character in
        isUnprintable(character) ? " " : character
      })
  }

  private static func isUnprintable(_ character: Character) -> Bool {
    character.unicodeScalars.contains {
      $0.properties.generalCategory == .control || $0.properties.generalCategory == .format
    }
  }

  mutating func parse() throws(StatisticsAssertionError) -> (
    StatisticsQuery, StatisticsAssertion.Comparison, Double
  ) {
    if characters.count > StatisticsAssertion.maximumLength {
      throw error(
        "the assertion is longer than \(StatisticsAssertion.maximumLength) characters",
        at: StatisticsAssertion.maximumLength)
    }
    if let place = characters.firstIndex(where: { Self.isUnprintable($0) && !$0.isWhitespace }) {
      throw error("a control character may not stand here", at: place)
    }
    let query = try readQuery()
    let comparison = try readComparison()
    let bound = try readBound(query.function.quantity)
    skipBlanks()
    guard place == characters.count else { throw error("nothing may follow the number") }
    return (query, comparison, bound)
  }

  // MARK: Left side

  private mutating func readQuery() throws(StatisticsAssertionError) -> StatisticsQuery {
    skipBlanks()
    let start = place
    let word = readWord()
    skipBlanks()
    guard peek == "(" else {
      guard !word.isEmpty else {
        throw error("what to compare is missing, such as hlt or p99(hlt)")
      }
      place = start
      return StatisticsQuery(.count, of: try readSubject())
    }
    let isInGuest = word.hasPrefix("guest.")
    let name = isInGuest ? String(word.dropFirst(6)) : word
    guard let function = StatisticsFunction(rawValue: name) else {
      throw error(
        "there is no function \"\(Self.printable(name))\"; there are "
          + StatisticsFunction.allCases.map(\.rawValue).joined(separator: ", "), at: start)
    }
    if isInGuest, function.quantity != .time {
      throw error("guest. goes with times only, not with \(function.rawValue)", at: start)
    }
    place += 1
    skipBlanks()
    let subjectStart = place
    let subject = try readSubject()
    skipBlanks()
    guard peek == ")" else { throw error("a ) is missing") }
    place += 1
    if function == .bytes, !subject.movesBytes {
      throw error("this moves no bytes: give an ioport or mmio, for instance", at: subjectStart)
    }
    return StatisticsQuery(function, isInGuest: isInGuest, of: subject)
  }

  private mutating func readSubject() throws(StatisticsAssertionError) -> StatisticsSubject {
    let start = place
    let word = readWord()
    guard let colon = word.firstIndex(of: ":") else { return try plainSubject(word, at: start) }
    let category = String(word[..<colon])
    let argument = String(word[word.index(after: colon)...])
    let argumentStart = start + category.count + 1
    switch category {
    case "kernel", "symbol", "device", "phase":
      return try namedSubject(category, argument, at: argumentStart)
    case "ioport", "mmio", "gpa", "msr", "irq":
      return try addressSubject(category, argument, at: argumentStart)
    default:
      throw error(
        "there is no \"\(Self.printable(category)):\"; there are ioport:, mmio:, gpa:, msr:, irq:, "
          + "kernel:, symbol:, device: and phase:", at: start)
    }
  }

  private static let reasons: [EventKind] =
    EventKind.names.map(\.kind).filter { $0.isExit }

  private func plainSubject(
    _ word: String, at start: Int
  ) throws(StatisticsAssertionError) -> StatisticsSubject {
    switch word {
    case "vmexit": return .allExits
    case "ioport": return .port(nil, nil)
    case "mmio", "gpa": return .memory(nil, nil)
    case "msr": return .msr(nil, nil)
    case "irq": return .interrupt(nil)
    case "kernel": return .kernel(nil)
    default:
      if let kind = Self.reasons.first(where: { $0.name == word }) { return .reason(kind) }
      throw error(
        (word.isEmpty ? "a subject is missing" : "there is no \"\(Self.printable(word))\"")
          + "; there are vmexit, \(Self.reasons.map(\.name).joined(separator: ", ")), ioport, mmio, "
          + "msr, irq and kernel", at: start)
    }
  }

  private mutating func namedSubject(
    _ category: String, _ word: String, at start: Int
  ) throws(StatisticsAssertionError) -> StatisticsSubject {
    var name = word
    if name.isEmpty, peek == "\"" {
      place += 1
      let rest = characters[place...].prefix { $0 != "\"" }
      name = String(rest)
      place += rest.count
      guard peek == "\"" else { throw error("the quote is not closed", at: start) }
      place += 1
    }
    guard !name.isEmpty else { throw error("a name is missing after \(category):", at: start) }
    return switch category {
    case "kernel": .kernel(name)
    case "symbol": .symbol(name)
    case "device": .device(name)
    default: .phase(name)
    }
  }

  private func addressSubject(
    _ category: String, _ word: String, at start: Int
  ) throws(StatisticsAssertionError) -> StatisticsSubject {
    let parts = word.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    let limits: [String: UInt64] = ["ioport": 0xffff, "msr": 0xffff_ffff, "irq": 0xff]
    let limit = limits[category] ?? .max
    guard let address = Self.address(parts[0]) else {
      throw error("after \(category): comes a number such as 0x30", at: start)
    }
    guard address <= limit else {
      throw error("\(category): goes up to \(HexWord(limit))", at: start)
    }
    let directionStart = start + parts[0].count + 1
    guard category != "irq" else {
      if parts.count > 1 { throw error("an irq has no direction", at: directionStart - 1) }
      return .interrupt(address)
    }
    let (write, read) = category == "ioport" ? ("POUT", "PIN") : ("W", "R")
    var direction: StatisticsSubject.Direction?
    if parts.count > 1 {
      guard parts.count == 2, parts[1] == write || parts[1] == read else {
        throw error("the direction is :\(write) or :\(read)", at: directionStart)
      }
      direction = parts[1] == write ? .write : .read
    }
    return switch category {
    case "ioport": .port(address, direction)
    case "msr": .msr(address, direction)
    default: .memory(address, direction)
    }
  }

  private static func address(_ word: String) -> UInt64? {
    let isHex = word.hasPrefix("0x")
    let digits = word.dropFirst(isHex ? 2 : 0)
    // UInt64.init takes a sign.
    guard digits.allSatisfy({ $0.isASCII && $0.isHexDigit }) else { return nil }
    return UInt64(digits, radix: isHex ? 16 : 10)
  }

  // MARK: Right side

  private mutating func readComparison()
    throws(StatisticsAssertionError) -> StatisticsAssertion.Comparison
  {
    skipBlanks()
    let start = place
    while let character = peek, "<>=!".contains(character) { place += 1 }
    let word = String(characters[start..<place])
    guard let comparison = StatisticsAssertion.Comparison(rawValue: word) else {
      throw error("a comparison is wanted here: <, <=, >, >=, == or !=", at: start)
    }
    return comparison
  }

  /// The number with its unit, in base units.
  private mutating func readBound(
    _ quantity: StatisticsQuantity
  ) throws(StatisticsAssertionError) -> Double {
    skipBlanks()
    let start = place
    let whole = readDigits()
    var fraction = ""
    if peek == "." {
      place += 1
      fraction = readDigits()
      if fraction.isEmpty { throw error("digits are missing after the point") }
    }
    guard !whole.isEmpty else { throw error("a number of 0 or more is wanted here", at: start) }
    // 15 digits are exact in a Double, and more than anything here is known to.
    guard whole.count + fraction.count <= 15, let digits = UInt64(whole + fraction) else {
      throw error("the number has more than 15 digits", at: start)
    }
    skipBlanks()
    let unitStart = place
    let unit = String(characters[place...].prefix { !$0.isWhitespace })
    place += unit.count
    if unit.isEmpty, quantity == .time, digits != 0 {
      throw error("the time needs a unit: ns, us, ms or s", at: unitStart)
    }
    let scale = quantity.units.first { $0.name == unit }?.scale
    guard let scale = scale ?? (unit.isEmpty ? 1 : nil) else {
      throw error(
        "\"\(Self.printable(unit))\" does not fit: \(quantity.expectation)", at: unitStart)
    }
    // One rounding only, so that 0.3us is 300 ns.
    let divisor = (0..<fraction.count).reduce(unit == "%" ? 100.0 : 1) { value, _ in value * 10 }
    return Double(digits) * Double(scale) / divisor
  }

  // MARK: Characters

  private var peek: Character? { place < characters.count ? characters[place] : nil }

  private mutating func skipBlanks() {
    while let character = peek, character.isWhitespace { place += 1 }
  }

  /// Characters up to a blank, a quote, a parenthesis or a comparison.
  private mutating func readWord() -> String {
    let start = place
    while let character = peek, !character.isWhitespace, !"()<>=!\"".contains(character) {
      place += 1
    }
    return String(characters[start..<place])
  }

  private mutating func readDigits() -> String {
    let start = place
    while let character = peek, character >= "0", character <= "9", character.isASCII { place += 1 }
    return String(characters[start..<place])
  }

  private func error(_ message: String, at offset: Int? = nil) -> StatisticsAssertionError {
    StatisticsAssertionError(expression: text, message: message, offset: offset ?? place)
  }
}
