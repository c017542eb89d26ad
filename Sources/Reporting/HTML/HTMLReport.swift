public import Analysis
internal import Bytes
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
    var html = HTMLText()
    html.markup("<!DOCTYPE html>\n")
    html.element("html", [("lang", "en")]) { html in
      html.element("head", [], head)
      html.element("body", [], body)
    }
    html.markup("\n")
    return html.output
  }

  private func head(_ html: inout HTMLText) {
    html.start("meta", [("charset", "utf-8")])
    // Even if text of a guest became markup, it could load and run nothing.
    html.start(
      "meta",
      [
        ("http-equiv", "Content-Security-Policy"),
        (
          "content",
          "default-src 'none'; style-src '\(Self.hash(Self.style))'; "
            + "script-src '\(Self.hash(Self.script))'; base-uri 'none'; form-action 'none'"
        ),
      ])
    html.start("meta", [("name", "viewport"), ("content", "width=device-width, initial-scale=1")])
    html.start("meta", [("name", "color-scheme"), ("content", "light dark")])
    html.element("title", "\(title) – vmreel report")
    html.element("style") { $0.resource(Self.style) }
  }

  private static let style = PackageResources.report_css
  private static let script = PackageResources.report_js

  private static func hash(_ bytes: [UInt8]) -> String {
    "sha256-" + Base64.encode(SHA256.hash(bytes))
  }

  private func body(_ html: inout HTMLText) {
    let sections = sections
    html.element("a", [("class", "skip"), ("href", "#main")], "Skip to the report")
    html.element("header", [], header)
    html.element("nav", [("aria-label", "Sections")]) { html in
      html.element("ul") { html in
        for section in sections {
          html.element("li") { html in
            html.element("a", [("href", "#" + section.id)], section.title)
          }
        }
      }
    }
    html.element("main", [("id", "main")]) { html in
      for section in sections {
        html.markup("\n")
        html.element(
          "section", [("id", section.id), ("aria-labelledby", section.id + "-title")]
        ) { html in
          html.element("h2", [("id", section.id + "-title")], section.title)
          section.body(&html)
        }
      }
    }
    html.element("footer") { html in
      html.element("p") { html in
        html.markup("Made by <code>vmreel report</code>. Times are host times")
        html.text(hasTimes ? "; percentiles are at most 1 % off. " : ", and this reel has none. ")
        html.markup("This file is complete: it loads nothing.")
      }
    }
    html.element("script") { $0.resource(Self.script) }
  }

  private func header(_ html: inout HTMLText) {
    html.element("h1", title)
    html.element("p", [("class", "lead")], lead)
    facts(&html)
    for note in notes {
      html.element("p", [("class", "note")]) { html in
        html.markup("<strong>Note:</strong> ")
        html.text(note)
      }
    }
  }

  /// One section of the page.
  struct Section {
    var id: String
    var title: String
    var body: (inout HTMLText) -> Void
  }

  private var sections: [Section] {
    let statistics = data.statistics
    var sections = [Section(id: "summary", title: "Summary", body: summary)]
    if !statistics.findings.isEmpty {
      sections.append(Section(id: "findings", title: "What stands out", body: findings))
    }
    sections += plots(data.runner, prefix: "")
    sections.append(Section(id: "reasons", title: "Exits by reason", body: reasons))
    for places in data.runner.places {
      sections.append(
        Section(id: Self.id(places.dimension), title: Self.title(places.dimension)) {
          self.places(places, prefix: "", &$0)
        })
    }
    for table in data.runner.tables {
      let dimension = table.dimensions[0]
      sections.append(
        Section(id: "by-" + dimension.rawValue, title: Self.title(dimension)) {
          self.table(table, caption: Self.caption(dimension), &$0)
        })
    }
    if !statistics.interrupts.rows.isEmpty || !statistics.halts.rows.isEmpty
      || !statistics.hostMade.rows.isEmpty
    {
      sections.append(
        Section(id: "interrupts", title: "Interrupts, HLT and kicks", body: interrupts))
    }
    if !data.runner.slowest.isEmpty {
      sections.append(
        Section(id: "slowest", title: "Slowest exits") { slowest(data.runner.slowest, &$0) })
    }
    if data.console.isStripped || !data.console.lines.isEmpty {
      sections.append(Section(id: "console", title: "Console", body: console))
    }
    if let kernel = data.kernel {
      sections.append(
        Section(id: "kernel", title: "Kernel exits", body: kernelTable))
      sections += plots(kernel, prefix: "kernel-")
      for places in kernel.places {
        sections.append(
          Section(
            id: "kernel-" + Self.id(places.dimension),
            title: "Kernel: " + Self.title(places.dimension)
          ) { self.places(places, prefix: "kernel-", &$0) })
      }
    }
    sections.append(Section(id: "metadata", title: "Metadata", body: metadata))
    return sections
  }

  private func plots(_ view: ReportView, prefix: String) -> [Section] {
    let word = prefix.isEmpty ? "" : "Kernel: "
    var sections: [Section] = []
    if view.timeline.intervalCount > 0 {
      sections.append(
        Section(
          id: prefix + "timeline", title: word + (word.isEmpty ? "Timeline" : "timeline")
        ) { timeline(view.timeline, prefix: prefix, &$0) })
    }
    if !view.timeline.latencies.isEmpty {
      sections.append(
        Section(
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
