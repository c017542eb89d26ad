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
}
