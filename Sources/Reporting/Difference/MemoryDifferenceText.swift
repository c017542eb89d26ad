public import Analysis

/// What differs between the states of two runs, as text.
public enum MemoryDifferenceText {
  /// The lines of `diff --memory`.
  public static func lines(_ difference: MemoryDifference) -> [String] {
    let moment = difference.moment
    let source =
      switch difference.source {
      case .keyframes:
        difference.keyframes.map { "keyframe \($0.a) of A and \($0.b) of B" } ?? "keyframes"
      case .replay: "both were replayed"
      }
    return lines(
      difference, ("A", "B"),
      heading: "State after event \(moment.a) of A and event \(moment.b) of B (\(source)):")
  }

  /// The lines under a heading of their own, the two sides with other names.
  static func lines(
    _ difference: MemoryDifference, _ names: (a: String, b: String), heading: String
  ) -> [String] {
    var lines = ["", heading]
    lines += difference.notes.map { "  Note: \($0)." }
    if difference.registers.isEmpty { lines.append("  All registers are equal.") }
    lines += difference.registers.map {
      "  register \($0.name): \(names.a) \(EscapedText.terminal($0.a)), "
        + "\(names.b) \(EscapedText.terminal($0.b))"
    }
    guard difference.differingPages > 0 else {
      return lines + [
        "  RAM is equal: \(NumberText.count(UInt64(difference.comparedPages), "page", "pages")) compared."
      ]
    }
    lines.append(
      "  RAM differs in \(difference.differingPages) of "
        + "\(NumberText.count(UInt64(difference.comparedPages), "page", "pages")) compared:")
    for page in difference.pages { lines += self.lines(page, names) }
    let hidden = difference.differingPages - difference.pages.count
    if hidden > 0 {
      lines.append("  (\(NumberText.count(UInt64(hidden), "more page", "more pages")))")
    }
    return lines
  }

  private static func lines(
    _ page: MemoryDifference.Page, _ names: (a: String, b: String)
  ) -> [String] {
    var lines = [
      "  page \(page.address): \(NumberText.count(UInt64(page.differingBytes), "byte differs", "bytes differ"))"
        + " in \(NumberText.count(UInt64(page.differingLines), "line", "lines"))"
    ]
    for line in page.lines {
      var place = line.address.description
      if let address = line.virtualAddress, address != line.address { place += " = v:\(address)" }
      if let symbol = line.symbol { place += " \(EscapedText.terminal(symbol))" }
      lines.append("    \(place)")
      lines.append("      \(names.a) \(spaced(line.a))")
      lines.append("      \(names.b) \(spaced(line.b))")
    }
    let hidden = page.differingLines - page.lines.count
    if hidden > 0 {
      lines.append("    (\(NumberText.count(UInt64(hidden), "more line", "more lines")))")
    }
    return lines
  }

  /// Hex digits in pairs.
  private static func spaced(_ hex: String) -> String {
    let digits = Array(hex)
    return stride(from: 0, to: digits.count, by: 2).map {
      String(digits[$0..<min($0 + 2, digits.count)])
    }.joined(separator: " ")
  }
}
