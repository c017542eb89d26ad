internal import Analysis
internal import Trace

/// The numbers on top, the configuration, and what was left out.
extension HTMLDifference {
  /// The numbers on top.
  func summary(_ html: inout HTMLText) {
    var tiles = [
      (
        "Common events", HTMLNumber.grouped(difference.commonEvents),
        difference.firstDifference == nil ? "all of them" : "before the first difference"
      )
    ]
    if let hunks = difference.hunks {
      let count = { (number: Int) in HTMLNumber.grouped(UInt64(number)) }
      tiles += [
        ("Stretches that differ", count(hunks.count), "from there on, aligned"),
        ("Only in A", count(hunks.deletedEvents), "events deleted or replaced"),
        ("Only in B", count(hunks.insertedEvents), "events inserted or instead"),
        ("Changed", count(hunks.changedEvents), "events with other data"),
        ("Moved", count(hunks.movedEvents), "events at another place"),
        ("The same", count(hunks.commonEvents), "events from there on"),
      ]
    }
    html.element("dl", [("class", "tiles")]) { html in
      for tile in tiles {
        html.element("div") { html in
          html.element("dt", tile.0)
          html.element("dd", [("class", "value")], tile.1)
          html.element("dd", tile.2)
        }
      }
    }
    var facts = [
      ("A ended", difference.endingA.description), ("B ended", difference.endingB.description),
    ]
    if !difference.configuration.isEmpty {
      let ranks = Set(difference.configuration.map(\.rank)).sorted().map(\.heading)
      let count = NumberText.count(
        UInt64(difference.configuration.count), "field differs", "fields differ")
      facts.append(("Configuration", "\(count): " + ranks.joined(separator: ", ")))
    }
    html.definitions(facts)
  }

  /// What differs in the metadata, and both command lines.
  func configuration(_ html: inout HTMLText) {
    html.definitions(
      [
        ("A", data.metadataA.commandLine.joined(separator: " ")),
        ("B", data.metadataB.commandLine.joined(separator: " ")),
      ], style: "facts short code")
    let differences = difference.configuration
    guard !differences.isEmpty else {
      html.element("p", "The configurations are the same.")
      return
    }
    let caption = "Fields of the metadata that differ, the weightiest first"
    html.scroll(label: caption) { html in
      html.element("table", [("class", "plain beside")]) { html in
        html.element("caption", caption)
        html.headings(["About", "Field", "A", "B"])
        html.element("tbody") { html in
          for field in differences.prefix(Self.maximumRows) {
            html.element("tr") { html in
              html.element("td", [("class", "w")], field.rank.heading)
              html.element("th", [("scope", "row")], field.path)
              html.element("td", [("class", "w")], field.a ?? "(absent)")
              html.element("td", [("class", "w")], field.b ?? "(absent)")
            }
            html.markup("\n")
          }
        }
      }
    }
    more(differences.count, Self.maximumRows, "fields", &html)
  }

  /// What the comparison left out.
  func notCompared(_ html: inout HTMLText) {
    html.element("ul") { html in
      for part in DifferenceText.notCompared(difference.mask).split(separator: ";") {
        html.element("li", String(part.drop { $0 == " " }))
      }
    }
  }

  /// Says how much is left out.
  func more(_ count: Int, _ limit: Int, _ noun: String, _ html: inout HTMLText) {
    guard count > limit else { return }
    html.element(
      "p", [("class", "hint")],
      "\(HTMLNumber.grouped(UInt64(count - limit))) more \(noun) are left out.")
  }

  /// How often things happened.
  func totals(_ html: inout HTMLText) {
    let rows = difference.totals.sorted {
      $0.delta.magnitude == $1.delta.magnitude
        ? $0.name < $1.name : $0.delta.magnitude > $1.delta.magnitude
    }
    HTMLTable<TotalDifference>(
      caption: "How often things happened in each, what changed most first",
      columns: [
        .init(heading: "What", isNumber: false) { HTMLCell(text: $0.name) },
        .init(heading: "A") { HTMLCell(text: HTMLNumber.grouped($0.a), value: $0.a) },
        .init(heading: "B") { HTMLCell(text: HTMLNumber.grouped($0.b), value: $0.b) },
        .init(heading: "Delta") { HTMLCell(text: Self.signed($0.delta), value: $0.delta) },
        .init(heading: "Change") { row in
          let sign = row.delta > 0 ? "+" : row.delta < 0 ? "−" : ""
          return HTMLCell(
            text: row.percent.map { sign + HTMLNumber.percent($0.magnitude) } ?? "new",
            value: row.percent.map { Int64(exactly: (10 * $0).rounded()) ?? .max } ?? .max)
        },
      ]
    ).render(rows.prefix(Self.maximumRows), &html)
    more(rows.count, Self.maximumRows, "rows", &html)
  }

  /// `+12`, `−3`, `0`.
  static func signed(_ number: Int64) -> String {
    (number > 0 ? "+" : number < 0 ? "−" : "") + HTMLNumber.grouped(number.magnitude)
  }
}
