internal import Analysis
internal import Trace

/// The stretches in which two streams differ, as text.
enum HunkText {
  static func lines(_ hunks: StreamHunks, isFull: Bool = false) -> [String] {
    var lines = [""] + [extent(hunks)] + shifts(hunks)
    for hunk in hunks.hunks { lines += isFull ? full(hunk) : compact(hunk) }
    let hidden = hunks.count - hunks.hunks.count
    if hidden > 0 { lines.append("(\(hidden) more)") }
    return lines + gaps(hunks)
  }

  /// What can be said of all stretches together.
  static func summary(_ hunks: StreamHunks) -> [String] {
    [extent(hunks)] + shifts(hunks) + gaps(hunks)
  }

  private static func extent(_ hunks: StreamHunks) -> String {
    guard hunks.count > 0 else {
      return
        "From there on the streams have the same events; only digests, timestamps or RIPs differ."
    }
    return "From there on, aligned: "
      + "\(NumberText.count(UInt64(hunks.count), "stretch differs", "stretches differ")); "
      + "\(hunks.deletedEvents) events are only in A, \(hunks.insertedEvents) only in B, "
      + "\(hunks.changedEvents) changed, \(hunks.movedEvents) moved, "
      + "\(hunks.commonEvents) the same."
  }

  /// What was not aligned.
  private static func gaps(_ hunks: StreamHunks) -> [String] {
    var lines: [String] = []
    if hunks.isCut {
      lines.append(
        "Events behind the first \(StreamHunks.maximumEvents) of a stream were not aligned.")
    }
    if hunks.unsearched > 0 {
      lines.append(
        "\(NumberText.count(UInt64(hunks.unsearched), "stretch", "stretches")) had too little in "
          + "common to be aligned further.")
    }
    return lines
  }

  /// How RIPs differ in events that agree.
  private static func shifts(_ hunks: StreamHunks) -> [String] {
    guard !hunks.ripShifts.isEmpty else { return [] }
    let shown = hunks.ripShifts.prefix(4).map {
      "by \(signed($0.shift)) in \(NumberText.count(UInt64($0.events), "event"))"
    }
    let others =
      hunks.ripShifts.dropFirst(4).reduce(hunks.otherRIPShifts) { $0 + $1.events }
    return [
      "RIP differs where events agree: " + shown.joined(separator: ", ")
        + (others > 0 ? ", by other amounts in \(others)" : "") + "."
    ]
  }

  /// `+0x1000`, or `-0x10` for what is nearer from above.
  static func signed(_ shift: HexWord) -> String {
    let value = Int64(bitPattern: shift.value)
    return (value < 0 ? "-" : "+") + NumberText.hex(value.magnitude)
  }

  private static func head(_ hunk: EventHunk) -> String {
    "@@ A \(hunk.a.first), B \(hunk.b.first): " + change(hunk)
  }

  /// What happened: `changed value`.
  static func change(_ hunk: EventHunk) -> String {
    switch hunk.change {
    case .moved: "moved \(hunk.distance) \(hunk.isLater ? "later" : "earlier")"
    case .changed where !hunk.fields.isEmpty:
      "changed " + hunk.fields.map(\.rawValue).joined(separator: ", ")
    default: hunk.change.rawValue
    }
  }

  private static func compact(_ hunk: EventHunk) -> [String] {
    let lines = [head(hunk)]
    switch hunk.change {
    case .moved: return lines + side(">", hunk.a)
    case .changed: return lines + side("!", hunk.a) + data(hunk)
    case .inserted, .deleted, .replaced: return lines + side("-", hunk.a) + side("+", hunk.b)
    }
  }

  /// The data of the first events that changed, `A -> B`.
  private static func data(_ hunk: EventHunk) -> [String] {
    zip(hunk.a.records, hunk.b.records).prefix(3).map { first, second in
      "      \(first.index): \(EventDescription(first).data) -> \(EventDescription(second).data)"
    }
  }

  /// `- 37 × out 0x3f8 COM1 THR`, a line for each run; of many runs one for each kind and place.
  private static func side(_ sign: String, _ side: EventHunk.Side) -> [String] {
    let isTally = !side.tally.isEmpty
    let rows = isTally ? side.tally : side.runs
    let indent = isTally ? sign + "   " : sign
    var lines = isTally ? ["  \(sign) \(side.count) events in turns:"] : []
    lines += rows.map { "  \(indent) " + text($0) }
    let shown = rows.reduce(0) { $0 + $1.count + $1.answers }
    if shown < side.count { lines.append("  \(indent) (\(side.count - shown) more)") }
    return lines
  }

  /// `37 × out 0x3f8 COM1 THR`.
  static func text(_ run: EventHunk.Run) -> String {
    let place = run.place.map { " " + $0.description } ?? ""
    let name = run.place.flatMap { place in
      switch run.space {
      case .port: PortNames.name(of: place.value, isWrite: run.kind == "out")
      case .msr: MSRNames.name(of: place.value)
      default: nil
      }
    }
    return "\(run.count) × \(run.kind)\(place)" + (name.map { " " + $0 } ?? "")
  }

  /// Every event, with those before.
  private static func full(_ hunk: EventHunk) -> [String] {
    [head(hunk)] + hunk.context.map { "    " + EventDescription($0).line }
      + all("-", hunk.a) + all("+", hunk.b)
  }

  private static func all(_ sign: String, _ side: EventHunk.Side) -> [String] {
    let lines = side.records.map { "  \(sign) " + EventDescription($0).line }
    let hidden = side.count - side.records.count
    return hidden > 0 ? lines + ["  \(sign) (\(hidden) more)"] : lines
  }
}
