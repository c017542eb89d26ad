internal import Analysis

/// The plots over time, as SVG, each with a table that says the same.
extension HTMLReport {
  /// The stacked plot of exits, and the lanes of marks under it.
  func timeline(_ timeline: ReportTimeline, prefix: String, _ html: inout HTMLText) {
    let bars = StackedBars(timeline)
    html.element("p", [("class", "hint")]) { html in
      html.text(
        "Exits in each of \(timeline.intervalCount) intervals of \(timeline.intervalText), "
          + "stacked by reason. The fullest has \(HTMLNumber.grouped(bars.highest)).")
    }
    bars.legend(&html)
    html.element(
      "div", [("class", "timeline"), ("data-table", prefix + "intervals")]
    ) { html in
      html.element("div", [("class", "label axis")]) { html in
        html.element("span", HTMLNumber.grouped(bars.highest))
        html.element("span", "0")
      }
      html.element("div", [("class", "plot")]) { html in
        bars.plot(
          highest: bars.highest, width: timeline.intervalCount,
          label:
            "Stacked bars: exits over \(timeline.isByTime ? "host time" : "events"), by reason. "
            + "The table below has the numbers.", &html)
      }
      for lane in timeline.lanes { self.lane(lane, timeline, &html) }
      html.element("div", [("class", "label")], "")
      ticks(timeline, &html)
    }
    html.element("p", [("class", "readout"), ("hidden", "")], "")
    intervals(timeline, bars, prefix: prefix, &html)
  }

  private func lane(
    _ lane: ReportTimeline.Lane, _ timeline: ReportTimeline, _ html: inout HTMLText
  ) {
    html.element("div", [("class", "label")]) { html in
      html.text(Self.name(lane.mark))
      html.element("small", " " + HTMLNumber.grouped(lane.total))
    }
    html.element("div", [("class", "lane")]) { html in
      html.svg(
        width: timeline.intervalCount, height: 1,
        label: "\(Self.name(lane.mark)) over \(timeline.isByTime ? "host time" : "events")"
      ) { html in
        let scale = LevelScale(highest: lane.counts.max() ?? 0)
        for level in 1...LevelScale.levels {
          let path = lane.counts.indices.filter { scale.level(lane.counts[$0]) == level }
            .map { "M\($0) 0h1v1h-1z" }.joined()
          if !path.isEmpty {
            html.start(
              "path", [("class", "\(lane.mark.rawValue) l\(level)"), ("d", path)], isClosed: true)
          }
        }
      }
    }
  }

  static func name(_ mark: ReportTimeline.Mark) -> String {
    switch mark {
    case .interrupts: "Interrupts"
    case .kicks: "Kicks"
    case .seals: "Seals"
    case .keyframes: "Keyframes"
    case .consoleLines: "Console lines"
    }
  }

  private func ticks(_ timeline: ReportTimeline, _ html: inout HTMLText) {
    html.element("div", [("class", "ticks")]) { html in
      for quarter in 0...4 {
        html.element("span", timeline.tick(timeline.intervalCount * quarter / 4))
      }
    }
  }

  /// The numbers behind the plot; the script shows the row under the pointer.
  private func intervals(
    _ timeline: ReportTimeline, _ bars: StackedBars, prefix: String, _ html: inout HTMLText
  ) {
    let firstLines = prefix.isEmpty ? firstConsoleLines(timeline) : [:]
    html.element("details") { html in
      html.element("summary", "The timeline as a table")
      html.scroll(label: "The timeline as a table") { html in
        html.element("table", [("id", prefix + "intervals"), ("class", "plain")]) { html in
          html.element("caption", "Exits and marks by interval")
          html.headings(
            [timeline.isByTime ? "From" : "From event", "Exits"] + bars.series.map(\.name)
              + timeline.lanes.map { Self.name($0.mark) })
          html.element("tbody") { html in
            for interval in 0..<timeline.intervalCount {
              html.element("tr", [("id", "\(prefix)t\(interval)")]) { html in
                html.element("th", [("scope", "row")], timeline.tick(interval))
                number(bars.sums[interval], &html)
                for series in bars.series { number(series.counts[interval], &html) }
                for lane in timeline.lanes {
                  let line = lane.mark == .consoleLines ? firstLines[interval] : nil
                  number(lane.counts[interval], link: line.map { "#c\($0)" }, &html)
                }
              }
            }
          }
        }
      }
    }
  }

  private func number(_ value: UInt64, link: String? = nil, _ html: inout HTMLText) {
    html.element("td") { html in
      guard let link else {
        html.text(HTMLNumber.grouped(value))
        return
      }
      html.element("a", [("href", link)], HTMLNumber.grouped(value))
    }
  }

