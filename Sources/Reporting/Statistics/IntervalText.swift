public import Analysis

/// The lists of `stats --interval` and `stats --slower-than`.
public enum IntervalText {
  /// The rows of a series of intervals.
  public static func render(
    _ cells: [IntervalSeries.Cell], dimensions: [ExitDimension], isMarkdown: Bool = false
  ) -> String {
    var table = TextTable(
      [("FROM", .right)] + dimensions.map { ($0.rawValue.uppercased(), .right) }
        + [
          ("Samples", .right), ("Handling", .right), ("Max Time", .right), ("In guest", .right),
        ])
    for cell in cells {
      table.add(
        [NumberText.duration(cell.startNanoseconds)] + cell.cells.map { EscapedText.terminal($0) }
          + [
            String(cell.samples), NumberText.duration(cell.handlingNanoseconds),
            NumberText.microseconds(cell.maximumNanoseconds),
            NumberText.duration(cell.guestNanoseconds),
          ])
    }
    return (isMarkdown ? table.markdownLines : table.lines).joined(separator: "\n") + "\n"
  }

  /// The slow exits, under a line that counts them all.
  public static func render(_ slow: SlowExits, isMarkdown: Bool = false) -> String {
    let exits = slow.exits
    let hasSymbols = exits.contains { $0.symbol != nil }
    var table = TextTable(
      [
        ("EVENT", .right), ("VM-EXIT", .right), ("PLACE", .right), ("VCPU", .right),
        ("RIP", .right), ("At", .right), ("Handling", .right), ("In guest", .right),
      ] + (hasSymbols ? [("SYMBOL", .left)] : []))
    for exit in exits {
      table.add(
        [
          String(exit.index), EscapedText.terminal(exit.reason), exit.place, String(exit.vcpu),
          exit.rip.description, NumberText.duration(exit.exitNanoseconds),
          NumberText.microseconds(exit.handlingNanoseconds),
          NumberText.microseconds(exit.guestNanoseconds),
        ] + (hasSymbols ? [EscapedText.terminal(exit.symbol ?? "-")] : []))
    }
    let count = NumberText.count(slow.count, "exit")
    var head =
      "\(count) slower than \(NumberText.duration(slow.threshold)), "
      + "\(NumberText.duration(slow.totalNanoseconds)) in all"
    if UInt64(exits.count) < slow.count { head += "; the slowest \(exits.count):" }
    let lines = isMarkdown ? table.markdownLines : table.lines
    return ([head] + (exits.isEmpty ? [] : [""] + lines)).joined(separator: "\n") + "\n"
  }
}
