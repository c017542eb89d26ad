public import Analysis

/// The text of `verify`.
public enum VerificationText {
  /// One line for each finding, then what was checked.
  public static func render(_ verification: ReelVerification) -> String {
    var lines = verification.findings.map { finding in
      "\(finding.severity.rawValue): offset \(finding.offset) (\(finding.block)): "
        + EscapedText.terminal(finding.message)
    }
    if verification.unlistedFindings > 0 {
      lines.append("(\(verification.unlistedFindings) more findings)")
    }
    let checked = verification.checked
    var facts = [
      NumberText.count(checked.bytes, "byte"), NumberText.count(checked.blocks, "block"),
      NumberText.count(checked.events, "event"),
      verification.isStripped
        ? "no pages (stripped: can be read, not replayed)"
        : NumberText.count(checked.pages, "page"),
      NumberText.count(checked.keyframes, "keyframe"),
    ]
    if checked.kernelExits > 0 {
      facts.append(NumberText.count(checked.kernelExits, "kernel exit"))
    }
    if checked.unknownBlocks > 0 {
      facts.append(
        NumberText.count(checked.unknownBlocks, "block") + " of unknown type (checksum only)")
    }
    if checked.skippedColumns > 0 {
      facts.append(NumberText.count(checked.skippedColumns, "unknown column") + " skipped")
    }
    let verdict = verification.isSound ? "sound" : "NOT sound"
    lines.append("\(verdict): checked " + facts.joined(separator: ", "))
    return lines.joined(separator: "\n") + "\n"
  }
}
