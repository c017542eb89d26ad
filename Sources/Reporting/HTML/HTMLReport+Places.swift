internal import Analysis

/// Ports, addresses and MSRs one by one; slow exits; the console.
extension HTMLReport {
  /// The table of places, and what is known of each of those with most exits.
  func places(_ places: ReportPlaces, prefix: String, _ html: inout HTMLText) {
    var links: [String: String] = [:]
    for place in places.places {
      links[place.row.name] = Self.anchor(place, places.dimension, prefix)
    }
    table(
      places.table, caption: Self.title(places.dimension) + ", by direction", links: links, &html)
    html.element("h3", "One by one")
    for place in places.places {
      html.element(
        "details", [("class", "place"), ("id", links[place.row.name] ?? "")]
      ) { html in
        html.element("summary") { html in
          html.element("span", [("class", "code")], place.row.name)
          html.text(place.row.label.map { " " + $0 } ?? "")
          html.element("small", " \(HTMLNumber.grouped(place.row.samples)) exits")
        }
        self.place(place, &html)
      }
    }
    let hidden = places.table.rows.count - places.places.count
    if hidden > 0 {
      html.element(
        "p", [("class", "hint")],
        "\(HTMLNumber.grouped(UInt64(hidden))) more have fewer exits than these.")
    }
  }

  /// `port-0x3f8-pout`: the same for every report.
  private static func anchor(
    _ place: ReportPlaces.Place, _ dimension: ExitDimension, _ prefix: String
  ) -> String {
    prefix + dimension.rawValue + "-"
      + place.row.name.lowercased().map { $0 == ":" || $0 == " " ? "-" : String($0) }.joined()
  }

  private func place(_ place: ReportPlaces.Place, _ html: inout HTMLText) {
    let row = place.row
    var facts: [(String, String)] = [
      ("Exits", "\(HTMLNumber.grouped(row.samples)) (\(HTMLNumber.percent(row.samplesPercent)))")
    ]
    if row.byteCount > 0 { facts.append(("Bytes", HTMLNumber.grouped(row.byteCount))) }
    if hasTimes, row.handling.samples > 0 {
      let handling = row.handling
      facts += [
        ("Handling", HTMLNumber.duration(handling.totalNanoseconds)),
        ("Mean", HTMLNumber.duration(handling.meanNanoseconds)),
        ("Shortest", HTMLNumber.duration(handling.minimumNanoseconds)),
        ("p50", HTMLNumber.duration(handling.p50Nanoseconds)),
        ("p90", HTMLNumber.duration(handling.p90Nanoseconds)),
        ("p99", HTMLNumber.duration(handling.p99Nanoseconds)),
        ("p99.9", HTMLNumber.duration(handling.p999Nanoseconds)),
        ("Longest", HTMLNumber.duration(handling.maximumNanoseconds)),
      ]
    }
    html.definitions(facts)
    sparkline(place, &html)
    html.scroll(label: "Code that uses \(row.name)") { html in
      html.element("table", [("class", "plain")]) { html in
        html.element("caption", "Code that uses it")
        html.markup(
          "<thead><tr><th scope=\"col\">Code</th><th scope=\"col\">Exits</th></tr></thead>")
        html.element("tbody") { html in
          for user in place.users {
            html.element("tr") { html in
              html.element("th", [("scope", "row"), ("class", "w")], user.name)
              html.element("td", HTMLNumber.grouped(user.samples))
            }
          }
        }
      }
    }
    if place.omittedUsers > 0 {
      html.element(
        "p", [("class", "hint")], "\(HTMLNumber.grouped(UInt64(place.omittedUsers))) more places.")
    }
  }

  private func sparkline(_ place: ReportPlaces.Place, _ html: inout HTMLText) {
    guard let highest = place.counts.max(), highest > 0 else { return }
    html.element("div", [("class", "spark")]) { html in
      html.svg(
        width: place.counts.count, height: 100,
        label: "\(place.row.name) over the timeline; the fullest interval has "
          + "\(HTMLNumber.grouped(highest)) exits"
      ) { html in
        var path = ""
        for (interval, count) in place.counts.enumerated() where count > 0 {
          // Never thinner than can be seen.
          let height = max(3, 100 * Double(count) / Double(highest))
          path += "M\(interval) 100v-\(NumberText.fixed(height, decimals: 0))h1V100"
        }
        html.start("path", [("class", "s0"), ("d", path)], isClosed: true)
      }
    }
  }

