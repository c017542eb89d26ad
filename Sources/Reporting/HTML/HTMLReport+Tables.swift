internal import Analysis

/// The tables of exits.
extension HTMLReport {
  /// Rows of a table at most: a page must open at once.
  private static let maximumRows = 300

  func reasons(_ html: inout HTMLText) {
    if data.statistics.table.rows.isEmpty {
      html.element("p", "The guest made no exits.")
      return
    }
    table(data.statistics.table, caption: "Exits by reason", &html)
  }

  func kernelTable(_ html: inout HTMLText) {
    html.element("p", data.statistics.kernel.sentence + ".")
    table(data.statistics.kernelExits, caption: "Exits the host's kernel saw, by reason", &html)
  }

  /// Everything about idling and being interrupted.
  func interrupts(_ html: inout HTMLText) {
    let statistics = data.statistics
    let tables = [
      (statistics.interrupts, "Injected interrupts by vector; times are from pending to injected"),
      (statistics.halts, "HLTs by what ended them"),
      (statistics.hostMade, "Kicks, which the host made, by cause"),
    ]
    for (table, caption) in tables where !table.rows.isEmpty {
      self.table(table, caption: caption, &html)
    }
  }

  /// One table.
  ///
  /// - Parameter links: the anchors of rows that have details, by name.
  func table(
    _ table: ExitTable, caption: String, links: [String: String] = [:], _ html: inout HTMLText
  ) {
    HTMLTable(caption: caption, columns: columns(of: table, links))
      .render(table.rows.prefix(Self.maximumRows), &html)
    more(table, &html)
  }

  private func more(_ table: ExitTable, _ html: inout HTMLText) {
    let hidden = table.rows.dropFirst(Self.maximumRows)
    if !hidden.isEmpty {
      let samples = hidden.reduce(UInt64(0)) { $0 &+ $1.samples }
      html.element(
        "p", [("class", "hint")],
        "\(HTMLNumber.grouped(UInt64(hidden.count))) more rows with "
          + "\(HTMLNumber.grouped(samples)) exits are left out; `vmreel stats` has them.")
    }
    if table.foldedSamples > 0 {
      html.element(
        "p", [("class", "hint")],
        "Too many different ones: \(HTMLNumber.grouped(table.foldedSamples)) exits are in the row "
          + "`other`.")
    }
  }

  private func columns(of table: ExitTable, _ links: [String: String]) -> [HTMLTable<ExitRow>
    .Column]
  {
    var columns = table.dimensions.enumerated().map { place, dimension in
      HTMLTable<ExitRow>.Column(heading: Self.heading(dimension), isNumber: false) { row in
        HTMLCell(text: row.cells[place], link: links[row.name])
      }
    }
    if table.rows.contains(where: { $0.label != nil }) {
      columns.append(
        HTMLTable<ExitRow>.Column(heading: "Name", isNumber: false) {
          HTMLCell(text: $0.label ?? "")
        })
    }
    columns += [
      HTMLTable<ExitRow>.Column(heading: table.event == .irq ? "Injected" : "Exits") {
        HTMLCell(text: HTMLNumber.grouped($0.samples), value: $0.samples)
      },
      HTMLTable<ExitRow>.Column(heading: "Share") { row in
        HTMLCell(
          text: HTMLNumber.percent(row.samplesPercent), value: row.samples,
          bar: row.samplesPercent)
      },
    ]
    if hasTimes { columns += timeColumns(table) }
    if table.rows.contains(where: { $0.byteCount > 0 }) {
      columns.append(
        HTMLTable<ExitRow>.Column(heading: "Bytes") {
          HTMLCell(text: HTMLNumber.grouped($0.byteCount), value: $0.byteCount)
        })
    }
    if table.rows.contains(where: { $0.outcomes != nil }) { columns += outcomeColumns }
    return columns
  }

  private func timeColumns(_ table: ExitTable) -> [HTMLTable<ExitRow>.Column] {
    var columns = [
      HTMLTable<ExitRow>.Column(heading: "Time") { row in
        HTMLCell(
          text: HTMLNumber.percent(row.timePercent), value: row.handling.totalNanoseconds,
          bar: row.timePercent)
      }
    ]
    let times: [(String, KeyPath<DurationSummary, UInt64>)] = [
      ("Total", \.totalNanoseconds), ("Mean", \.meanNanoseconds), ("p50", \.p50Nanoseconds),
      ("p90", \.p90Nanoseconds), ("p99", \.p99Nanoseconds), ("p99.9", \.p999Nanoseconds),
      ("Max", \.maximumNanoseconds),
    ]
    columns += times.map { heading, path in
      HTMLTable<ExitRow>.Column(heading: heading) { Self.time($0.handling, path) }
    }
    if table.event != .irq {
      columns.append(
        HTMLTable<ExitRow>.Column(heading: "In guest") { Self.time($0.inGuest, \.totalNanoseconds) }
      )
    }
    return columns
  }

  private static func time(
    _ summary: DurationSummary, _ path: KeyPath<DurationSummary, UInt64>
  ) -> HTMLCell {
    guard summary.samples > 0 else { return HTMLCell(text: "–", value: 0) }
    let value = summary[keyPath: path]
    return HTMLCell(text: HTMLNumber.duration(value), value: value)
  }

  private var outcomeColumns: [HTMLTable<ExitRow>.Column] {
    let outcomes: [(String, KeyPath<ExitRow.Outcomes, UInt64>)] = [
      ("In kernel", \.handledByKernel), ("To runner", \.returned), ("Kicked", \.interrupted),
    ]
    return outcomes.map { heading, path in
      HTMLTable<ExitRow>.Column(heading: heading) { row in
        let value = row.outcomes?[keyPath: path] ?? 0
        return HTMLCell(text: HTMLNumber.grouped(value), value: value)
      }
    }
  }

  private static func heading(_ dimension: ExitDimension) -> String {
    switch dimension {
    case .reason: "Exit"
    case .port: "Port"
    case .gpa: "Address"
    case .msr: "MSR"
    case .vcpu: "vCPU"
    case .rip: "RIP"
    case .symbol: "Function"
    case .device: "Device"
    case .phase: "Phase"
    case .vector: "Vector"
    case .wake: "Ended by"
    case .cause: "Cause"
    }
  }
}
