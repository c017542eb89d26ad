public import Analysis

/// The text of `diff`.
public struct DifferenceText {
  /// What the first reel is called.
  public var nameA: String
  /// What the second reel is called.
  public var nameB: String
  /// The most rows of totals and configuration to show.
  public var limit = 20
  /// Whether rows of totals with equal counts are shown.
  public var showsEqualTotals = false

  /// Names the two reels.
  public init(nameA: String = "A", nameB: String = "B") {
    self.nameA = EscapedText.terminal(nameA)
    self.nameB = EscapedText.terminal(nameB)
  }

  /// The whole report.
  public func render(_ difference: ReelDifference) -> String {
    var lines = ["--- A: \(nameA)", "+++ B: \(nameB)"]
    lines += configuration(difference.configuration)
    if !difference.limits.isEmpty { lines.append("") }
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
      if difference.endingA != difference.endingB { lines += endings(difference) }
    }
    if let hunks = difference.hunks { lines += HunkText.lines(hunks) }
    lines += TotalsText(limit: limit, showsEqual: showsEqualTotals).lines(difference.totals)
    return lines.joined(separator: "\n") + "\n"
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
    lines += firstDifference.context.map { "    " + EventDescription($0).line }
    if let a = firstDifference.a, let b = firstDifference.b {
      lines.append("  A " + EventDescription(a).line)
      lines.append("  B " + EventDescription(b).line)
      lines += EventComparison(a, b, differing: firstDifference.fields).lines
    } else {
      lines += endOfStream(firstDifference, difference)
    }
    if firstDifference.isHidden {
      lines += [
        "",
        "All visible fields agree and only the digest differs: the guests' registers (or flags)",
        "are different although neither has shown it yet. The cause lies between the last common",
        "event and this one; replay both reels to it and compare their registers.",
      ]
    }
    if firstDifference.isHostPlacedInterrupt {
      lines += [
        "",
        "An interrupt was delivered where the host had stopped a guest, and the host decides when",
        "that is: two recordings can only be equal if no kick fell into them.",
      ]
    }
    lines += suspects("A", firstDifference.hostMadeA) + suspects("B", firstDifference.hostMadeB)
    return lines + console(firstDifference.consoleTail)
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
  fileprivate var heading: String {
    switch self {
    case .guest: "guest"
    case .machine: "machine"
    case .policy: "policy"
    case .host: "host"
    case .tool: "tool"
    }
  }
}