  /// The exits that took longest, slowest first.
  func slowest(_ exits: [SlowExits.Exit], _ html: inout HTMLText) {
    let caption = "The \(exits.count) exits that took longest to handle, HLT aside"
    let hasSymbols = exits.contains { $0.symbol != nil }
    let hasEvents = data.statistics.totals.events > 0
    var headings = [hasEvents ? "Event" : "After event", "At", "Handling", "Exit", "Place", "RIP"]
    if hasSymbols { headings.append("Function") }
    headings += ["vCPU", "Console before"]
    let words: Set = ["Exit", "Place", "RIP", "Function", "Console before"]
    html.scroll(label: caption) { html in
      html.element("table", [("class", "sortable")]) { html in
        html.element("caption", caption)
        html.element("thead") { html in
          html.element("tr") { html in
            for heading in headings {
              html.element(
                "th", [("scope", "col"), ("class", words.contains(heading) ? "w" : "n")], heading)
            }
          }
        }
        html.element("tbody") { html in
          let sorted = exits.sorted {
            ($1.handlingNanoseconds, $0.index) < ($0.handlingNanoseconds, $1.index)
          }
          for exit in sorted { slowExit(exit, hasSymbols: hasSymbols, &html) }
        }
      }
    }
  }

  private func slowExit(_ exit: SlowExits.Exit, hasSymbols: Bool, _ html: inout HTMLText) {
    html.element("tr") { html in
      html.element("th", [("scope", "row"), ("data-v", String(exit.index))]) {
        $0.text(HTMLNumber.grouped(exit.index))
      }
      html.element("td", [("data-v", String(exit.exitNanoseconds))]) { html in
        let time = HTMLNumber.duration(exit.exitNanoseconds)
        link(time, toIntervalAt: exit.exitNanoseconds, event: exit.index, &html)
      }
      html.element(
        "td", [("data-v", String(exit.handlingNanoseconds))],
        HTMLNumber.duration(exit.handlingNanoseconds))
      html.element("td", [("class", "w")], exit.reason)
      html.element("td", [("class", "w")], exit.place)
      html.element("td", [("class", "w")], exit.rip.description)
      if hasSymbols { html.element("td", [("class", "w")], exit.symbol ?? "") }
      html.element("td", String(exit.vcpu))
      html.element("td", [("class", "w clip")]) { html in
        guard let line = consoleLine(before: exit.index) else { return }
        html.element("a", [("href", "#c\(line)")], data.console.lines[line].text.prefixOrDash)
      }
    }
  }

  /// The last line of the console that began at or before an event.
  private func consoleLine(before event: UInt64) -> Int? {
    let lines = data.console.lines
    var (low, high) = (0, lines.count)
    while low < high {
      let middle = (low + high) / 2
      if lines[middle].event <= event { low = middle + 1 } else { high = middle }
    }
    // What was said before may be among the lines that are left out.
    if low == data.console.headCount, data.console.omittedLines > 0 { return nil }
    return low > 0 ? low - 1 : nil
  }

  private func link(
    _ text: String, toIntervalAt time: UInt64, event: UInt64, _ html: inout HTMLText
  ) {
    guard let interval = data.runner.timeline.interval(time: time, event: event) else {
      html.text(text)
      return
    }
    html.element("a", [("href", "#t\(interval)")], text)
  }

  /// The transcript, each line with its event.
  func console(_ html: inout HTMLText) {
    let console = data.console
    guard !console.isStripped else {
      html.element("p", "What the guest wrote to its consoles was stripped from this reel.")
      return
    }
    html.element(
      "p", [("class", "hint")],
      "Each line with the event of its first byte\(hasTimes ? " and its host time" : ""), which "
        + "lead to the timeline.")
    let hasStreams = Set(console.lines.map(\.stream)).count > 1
    html.element(
      "div",
      [("class", "console"), ("tabindex", "0"), ("role", "region"), ("aria-label", "Transcript")]
    ) { html in
      html.element("ol") { html in
        for (number, line) in console.lines.enumerated() {
          if number == console.headCount, console.omittedLines > 0 {
            html.element(
              "li", [("class", "cut")],
              "\(HTMLNumber.grouped(console.omittedLines)) lines are left out here; `vmreel dump` "
                + "has them.")
          }
          html.element("li", [("id", "c\(number)")]) { html in
            link(String(line.event), toIntervalAt: line.time, event: line.event, &html)
            // The spaces are for who copies the lines or hears them read.
            html.markup(" ")
            if hasTimes {
              html.element("span", HTMLNumber.duration(line.time))
              html.markup(" ")
            }
            if hasStreams {
              html.element("span", ConsoleTranscript.name(ofStream: line.stream))
              html.markup(" ")
            }
            html.element("code", line.text)
          }
          html.markup("\n")
        }
      }
    }
  }
}

extension String {
  /// Enough of a line to know it by.
  fileprivate var prefixOrDash: String {
    isEmpty ? "(empty line)" : String(prefix(60))
  }
}
