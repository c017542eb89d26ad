/// A table whose columns sort.
struct HTMLTable<Row> {
  /// A column.
  struct Column {
    var heading: String
    /// A number, which sorts downwards first.
    var isNumber = true
    var cell: (Row) -> HTMLCell
  }

  var caption: String
  var columns: [Column]

  func render(_ rows: some Sequence<Row>, _ html: inout HTMLText) {
    html.scroll(label: caption) { html in
      html.element("table", [("class", "sortable")]) { html in
        html.element("caption", caption)
        html.element("thead") { html in
          html.element("tr") { html in
            for column in columns {
              html.element(
                "th",
                [("scope", "col"), ("class", column.isNumber ? "n" : "w")], column.heading)
            }
          }
        }
        html.element("tbody") { html in
          for row in rows {
            html.element("tr") { html in
              for (place, column) in columns.enumerated() {
                column.cell(row).render(isHeading: place == 0, isNumber: column.isNumber, &html)
              }
            }
            html.markup("\n")
          }
        }
      }
    }
  }
}

/// A cell of a table.
struct HTMLCell {
  var text: String
  /// What it is sorted by, where that is not the text.
  var value: String?
  var link: String?
  /// A share to draw, in percent.
  var bar: Double?

  init(text: String, value: (some BinaryInteger)?, link: String? = nil, bar: Double? = nil) {
    self.text = text
    self.value = value.map { String($0) }
    self.link = link
    self.bar = bar
  }

  init(text: String, link: String? = nil) {
    self.text = text
    self.link = link
  }

  func render(isHeading: Bool, isNumber: Bool, _ html: inout HTMLText) {
    var attributes: [HTMLText.Attribute] = isHeading ? [("scope", "row")] : []
    if !isNumber { attributes.append(("class", "w")) }
    if let value { attributes.append(("data-v", value)) }
    html.element(isHeading ? "th" : "td", attributes) { html in
      if let bar { Self.bar(bar, &html) }
      if let link {
        html.element("a", [("href", "#" + link)], text)
      } else {
        html.text(text)
      }
    }
  }

  private static func bar(_ percent: Double, _ html: inout HTMLText) {
    let width = NumberText.fixed(min(100, percent), decimals: 1)
    html.markup(
      "<svg class=\"bar\" viewBox=\"0 0 100 1\" preserveAspectRatio=\"none\" aria-hidden=\"true\">")
    html.start("path", [("d", "M0 0h\(width)v1H0z")], isClosed: true)
    html.markup("</svg>")
  }
}
