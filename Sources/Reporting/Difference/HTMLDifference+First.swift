internal import Analysis
internal import Trace

/// The first difference.
extension HTMLDifference {
  /// Lines of the console before it that are shown.
  private static let shownLines = 8

  func first(_ html: inout HTMLText) {
    guard let first = difference.firstDifference else { return }
    html.element("p", difference.kind.sentence)
    for sentence in first.keyframeSentences { html.element("p", [("class", "hint")], sentence) }
    for explanation in first.explanations {
      html.element("p", explanation.joined(separator: " "))
    }
    pair(first, &html)
    if first.a == nil || first.b == nil { end(first, &html) }
    suspects("A", first.hostMadeA, symbols.a, &html)
    suspects("B", first.hostMadeB, symbols.b, &html)
    console(first.consoleTail, &html)
    guard let visible = difference.firstVisibleDifference else { return }
    html.element("h3", "First difference that an event shows")
    pair(visible, &html)
    console(visible.consoleTail, &html)
  }

  /// Both events, with the common ones before and their fields side by side.
  private func pair(_ first: FirstDifference, _ html: inout HTMLText) {
    events(&html) { html in
      for record in first.context { event("", record, symbols.a, &html) }
      if let a = first.a { event("A", a, symbols.a, &html) }
      if let b = first.b { event("B", b, symbols.b, &html) }
    }
    guard let a = first.a, let b = first.b else { return }
    html.scroll(label: "The two events side by side") { html in
      html.element("table", [("class", "plain beside")]) { html in
        html.element("caption", "The two events side by side; ≠ marks fields that differ")
        html.headings(["Field", "A", "B"])
        html.element("tbody") { html in
          for row in EventComparison(a, b, differing: first.fields).rows {
            html.element("tr", row.isDifferent ? [("class", "differs")] : []) { html in
              html.element("th", [("scope", "row")], row.name + (row.isDifferent ? " ≠" : ""))
              html.element("td", [("class", "w")], row.a)
              html.element("td", [("class", "w")], row.b)
            }
          }
        }
      }
    }
  }

  private func end(_ first: FirstDifference, _ html: inout HTMLText) {
    let (ended, other) = first.a == nil ? ("A", "B") : ("B", "A")
    html.element(
      "p", "\(ended) ends here; its stream is a prefix of \(other)'s, which goes on.")
  }

  private func suspects(
    _ side: String, _ records: [EventRecord], _ symbols: SymbolTable?, _ html: inout HTMLText
  ) {
    guard !records.isEmpty else { return }
    html.element("h3", "Suspects: made by the host since the last common event of \(side)")
    events(&html) { html in
      for record in records { event(side, record, symbols, &html) }
    }
  }

  private func console(_ tail: String, _ html: inout HTMLText) {
    // As in a terminal: what ends a line is not shown.
    let lines = tail.filter { $0 != "\r" }.split { $0 == "\n" || $0 == "\r\n" }
      .suffix(Self.shownLines)
    guard !lines.isEmpty else { return }
    html.element("h3", "Console before it")
    events(&html) { html in
      for line in lines { html.element("li") { $0.element("code", String(line)) } }
    }
  }

  /// What a look into the guests' states found, as the text says it.
  func states(_ html: inout HTMLText) {
    let parts = [
      difference.explanation.map { ExplanationText.lines($0) },
      difference.memory.map { MemoryDifferenceText.lines($0) },
    ]
    for lines in parts.compactMap(\.self) {
      events(&html) { html in
        for line in lines.drop(while: \.isEmpty) { html.element("li") { $0.element("code", line) } }
      }
    }
  }

  /// A box of lines.
  func events(_ html: inout HTMLText, _ body: (inout HTMLText) -> Void) {
    html.element("ol", [("class", "events")], body)
  }

  /// A line of such a box.
  func event(
    _ sign: String, _ record: EventRecord, _ symbols: SymbolTable?, _ html: inout HTMLText
  ) {
    line(sign, EventDescription(record).line(naming: symbols), &html)
  }

  /// A line of such a box; the sign also gives it its colour.
  func line(_ sign: String, _ text: String, _ html: inout HTMLText) {
    let kind =
      switch sign {
      case "A", "−": "only-a"
      case "B", "+": "only-b"
      case "≠", "→": "both"
      default: ""
      }
    var attributes: [HTMLText.Attribute] = []
    if !kind.isEmpty { attributes.append(("class", kind)) }
    html.element("li", attributes) { html in
      html.element("b", sign.isEmpty ? "\u{a0}" : sign)
      html.markup(" ")
      html.element("code", text)
    }
  }
}
