public import Analysis

/// The text of `diff`.
public struct DifferenceText {
  /// What the first reel is called.
  public var nameA: String
  /// What the second reel is called.
  public var nameB: String
  /// The most rows of totals and configuration to show.
  public var limit = 20
  /// Whether lines are coloured for a terminal.
  public var isColoured = false
  /// Whether rows of totals with equal counts are shown.
  public var showsEqualTotals = false
  /// The symbols of the reels' kernels.
  public var symbols: (a: SymbolTable?, b: SymbolTable?) = (nil, nil)
  /// Whether stretches that differ are shown event by event.
  public var isFull = false

  /// Names the two reels.
  public init(nameA: String = "A", nameB: String = "B") {
    self.nameA = EscapedText.terminal(nameA)
    self.nameB = EscapedText.terminal(nameB)
  }

  /// The whole report.
  public func render(_ difference: ReelDifference) -> String {
    var lines = ["--- A: \(nameA)", "+++ B: \(nameB)"]
    lines += configuration(difference.configuration)
    lines += ["", "Not compared: " + Self.notCompared(difference.mask) + "."]
    lines += difference.limits.map { "Note: \($0)." }
    if difference.isOfCounts {
      lines += ["", difference.areEqual ? "The counts are equal." : "The counts differ."]
    } else if let firstDifference = difference.firstDifference {
      lines += self.firstDifference(firstDifference, difference)
    } else {
      let extent = difference.usedDigests ? " after the last common digest" : ""
      lines += [
        "", "The deterministic streams are equal: \(difference.commonEvents) events\(extent).",
      ]
      if difference.kind.name == .times { lines.append(difference.kind.sentence) }
      if difference.endingA != difference.endingB { lines += endings(difference) }
    }
    if let visible = difference.firstVisibleDifference { lines += self.visible(visible) }
    if let streams = difference.streams {
      lines += SeparateStreamsText.lines(streams, isFull: isFull)
    } else if let hunks = difference.hunks {
      lines += HunkText.lines(hunks, isFull: isFull)
    }
    if let explanation = difference.explanation { lines += ExplanationText.lines(explanation) }
    if let memory = difference.memory { lines += MemoryDifferenceText.lines(memory) }
    lines += TotalsText(limit: limit, showsEqual: showsEqualTotals)
      .lines(difference.totals, omitted: difference.omittedTotals)
    if isColoured { lines = lines.map(Self.coloured) }
    return lines.joined(separator: "\n") + "\n"
  }

  /// A line in the colours of diffs: what is gone red, what is new green, what differs yellow.
  private static func coloured(_ line: String) -> String {
    let colours = [
      ("--- ", "1;31"), ("+++ ", "1;32"), ("@@ ", "36"), ("  - ", "31"), ("  + ", "32"),
      ("  ! ", "33"), ("  > ", "35"), (" * ", "1;33"), ("  A ", "31"), ("  B ", "32"),
    ]
    guard let colour = colours.first(where: { line.hasPrefix($0.0) })?.1 else { return line }
    return "\u{1b}[\(colour)m\(line)\u{1b}[0m"
  }

  private func configuration(_ differences: [ConfigurationDifference]) -> [String] {
    guard !differences.isEmpty else { return [] }
    var lines = ["", "Configuration differs:"]
    for entry in differences.prefix(limit) {
      lines.append("  \(entry.rank.heading): \(EscapedText.terminal(entry.path))")
      lines.append("    A  " + EscapedText.terminal(entry.a ?? "(absent)"))
      lines.append("    B  " + EscapedText.terminal(entry.b ?? "(absent)"))
    }
    return lines + more(differences.count)
  }

  private func firstDifference(
    _ firstDifference: FirstDifference, _ difference: ReelDifference
  ) -> [String] {
    let extent = difference.usedDigests ? "after the last common digest" : "before it"
    var lines = [
      "", "First difference (\(firstDifference.commonEvents) common events \(extent)):",
    ]
    lines += pair(firstDifference)
    if firstDifference.a == nil || firstDifference.b == nil {
      lines += endOfStream(firstDifference, difference)
    }
    lines += ["", difference.kind.sentence]
    lines += firstDifference.keyframeSentences
    for explanation in firstDifference.explanations { lines += [""] + explanation }
    lines += suspects("A", firstDifference.hostMadeA) + suspects("B", firstDifference.hostMadeB)
    return lines + console(firstDifference.consoleTail)
  }

  /// Both events, with the common ones before and their fields side by side.
  private func pair(_ difference: FirstDifference) -> [String] {
    let context = difference.context.map { "    " + EventDescription($0).line(naming: symbols.a) }
    guard let a = difference.a, let b = difference.b else { return context }
    let events = [
      "  A " + EventDescription(a).line(naming: symbols.a),
      "  B " + EventDescription(b).line(naming: symbols.b),
    ]
    return context + events + EventComparison(a, b, differing: difference.fields).lines
  }

  /// The first difference that an event shows, behind a hidden one.
  private func visible(_ difference: FirstDifference) -> [String] {
    ["", "First difference that an event shows:"] + pair(difference)
      + console(difference.consoleTail)
  }

  /// What a comparison leaves out always, and what besides.
  static func notCompared(_ mask: DifferenceMask) -> String {
    let asked = mask.fields.filter { field in
      !mask.reasons.contains { $0.hasPrefix(field.noun) }
    }
    let names = EventField.allCases.filter(asked.contains).map(\.noun)
    let rules = mask.rules.map(\.description).filter { rule in
      !mask.reasons.contains { $0.hasPrefix(rule) }
    }
    return
      (["host times, host-made events and keyframes"] + names
      + rules + mask.reasons).joined(separator: "; ")
  }

  private func endOfStream(
    _ firstDifference: FirstDifference, _ difference: ReelDifference
  ) -> [String] {
    let (ended, other) = firstDifference.a == nil ? ("A", "B") : ("B", "A")
    var lines = ["  \(ended) ends here; its stream is a prefix of \(other)'s."]
    if let next = firstDifference.a ?? firstDifference.b {
      lines.append("  \(other) goes on: " + EventDescription(next).line)
    }
    return lines + endings(difference)
  }

  private func endings(_ difference: ReelDifference) -> [String] {
    [
      "  A ended: " + EscapedText.terminal(difference.endingA.description),
      "  B ended: " + EscapedText.terminal(difference.endingB.description),
    ]
  }

  private func suspects(_ side: String, _ records: [EventRecord]) -> [String] {
    guard !records.isEmpty else { return [] }
    return ["", "Made by the host since the last common event of \(side) (suspects):"]
      + records.map { "    " + EventDescription($0).line }
  }

  private func console(_ tail: String) -> [String] {
    guard !tail.isEmpty else { return [] }
    let text = EscapedText.terminal(tail, keepingLineFeeds: true)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: true).suffix(8)
    return ["", "Console before it:"] + lines.map { "  | " + $0 }
  }

  private func more(_ count: Int) -> [String] {
    count > limit ? ["  (\(count - limit) more)"] : []
  }
}

extension ConfigurationDifference.Rank {
  var heading: String {
    switch self {
    case .guest: "guest"
    case .machine: "machine"
    case .policy: "policy"
    case .host: "host"
    case .tool: "tool"
    }
  }
}
