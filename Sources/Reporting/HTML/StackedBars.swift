internal import Analysis

/// Exits by interval, stacked by reason.
struct StackedBars {
  /// Reasons with a colour of their own; the rest shares one.
  private static let colourCount = 7

  /// The reasons with most exits, and the others together; the place is the colour.
  private(set) var series: [ReportTimeline.Series]
  /// All of them by interval.
  private(set) var sums: [UInt64]
  private let intervalCount: Int

  /// - Parameter names: the reasons that get a colour, for plots that share their colours; `nil` for
  ///   those with most exits.
  init(_ timeline: ReportTimeline, colours names: [String]? = nil) {
    intervalCount = timeline.intervalCount
    let all = timeline.series
    if let names {
      series = names.map { name in
        all.first { $0.name == name }
          ?? ReportTimeline.Series(
            name: name, total: 0, counts: [UInt64](repeating: 0, count: timeline.intervalCount))
      }
      series += Self.folded(all.filter { !names.contains($0.name) })
    } else if all.count > Self.colourCount + 1 {
      series = all[..<Self.colourCount] + Self.folded(Array(all[Self.colourCount...]))
    } else {
      series = all
    }
    sums = series.reduce(into: [UInt64](repeating: 0, count: intervalCount)) { sums, series in
      for place in series.counts.indices { sums[place] &+= series.counts[place] }
    }
  }

  private static func folded(_ series: [ReportTimeline.Series]) -> [ReportTimeline.Series] {
    guard var other = series.first else { return [] }
    other.name = "\(series.count) others"
    for series in series.dropFirst() {
      other.total &+= series.total
      for place in series.counts.indices { other.counts[place] &+= series.counts[place] }
    }
    return [other]
  }

  /// The reasons that get colours in plots that share them: those with most exits in all.
  static func colours(of timelines: [ReportTimeline]) -> [String] {
    let totals = timelines.flatMap(\.series).reduce(into: [String: UInt64]()) {
      $0[$1.name, default: 0] &+= $1.total
    }
    let names = totals.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
    return Array(names.prefix(names.count > colourCount + 1 ? colourCount : names.count))
  }

  /// The exits of the fullest interval.
  var highest: UInt64 { max(1, sums.max() ?? 1) }

  /// Writes which colour is which reason.
  func legend(_ html: inout HTMLText) {
    html.element("ul", [("class", "legend")]) { html in
      for (place, series) in series.enumerated() {
        html.element("li") { html in
          html.element("span", [("class", "swatch b\(place)")], "")
          html.text(series.name)
          html.element("small", " " + HTMLNumber.grouped(series.total))
        }
      }
    }
  }

  /// Writes the plot.
  ///
  /// - Parameters:
  ///   - highest: what fills the height.
  ///   - width: the intervals that fill the width.
  func plot(highest: UInt64, width: Int, label: String, _ html: inout HTMLText) {
    html.svg(width: width, height: 100, label: label) { html in
      // Each series is drawn from the ground to its top, the highest first: no seams between.
      var tops = sums
      for place in series.indices.reversed() {
        var path = ""
        for (interval, top) in tops.enumerated() where series[place].counts[interval] > 0 {
          let height = NumberText.fixed(100 * Double(top) / Double(highest), decimals: 2)
          path += "M\(interval) 100v-\(height)h1V100"
        }
        html.element("path", [("class", "s\(place)"), ("d", path)]) { html in
          html.element("title", series[place].name)
        }
        for interval in tops.indices { tops[interval] &-= series[place].counts[interval] }
      }
    }
  }
}
