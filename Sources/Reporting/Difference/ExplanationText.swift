public import Analysis

/// Why two runs part, as text.
public enum ExplanationText {
  /// The lines of `diff --explain`.
  public static func lines(_ explanation: Explanation) -> [String] {
    var lines = ["", "Why: \(EscapedText.terminal(explanation.summary))"]
    if explanation.certainty != .unknown {
      lines.append("  cause: \(explanation.cause.rawValue) (\(explanation.certainty.rawValue))")
    }
    if let instruction = explanation.instruction { lines += self.lines(instruction) }
    lines += self.lines(explanation.sites ?? [])
    if !explanation.evidence.isEmpty { lines.append("  What shows it:") }
    lines += explanation.evidence.map { "  - \(EscapedText.terminal($0))" }
    if !explanation.excluded.isEmpty { lines.append("  Ruled out:") }
    lines += explanation.excluded.map {
      "  - \($0.cause.rawValue): \(EscapedText.terminal($0.how))"
    }
    if let obstacle = explanation.obstacle {
      lines.append("  Not looked further: \(EscapedText.terminal(obstacle))")
    }
    if let state = explanation.state { lines += MemoryDifferenceText.lines(state) }
    return lines
  }

  /// Sites that are listed one by one.
  private static let siteLimit = 8

  private static func lines(_ sites: [Explanation.Site]) -> [String] {
    sites.prefix(siteLimit).map { site in
      let symbol = site.symbol.map { " " + EscapedText.terminal($0) } ?? ""
      return "  at \(site.address)\(symbol): \(site.instruction), "
        + (site.count == 1 ? "once" : "\(site.count) times")
    } + (sites.count > siteLimit ? ["  and at \(sites.count - siteLimit) more places"] : [])
  }

  private static func lines(_ instruction: Explanation.Instruction) -> [String] {
    let symbol = instruction.symbol.map { " " + EscapedText.terminal($0) } ?? ""
    var lines = ["  at \(instruction.address)\(symbol):"]
    if let a = instruction.a, a == instruction.b {
      lines.append("    \(a)")
    } else {
      lines.append("    A \(instruction.a ?? "(no code)")")
      lines.append("    B \(instruction.b ?? "(no code)")")
    }
    return lines
      + instruction.registers.map { "    register \($0.name): A \($0.a), B \($0.b)" }
  }
}
