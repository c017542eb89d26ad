public import Analysis
internal import Trace

/// A report as one HTML file: no network, no other files, usable without its script.
///
/// Equal data make equal bytes.
public struct HTMLReport {
  let data: ReportData
  /// Whether host times mean something; without them the columns of times are left out.
  let hasTimes: Bool
  private let title: String

  /// Makes a report.
  ///
  /// - Parameter title: the heading; `nil` for the guest's name.
  public init(_ data: ReportData, title: String? = nil) {
    self.data = data
    hasTimes = !data.statistics.totals.timesAreStripped
    self.title = title ?? data.metadata.map { "Exits of \($0.guest.name)" } ?? "Exits of a reel"
  }

  /// The file's text, UTF-8.
  public func render() -> String {
    HTMLPage(title: title, kind: "report", header: header, sections: sections, footer: footer)
      .render()
  }

  private func footer(_ html: inout HTMLText) {
    html.markup("Made by <code>vmreel report</code>. Times are host times")
    html.text(hasTimes ? "; percentiles are at most 1 % off. " : ", and this reel has none. ")
  }

  private func header(_ html: inout HTMLText) {
    html.element("h1", title)
    html.element("p", [("class", "lead")], lead)
    facts(&html)
    html.notes(notes)
  }

  private var sections: [HTMLPage.Section] {
    let statistics = data.statistics
    var sections = [HTMLPage.Section(id: "summary", title: "Summary", body: summary)]
    if !statistics.findings.isEmpty {
      sections.append(HTMLPage.Section(id: "findings", title: "What stands out", body: findings))
    }
    sections += plots(data.runner, prefix: "")
    sections.append(HTMLPage.Section(id: "reasons", title: "Exits by reason", body: reasons))
    for places in data.runner.places {
      sections.append(
        HTMLPage.Section(id: Self.id(places.dimension), title: Self.title(places.dimension)) {
          self.places(places, prefix: "", &$0)
        })
    }
    for table in data.runner.tables {
      let dimension = table.dimensions[0]
      sections.append(
        HTMLPage.Section(id: "by-" + dimension.rawValue, title: Self.title(dimension)) {
          self.table(table, caption: Self.caption(dimension), &$0)
        })
    }
    if !statistics.interrupts.rows.isEmpty || !statistics.halts.rows.isEmpty
      || !statistics.hostMade.rows.isEmpty
    {
      sections.append(
        HTMLPage.Section(id: "interrupts", title: "Interrupts, HLT and kicks", body: interrupts))
    }
    if !data.runner.slowest.isEmpty {
      sections.append(
        HTMLPage.Section(id: "slowest", title: "Slowest exits") {
          slowest(data.runner.slowest, &$0)
        })
    }
    if data.console.isStripped || !data.console.lines.isEmpty {
      sections.append(HTMLPage.Section(id: "console", title: "Console", body: console))
    }
    if let kernel = data.kernel {
      sections.append(
        HTMLPage.Section(id: "kernel", title: "Kernel exits", body: kernelTable))
      sections += plots(kernel, prefix: "kernel-")
      for places in kernel.places {
        sections.append(
          HTMLPage.Section(
            id: "kernel-" + Self.id(places.dimension),
            title: "Kernel: " + Self.title(places.dimension)
          ) { self.places(places, prefix: "kernel-", &$0) })
      }
    }
    sections.append(HTMLPage.Section(id: "metadata", title: "Metadata", body: metadata))
    return sections
  }

  private func plots(_ view: ReportView, prefix: String) -> [HTMLPage.Section] {
    let word = prefix.isEmpty ? "" : "Kernel: "
    var sections: [HTMLPage.Section] = []
    if view.timeline.intervalCount > 0 {
      sections.append(
        HTMLPage.Section(
          id: prefix + "timeline", title: word + (word.isEmpty ? "Timeline" : "timeline")
        ) { timeline(view.timeline, prefix: prefix, &$0) })
    }
    if !view.timeline.latencies.isEmpty {
      sections.append(
        HTMLPage.Section(
          id: prefix + "latency", title: word + (word.isEmpty ? "Latency" : "latency")
        ) { latency(view.timeline, prefix: prefix, &$0) })
    }
    return sections
  }

  static func id(_ dimension: ExitDimension) -> String {
    switch dimension {
    case .port: "ports"
    case .gpa: "gpas"
    default: dimension.rawValue + "s"
    }
  }

  static func title(_ dimension: ExitDimension) -> String {
    switch dimension {
    case .port: "I/O ports"
    case .gpa: "Guest physical addresses"
    case .msr: "Model-specific registers"
    case .rip: "Code"
    case .symbol: "Functions"
    case .device: "Devices"
    case .vcpu: "vCPUs"
    case .phase: "Phases"
    default: dimension.rawValue
    }
  }

  static func caption(_ dimension: ExitDimension) -> String {
    switch dimension {
    case .rip: "Guest-made exits by RIP"
    case .symbol: "Guest-made exits by the function RIP lies in"
    case .device: "Port accesses by the device that answers"
    case .vcpu: "Guest-made exits by vCPU"
    case .phase: "Guest-made exits by phase of the guest's life"
    default: "Guest-made exits by \(dimension.rawValue)"
    }
  }
}
