internal import Analysis

/// The stretches in which two streams differ, as text.
enum HunkText {
  static func lines(_ hunks: StreamHunks) -> [String] {
    guard hunks.count > 0 else {
      return [
        "", "From there on the streams have the same events; only digests or timestamps differ.",
      ]
    }
    var lines = [
      "",
      "From there on, aligned: \(NumberText.count(UInt64(hunks.count), "stretch differs", "stretches differ")); "
        + "\(hunks.deletedEvents) events are only in A, \(hunks.insertedEvents) only in B, "
        + "\(hunks.commonEvents) in both.",
    ]
    for hunk in hunks.hunks {
      lines.append("@@ A \(hunk.a.first), B \(hunk.b.first): \(hunk.change.rawValue)")
      lines += side("-", hunk.a) + side("+", hunk.b)
    }
    let hidden = hunks.count - hunks.hunks.count
    if hidden > 0 { lines.append("(\(hidden) more)") }
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

  /// `- 37 × out 0x3f8 COM1 THR`, a line for each run.
  private static func side(_ sign: String, _ side: EventHunk.Side) -> [String] {
    var shown = 0
    var lines = side.runs.map { run in
      shown += run.count
      let place = run.place.map { " " + $0.description } ?? ""
      let name = run.place.flatMap { place in
        run.kind == "out" || run.kind == "in"
          ? PortNames.name(of: place.value, isWrite: run.kind == "out") : nil
      }
      return "  \(sign) \(run.count) × \(run.kind)\(place)" + (name.map { " " + $0 } ?? "")
    }
    if shown < side.count { lines.append("  \(sign) (\(side.count - shown) more)") }
    return lines
  }
}
