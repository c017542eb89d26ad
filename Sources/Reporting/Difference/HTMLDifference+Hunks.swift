internal import Analysis
internal import Trace

/// The stretches that differ, and how the consoles do.
extension HTMLDifference {
  /// Events written out in all.
  private static let maximumEvents = 10_000
  /// Pairs of events with other data that are shown of one stretch, unless all are asked for.
  private static let shownPairs = 8

  /// The list of stretches.
  ///
  /// - Parameter prefix: of their ids.
  func hunks(_ hunks: StreamHunks, prefix: String, _ html: inout HTMLText) {
    let isWhole = prefix == "hunk-"
    let lines = HunkText.summary(hunks)
    for line in lines { html.element("p", line) }
    let listed = hunks.hunks.prefix(Self.maximumHunks)
    let bands = isWhole ? linkedBands : [:]
    var room = Self.maximumEvents
    html.element("ol", [("class", "hunks")]) { html in
      for (place, hunk) in listed.enumerated() {
        let id = "\(prefix)\(place + 1)"
        html.element(
          "li", [("id", id), ("class", "hunk \(hunk.change.rawValue)"), ("tabindex", "-1")]
        ) { html in
          heading(hunk, place + 1, band: bands[place + 1], &html)
          runs(hunk, &html)
          records(hunk, &room, &html)
        }
        html.markup("\n")
      }
    }
    more(hunks.count, listed.count, "stretches", &html)
  }

  /// The bands of the timelines by the stretches in them.
  private var linkedBands: [Int: Int] {
    guard let map = difference.map else { return [:] }
    let columns = max(data.timelineA.intervalCount, data.timelineB.intervalCount)
    guard columns > 0 else { return [:] }
    let bands = StreamBands(
      map, origin: data.timelineA.origin, span: Double(data.timelineA.width) * Double(columns))
    var numbers: [Int: Int] = [:]
    for band in bands.bands + bands.moves {
      for number in band.first...band.last
      where number <= listedHunks
        && (map.stretches[number - 1].change == .moved)
          == (map.stretches[band.first - 1].change == .moved)
      { numbers[number] = band.first }
    }
    return numbers
  }

  private func heading(
    _ hunk: EventHunk, _ number: Int, band: Int?, _ html: inout HTMLText
  ) {
    html.element("h3") { html in
      html.element("span", [("class", "swatch \(hunk.change.rawValue)")], "")
      html.text("\(number). ")
      let change = HunkText.change(hunk)
      html.text(change.prefix(1).uppercased() + change.dropFirst())
      html.markup(" <small>")
      html.text(
        Self.place(hunk.a, in: "A") + " · " + Self.place(hunk.b, in: "B"))
      html.markup("</small>")
      if let band {
        html.markup(" ")
        html.element("a", [("href", "#band-\(band)"), ("class", "up")], "in the timelines")
      }
    }
  }

  private static func place(
    _ side: EventHunk.Side, in name: String
  ) -> String {
    switch side.count {
    case 0: "before event \(side.first) of \(name)"
    case 1: "event \(side.first) of \(name)"
    default: "\(side.count) events from \(side.first) of \(name)"
    }
  }

  private func runs(_ hunk: EventHunk, _ html: inout HTMLText) {
    events(&html) { html in
      switch hunk.change {
      case .moved: side("→", hunk.a, &html)
      case .changed: side("≠", hunk.a, &html)
      case .inserted, .deleted, .replaced:
        side("−", hunk.a, &html)
        side("+", hunk.b, &html)
      }
    }
  }

  private func side(_ sign: String, _ side: EventHunk.Side, _ html: inout HTMLText) {
    var shown = 0
    if !side.tally.isEmpty { line(sign, "\(side.count) events in turns:", &html) }
    for run in side.tally.isEmpty ? side.runs : side.tally {
      shown += run.count + run.answers
      line(sign, HunkText.text(run), &html)
    }
    if shown < side.count { line(sign, "(\(side.count - shown) more)", &html) }
  }

  /// The events themselves: pairs of those that changed, the others folded away.
  private func records(_ hunk: EventHunk, _ room: inout Int, _ html: inout HTMLText) {
    guard hunk.change != .changed else {
      pairs(hunk, &room, &html)
      return
    }
    let a = hunk.a.records.prefix(room)
    let b = hunk.b.records.prefix(room - a.count)
    room -= a.count + b.count
    guard !a.isEmpty || !b.isEmpty else { return }
    let isPart = a.count < hunk.a.count || b.count < hunk.b.count
    html.element("details", isFull ? [("open", "")] : []) { html in
      html.element("summary", isPart ? "The first events" : "The events")
      html.element("ol", [("class", "events")]) { html in
        for record in hunk.context { event("", record, symbols.a, &html) }
        for record in a { event(hunk.change == .moved ? "A" : "−", record, symbols.a, &html) }
        for record in b { event(hunk.change == .moved ? "B" : "+", record, symbols.b, &html) }
      }
    }
  }

  private func pairs(_ hunk: EventHunk, _ room: inout Int, _ html: inout HTMLText) {
    let limit = min(room, isFull ? room : Self.shownPairs)
    let pairs = Array(zip(hunk.a.records, hunk.b.records).prefix(limit))
    room -= pairs.count
    guard !pairs.isEmpty else { return }
    let label = "Data of events \(hunk.a.first) of A, \(hunk.b.first) of B"
    html.scroll(label: label) { html in
      html.element("table", [("class", "plain beside")]) { html in
        html.element("caption", "Data")
        html.headings(["Event of A", "Event of B", "A", "B"])
        html.element("tbody") { html in
          for (a, b) in pairs {
            html.element("tr") { html in
              html.element("th", [("scope", "row")], String(a.index))
              html.element("td", [("class", "w")], String(b.index))
              html.element("td", [("class", "w only-a")], Self.data(of: a))
              html.element("td", [("class", "w only-b")], Self.data(of: b))
            }
          }
        }
      }
    }
    more(hunk.a.count, pairs.count, "pairs of events", &html)
  }

  private static func data(of record: EventRecord) -> String {
    let description = EventDescription(record)
    return description.data + (description.consoleText.map { " " + $0 } ?? "")
  }

  /// The text on each console that only one of the two wrote.
  func consoles(_ html: inout HTMLText) {
    for console in data.consoles {
      html.element("h3", "Console \(console.console)")
      let lines = { (count: Int) in NumberText.count(UInt64(count), "line") }
      guard console.count > 0 else {
        html.element("p", "The same: \(lines(console.commonLines)).")
        continue
      }
      html.element(
        "p",
        "\(lines(console.deletedLines)) only in A, \(console.insertedLines) only in B, "
          + "\(console.commonLines) in both; the kernel's time stamps do not count.")
      for hunk in console.hunks {
        events(&html) { html in
          self.lines("−", hunk.a, hunk.countA, &html)
          self.lines("+", hunk.b, hunk.countB, &html)
        }
      }
      more(console.count, console.hunks.count, "places where it differs", &html)
    }
  }

  private func lines(
    _ sign: String, _ lines: [ConsoleDifference.Line], _ count: Int, _ html: inout HTMLText
  ) {
    for line in lines { self.line(sign, "\(line.event)  \(line.text)", &html) }
    if count > lines.count { line(sign, "(\(count - lines.count) more)", &html) }
  }
}
