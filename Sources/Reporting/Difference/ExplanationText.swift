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
