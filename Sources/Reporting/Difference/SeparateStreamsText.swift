internal import Analysis

/// What differs of each kind of stream, as text.
enum SeparateStreamsText {
  static func lines(_ streams: SeparateStreams, isFull: Bool) -> [String] {
    ["", "Exits and answers:"] + part(streams.guest, isFull)
      + ["", "Interrupts and what devices wrote, by their places among those:"]
      + part(streams.interrupts, isFull) + streams.consoles.flatMap(console)
  }

  private static func part(_ hunks: StreamHunks, _ isFull: Bool) -> [String] {
    guard hunks.count > 0 else {
      return ["  the same: \(NumberText.count(UInt64(hunks.commonEvents), "event"))"]
    }
    return Array(HunkText.lines(hunks, isFull: isFull).dropFirst())
  }

  private static func console(_ console: ConsoleDifference) -> [String] {
    var lines = ["", "Console \(EscapedText.terminal(console.console)):"]
    guard console.count > 0 else {
      return lines + ["  the same: \(NumberText.count(UInt64(console.commonLines), "line"))"]
    }
    lines.append(
      "  \(console.deletedLines) lines only in A, \(console.insertedLines) only in B, "
        + "\(console.commonLines) in both")
    for hunk in console.hunks {
      let places = [hunk.a.first.map { "A \($0.event)" }, hunk.b.first.map { "B \($0.event)" }]
      lines.append("@@ " + places.compactMap { $0 }.joined(separator: ", "))
      lines += side("-", hunk.a, hunk.countA) + side("+", hunk.b, hunk.countB)
    }
    let hidden = console.count - console.hunks.count
    return hidden > 0 ? lines + ["(\(hidden) more)"] : lines
  }

  private static func side(
    _ sign: String, _ shown: [ConsoleDifference.Line], _ count: Int
  ) -> [String] {
    let lines = shown.map { "  \(sign) " + EscapedText.terminal($0.text) }
    return count > shown.count ? lines + ["  \(sign) (\(count - shown.count) more)"] : lines
  }
}
