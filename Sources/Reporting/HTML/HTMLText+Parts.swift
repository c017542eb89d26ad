internal import Analysis

/// What all pages are made of.
extension HTMLText {
  /// Writes a list of terms and what they are; empty descriptions are left out.
  mutating func definitions(
    _ rows: [(term: String, description: String)], style: String = "facts"
  ) {
    element("dl", [("class", style)]) { html in
      for row in rows where !row.description.isEmpty {
        html.element("div") { html in
          html.element("dt", row.term)
          html.element("dd", row.description)
        }
      }
    }
  }

  /// Writes what a reader must know before believing the numbers.
  mutating func notes(_ notes: [String]) {
    for note in notes {
      element("p", [("class", "note")]) { html in
        html.markup("<strong>Note:</strong> ")
        html.text(note.prefix(1).uppercased() + note.dropFirst() + ".")
      }
    }
  }

  /// Writes an SVG that is stretched over the width and height it is given.
  mutating func svg(
    width: Int, height: Int, label: String, isImage: Bool = true,
    _ body: (inout HTMLText) -> Void
  ) {
    element(
      "svg",
      [
        ("viewBox", "0 0 \(max(1, width)) \(max(1, height))"), ("preserveAspectRatio", "none"),
        ("role", isImage ? "img" : "group"), ("aria-label", label),
      ], body)
  }

  /// Writes a box that scrolls sideways, by keyboard too.
  mutating func scroll(label: String, _ body: (inout HTMLText) -> Void) {
    element(
      "div",
      [("class", "scroll"), ("tabindex", "0"), ("role", "region"), ("aria-label", label)], body)
  }

  /// Writes the row of a table's headings, none of which sorts.
  mutating func headings(_ names: [String]) {
    element("thead") { html in
      html.element("tr") { html in
        for name in names { html.element("th", [("scope", "col")], name) }
      }
    }
  }
}

extension ReportTimeline {
  /// Where an interval begins: host time or an event.
  func tick(_ interval: Int) -> String {
    let point = origin &+ width &* UInt64(interval)
    return isByTime ? HTMLNumber.duration(point) : "event \(HTMLNumber.grouped(point))"
  }

  /// How long an interval is.
  var intervalText: String {
    isByTime ? HTMLNumber.duration(width) : NumberText.count(width, "event")
  }
}
