internal import Analysis

/// How often things happened, and what they cost.
extension HTMLDifference {
  private typealias Column = HTMLTable<TotalDifference>.Column

  func totals(_ html: inout HTMLText) {
    html.element("p", TotalsText().summary(difference.totals))
    if let omitted = difference.omittedTotals { html.element("p", TotalsText.remark(omitted)) }
    for place in ReelTotals.Place.allCases {
      let rows = difference.totals.filter { $0.place == place }
      guard !rows.isEmpty else { continue }
      let columns =
        counts(place) + (rows.contains { $0.deltaNanoseconds != nil } ? times(place) : [])
      HTMLTable(caption: TotalsColumn.heading(place), columns: columns)
        .render(rows.prefix(Self.maximumRows), &html)
      more(rows.count, Self.maximumRows, "rows", &html)
    }
  }

  private func counts(_ place: ReelTotals.Place) -> [Column] {
    [
      Column(heading: "What", isNumber: false) {
        HTMLCell(text: TotalsColumn.name($0.name, $0.label, isIdle: $0.isIdle))
      },
      Column(heading: "A") { HTMLCell(text: HTMLNumber.grouped($0.a), value: $0.a) },
      Column(heading: "B") { HTMLCell(text: HTMLNumber.grouped($0.b), value: $0.b) },
      Column(heading: "Delta") { row in
        HTMLCell(
          text: Self.sign(row.delta) + HTMLNumber.grouped(row.delta.magnitude), value: row.delta)
      },
      Column(heading: "Change") { Self.change($0) },
    ]
  }

  private func times(_ place: ReelTotals.Place) -> [Column] {
    let name = place == .vector ? "Waited" : "Time"
    return [
      Column(heading: "\(name) A") { Self.time($0.timesA?.totalNanoseconds) },
      Column(heading: "\(name) B") { Self.time($0.timesB?.totalNanoseconds) },
      Column(heading: "Delta") { row in
        guard let delta = row.deltaNanoseconds else { return Self.time(nil) }
        return HTMLCell(
          text: Self.sign(delta) + HTMLNumber.duration(delta.magnitude), value: delta)
      },
      Column(heading: "Impact") { Self.time($0.impactNanoseconds) },
      Column(heading: "p50 A") { Self.time($0.timesA?.p50Nanoseconds) },
      Column(heading: "p50 B") { Self.time($0.timesB?.p50Nanoseconds) },
      Column(heading: "p99 A") { Self.time($0.timesA?.p99Nanoseconds) },
      Column(heading: "p99 B") { Self.time($0.timesB?.p99Nanoseconds) },
    ]
  }

  private static func time(_ nanoseconds: UInt64?) -> HTMLCell {
    HTMLCell(
      text: nanoseconds.map { HTMLNumber.duration($0) } ?? "–", value: nanoseconds ?? 0)
  }

  /// In percent of A; `new` sorts as the greatest.
  private static func change(_ row: TotalDifference) -> HTMLCell {
    guard let percent = row.percent else {
      return HTMLCell(text: row.b == 0 ? "–" : "new", value: row.b == 0 ? 0 : Int64.max)
    }
    return HTMLCell(
      text: row.b == 0 ? "gone" : sign(row.delta) + HTMLNumber.percent(percent.magnitude),
      value: Int64(exactly: (10 * percent).rounded()) ?? .max)
  }

  private static func sign(_ number: Int64) -> String {
    number > 0 ? "+" : number < 0 ? "−" : ""
  }
}
