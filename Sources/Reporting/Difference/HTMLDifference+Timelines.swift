internal import Analysis
internal import Trace

/// The two timelines and what connects them.
extension HTMLDifference {
  func timelines(_ html: inout HTMLText) {
    guard let map = difference.map else { return }
    let (a, b) = (data.timelineA, data.timelineB)
    let columns = max(a.intervalCount, b.intervalCount)
    let colours = StackedBars.colours(of: [a, b])
    let (barsA, barsB) = (StackedBars(a, colours: colours), StackedBars(b, colours: colours))
    let highest = max(barsA.highest, barsB.highest)
    let bands = StreamBands(map, origin: a.origin, span: Double(a.width) * Double(columns))
    html.element(
      "p", [("class", "hint")],
      "Exits in intervals of \(a.intervalText), stacked by reason: A's upwards, B's downwards, on "
        + "one scale. Between them, grey bands connect what is the same, coloured ones what "
        + "differs; a coloured band leads to its stretch below.")
    legend(colours.enumerated().map { ("b\($0)", $1) } + otherReasons(barsA, barsB), &html)
    legend(changes(map), &html)
    html.element(
      "div",
      [
        ("class", "timeline pair"), ("data-table", "intervals"),
        ("data-link", "(what differs there)"),
      ]
    ) { html in
      plot("A", nameA, barsA, highest, columns, &html)
      marks("A", map, bands, columns, { $0.a }, &html)
      html.element("div", [("class", "label")], "")
      html.element("div", [("class", "links")]) { links(map, bands, &$0) }
      marks("B", map, bands, columns, { $0.b }, &html)
      plot("B", nameB, barsB, highest, columns, &html)
      html.element("div", [("class", "label")], "")
      html.element("div", [("class", "ticks")]) { html in
        for quarter in 0...4 { html.element("span", a.tick(columns * quarter / 4)) }
      }
    }
    html.element("p", [("class", "readout"), ("hidden", "")], "")
    if bands.omittedMoves > 0 {
      html.element(
        "p", [("class", "hint")],
        "Connections of \(HTMLNumber.grouped(UInt64(bands.omittedMoves))) more events that moved "
          + "are left out.")
    }
    intervals(barsA, barsB, columns, &html)
  }

  private func otherReasons(_ a: StackedBars, _ b: StackedBars) -> [(String, String)] {
    let shared = min(a.series.count, b.series.count)
    let rest = max(a.series.count, b.series.count)
    let coloured = StackedBars.colours(of: [data.timelineA, data.timelineB]).count
    return coloured < rest || coloured < shared ? [("b\(coloured)", "others")] : []
  }

  private func changes(_ map: StreamMap) -> [(String, String)] {
    let present = Set(map.stretches.map(\.change))
    return [("common", "the same")]
      + EventHunk.Change.all.filter(present.contains).map { ($0.rawValue, $0.rawValue) }
  }

  private func legend(_ entries: [(colour: String, name: String)], _ html: inout HTMLText) {
    html.element("ul", [("class", "legend")]) { html in
      for entry in entries {
        html.element("li") { html in
          html.element("span", [("class", "swatch \(entry.colour)")], "")
          html.text(entry.name)
        }
      }
    }
  }

  private func plot(
    _ side: String, _ name: String, _ bars: StackedBars, _ highest: UInt64, _ columns: Int,
    _ html: inout HTMLText
  ) {
    let numbers = [HTMLNumber.grouped(highest), side, "0"]
    html.element("div", [("class", "label axis")]) { html in
      for (place, text) in (side == "A" ? numbers : numbers.reversed()).enumerated() {
        html.element(place == 1 ? "b" : "span", [("class", place == 1 ? "side" : "")], text)
      }
    }
    html.element("div", [("class", side == "A" ? "plot" : "plot down")]) { html in
      bars.plot(
        highest: highest, width: columns,
        label: "Stacked bars: exits of \(side), \(name), over events, by reason. The table below "
          + "has the numbers.", &html)
    }
  }

  private func marks(
    _ side: String, _ map: StreamMap, _ bands: StreamBands, _ columns: Int,
    _ events: (StreamMap.Stretch) -> Range<EventIndex>, _ html: inout HTMLText
  ) {
    html.element("div", [("class", "label")], "")
    html.element("div", [("class", "lane")]) { html in
      html.svg(
        width: columns, height: 1,
        label: "Where events differ in \(side); the list below tells of them"
      ) { html in
        let marks = bands.marks(of: map.stretches, intervals: columns, events)
        let scale = LevelScale(highest: marks.lazy.flatMap(\.values).max() ?? 0)
        for change in EventHunk.Change.all {
          for level in 1...LevelScale.levels {
            let path = marks.indices
              .filter { scale.level(marks[$0][change] ?? 0) == level }
              .map { "M\($0) 0h1v1h-1z" }.joined()
            guard !path.isEmpty else { continue }
            html.start(
              "path", [("class", "\(change.rawValue) l\(level)"), ("d", path)], isClosed: true)
          }
        }
      }
    }
  }