  /// The first line of the console that began in each interval.
  private func firstConsoleLines(_ timeline: ReportTimeline) -> [Int: Int] {
    var first: [Int: Int] = [:]
    for (number, line) in data.console.lines.enumerated() {
      guard let interval = timeline.interval(time: line.time, event: line.event) else { continue }
      if first[interval] == nil { first[interval] = number }
    }
    return first
  }

  /// The heat map of handling times.
  func latency(_ timeline: ReportTimeline, prefix: String, _ html: inout HTMLText) {
    let rows = Array(timeline.latencies.reversed())
    let scale = LevelScale(highest: rows.lazy.flatMap(\.counts).max() ?? 0)
    html.element("p", [("class", "hint")]) { html in
      html.text(
        "How long exits took to handle, from the exit to the next entry: each cell counts those of "
          + "one interval of \(timeline.intervalText).")
    }
    html.element("ul", [("class", "legend")]) { html in
      for level in 1...LevelScale.levels {
        guard let range = scale.range(level) else { continue }
        html.element("li") { html in
          html.element("span", [("class", "swatch heat l\(level)")], "")
          html.text(range)
        }
      }
    }
    html.element("div", [("class", "timeline")]) { html in
      html.element("div", [("class", "label bands"), ("aria-hidden", "true")]) { html in
        for row in rows { html.element("span", HTMLNumber.duration(row.fromNanoseconds)) }
      }
      html.element("div", [("class", "heatmap")]) { html in
        heatMap(rows, scale, timeline, &html)
      }
      html.element("div", [("class", "label")], "")
      ticks(timeline, &html)
    }
    bands(rows, timeline, &html)
  }

  private func heatMap(
    _ rows: [ReportTimeline.LatencyRow], _ scale: LevelScale, _ timeline: ReportTimeline,
    _ html: inout HTMLText
  ) {
    html.svg(
      width: timeline.intervalCount, height: rows.count,
      label: "Heat map: handling time of exits over host time. The table below has the numbers."
    ) { html in
      for (place, row) in rows.enumerated() {
        for (interval, count) in row.counts.enumerated() where count > 0 {
          html.element(
            "rect",
            [
              ("class", "heat l\(scale.level(count))"), ("x", "\(interval)"), ("y", "\(place)"),
              ("width", "1"), ("height", "1"),
            ]
          ) { html in
            html.element(
              "title",
              "\(HTMLNumber.grouped(count)) of \(Self.band(row)), from "
                + timeline.tick(interval))
          }
        }
      }
    }
  }

  private static func band(_ row: ReportTimeline.LatencyRow) -> String {
    row.toNanoseconds == 0
      ? "0 ns"
      : "\(HTMLNumber.duration(row.fromNanoseconds)) to \(HTMLNumber.duration(row.toNanoseconds))"
  }

  private func bands(
    _ rows: [ReportTimeline.LatencyRow], _ timeline: ReportTimeline, _ html: inout HTMLText
  ) {
    html.element("details") { html in
      html.element("summary", "The heat map as a table")
      html.scroll(label: "The heat map as a table") { html in
        html.element("table", [("class", "plain")]) { html in
          html.element("caption", "Exits by handling time")
          html.headings(["Handling time", "Exits", "First at", "Last at"])
          html.element("tbody") { html in
            for row in rows {
              guard let first = row.counts.firstIndex(where: { $0 > 0 }),
                let last = row.counts.lastIndex(where: { $0 > 0 })
              else { continue }
              html.element("tr") { html in
                html.element("th", [("scope", "row")], Self.band(row))
                html.element("td", HTMLNumber.grouped(row.counts.reduce(0, &+)))
                html.element("td", timeline.tick(first))
                html.element("td", timeline.tick(last))
              }
            }
          }
        }
      }
    }
  }
}

/// Divides counts into levels that grow by a factor, so that few and many both show.
struct LevelScale {
  static let levels = 6
  /// The least count of each level.
  private var least: [UInt64]

  init(highest: UInt64) {
    // The least power that reaches the highest count, so that the last level is not empty.
    var factor: UInt64 = 2
    while factor < 10, Self.power(factor, Self.levels) <= highest { factor += 1 }
    least = (0..<Self.levels).map { Self.power(factor, $0) }
  }

  private static func power(_ factor: UInt64, _ exponent: Int) -> UInt64 {
    (0..<exponent).reduce(1) { product, _ in product * factor }
  }

  /// 1 for the fewest; 0 for none.
  func level(_ count: UInt64) -> Int { (least.lastIndex { $0 <= count } ?? -1) + 1 }

  /// The counts of a level in words; `nil` for one that no count can have.
  func range(_ level: Int) -> String? {
    let from = least[level - 1]
    guard level < least.count else { return "\(HTMLNumber.grouped(from)) and more" }
    let to = least[level] - 1
    return from == to
      ? HTMLNumber.grouped(from) : "\(HTMLNumber.grouped(from))–\(HTMLNumber.grouped(to))"
  }
}