  /// The bands; those of stretches that the list tells of are links.
  private func links(_ map: StreamMap, _ bands: StreamBands, _ html: inout HTMLText) {
    html.svg(
      width: StreamBands.width, height: 100, label: "What of A is what of B", isImage: false
    ) { html in
      for stretch in bands.common {
        let aside = stretch.aside.map {
          " but for stretches \($0.lowerBound + 1) to \($0.upperBound)"
        }
        let sentence =
          "The same\(aside ?? ""): events \(StreamBands.Band.text(stretch.a)) of A and "
          + "\(StreamBands.Band.text(stretch.b)) of B"
        html.element(
          "path", [("class", "common"), ("d", bands.outline(stretch.a, stretch.b))]
        ) { $0.element("title", sentence) }
      }
      for band in (bands.bands + bands.moves).sorted(by: { $0.first < $1.first }) {
        if band.first <= listedHunks || difference.hunks == nil {
          link(band, bands, &html)
        } else {
          html.element(
            "path",
            [("class", band.change.rawValue), ("d", bands.outline(band.drawnA, band.drawnB))]
          ) { $0.element("title", band.sentence + " (not listed below)") }
        }
      }
    }
  }

  private func link(
    _ band: StreamBands.Band, _ bands: StreamBands, _ html: inout HTMLText
  ) {
    let hasEntry = difference.hunks != nil
    html.element(
      "a",
      [
        ("href", hasEntry ? "#hunk-\(band.first)" : "#first"), ("id", "band-\(band.first)"),
        ("class", band.change.rawValue),
      ]
    ) { html in
      html.element(
        "title", hasEntry ? band.sentence : "Only one goes on: " + band.sentence)
      html.start("path", [("d", bands.outline(band.drawnA, band.drawnB))], isClosed: true)
    }
  }

  /// The stretches that the list below tells of.
  var listedHunks: Int { min(difference.hunks?.hunks.count ?? 0, Self.maximumHunks) }

  /// The numbers behind the plots; the script shows the row under the pointer.
  private func intervals(
    _ a: StackedBars, _ b: StackedBars, _ columns: Int, _ html: inout HTMLText
  ) {
    let (firsts, counts) = stretchesByInterval(columns)
    html.element("details") { html in
      html.element("summary", "The timelines as a table")
      html.scroll(label: "The timelines as a table") { html in
        html.element("table", [("id", "intervals"), ("class", "plain")]) { html in
          html.element("caption", "Exits by interval, and the stretches that begin in it")
          let names = { (side: String, bars: StackedBars) in bars.series.map { side + $0.name } }
          html.headings(
            ["From", "A", "B"] + names("A ", a) + names("B ", b) + ["Stretches that differ"])
          html.element("tbody") { html in
            for interval in 0..<columns {
              html.element("tr", [("id", "t\(interval)")]) { html in
                html.element("th", [("scope", "row")], data.timelineA.tick(interval))
                for count in Self.row(a, b, interval) {
                  html.element("td", HTMLNumber.grouped(count))
                }
                html.element("td") { html in
                  let count = HTMLNumber.grouped(counts[interval])
                  if let first = firsts[interval] {
                    html.element("a", [("href", "#hunk-\(first)")], count)
                  } else {
                    html.text(count)
                  }
                }
              }
              html.markup("\n")
            }
          }
        }
      }
    }
  }

  private static func row(_ a: StackedBars, _ b: StackedBars, _ interval: Int) -> [UInt64] {
    let value = { (counts: [UInt64]) in counts.indices.contains(interval) ? counts[interval] : 0 }
    return [value(a.sums), value(b.sums)] + (a.series + b.series).map { value($0.counts) }
  }

  /// By interval: the first stretch that the list tells of, and how many begin there in A.
  private func stretchesByInterval(_ columns: Int) -> ([Int: Int], [UInt64]) {
    var firsts: [Int: Int] = [:]
    var counts = [UInt64](repeating: 0, count: columns)
    for (number, stretch) in (difference.map?.stretches ?? []).enumerated() {
      let distance =
        stretch.a.lowerBound - min(stretch.a.lowerBound, data.timelineA.origin)
      let interval = min(Int(clamping: distance / data.timelineA.width), columns - 1)
      counts[interval] += 1
      if firsts[interval] == nil, number < listedHunks { firsts[interval] = number + 1 }
    }
    return (firsts, counts)
  }
}
