public import Analysis
internal import Trace

/// What differs between two reels as one HTML file, in the style of a report.
///
/// Equal data make equal bytes.
public struct HTMLDifference {
  /// Stretches that are told of at most.
  public static let maximumHunks = 500
  /// Rows of a table at most: a page must open at once.
  static let maximumRows = 300

  let data: DifferenceReportData
  let nameA: String
  let nameB: String
  /// The symbols of the reels' kernels.
  public var symbols: (a: SymbolTable?, b: SymbolTable?) = (nil, nil)
  /// Whether stretches that differ are shown event by event.
  public var isFull = false

  /// Makes a report of two reels by these names.
  public init(_ data: DifferenceReportData, nameA: String, nameB: String) {
    self.data = data
    self.nameA = nameA
    self.nameB = nameB
  }

  var difference: ReelDifference { data.difference }

  /// The file's text, UTF-8.
  public func render() -> String {
    HTMLPage(
      title: "\(shortA) against \(shortB)", kind: "diff", header: header, sections: sections,
      footer: { $0.markup("Made by <code>vmreel diff</code>. ") }
    ).render()
  }

  private var shortA: String { Self.short(nameA) }
  private var shortB: String { Self.short(nameB) }

  private static func short(_ path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }

  private func header(_ html: inout HTMLText) {
    html.element("h1") { html in
      html.markup("<b class=\"side\">A</b> ")
      html.text(shortA)
      html.markup(" <span class=\"against\">against</span> <b class=\"side\">B</b> ")
      html.text(shortB)
    }
    html.element("p", [("class", "lead")]) { html in
      html.element(
        "strong", [("class", difference.areEqual ? "verdict same" : "verdict")],
        difference.areEqual ? "The same" : "Different")
      html.markup(" ")
      html.text(verdict)
    }
    html.definitions(
      [("A", side(nameA, data.metadataA)), ("B", side(nameB, data.metadataB))],
      style: "facts short")
    html.notes(difference.limits)
  }

  private func side(_ name: String, _ metadata: Metadata) -> String {
    "\(name): \(metadata.guest.name) (\(metadata.guest.kind)) by \(metadata.tool) on "
      + "\(metadata.host.cpu), Linux \(metadata.host.kernel), \(metadata.host.kvmModule)"
  }

  /// The sentence under the heading.
  private var verdict: String {
    if difference.isOfCounts {
      return difference.areEqual ? "The counts are equal." : "The counts differ."
    }
    guard let first = difference.firstDifference else {
      let events = NumberText.count(difference.commonEvents, "event")
      let extent = difference.usedDigests ? " after the last common digest" : ""
      return difference.kind.name == .same
        ? "The deterministic streams are equal: \(events)\(extent)."
        : difference.kind.sentence + " \(events)\(extent) agree."
    }
    let places = [("A", first.a), ("B", first.b)].compactMap { side, record in
      record.map { "event \($0.index) of \(side)" }
    }
    return difference.kind.sentence + " First difference: " + places.joined(separator: ", ") + "."
  }

  private var sections: [HTMLPage.Section] {
    var sections: [HTMLPage.Section] = []
    if !difference.isOfCounts {
      sections.append(HTMLPage.Section(id: "summary", title: "Summary", body: summary))
    }
    if difference.firstDifference != nil {
      sections.append(HTMLPage.Section(id: "first", title: "First difference", body: first))
    }
    if difference.explanation != nil || difference.memory != nil {
      sections.append(HTMLPage.Section(id: "states", title: "Why, and states", body: states))
    }
    if difference.map != nil, data.timelineA.intervalCount + data.timelineB.intervalCount > 0 {
      sections.append(HTMLPage.Section(id: "timelines", title: "Timelines", body: timelines))
    }
    if let hunks = difference.hunks {
      sections.append(
        HTMLPage.Section(id: "hunks", title: "Stretches that differ") {
          self.hunks(hunks, prefix: "hunk-", &$0)
        })
    }
    if let streams = difference.streams {
      sections += [
        HTMLPage.Section(id: "exits", title: "Exits by themselves") {
          self.hunks(streams.guest, prefix: "exit-hunk-", &$0)
        },
        HTMLPage.Section(id: "interrupts", title: "Interrupts by themselves") {
          self.hunks(streams.interrupts, prefix: "interrupt-hunk-", &$0)
        },
      ]
    }
    if !data.consoles.isEmpty {
      sections.append(HTMLPage.Section(id: "console", title: "Console", body: consoles))
    }
    if !difference.totals.isEmpty || difference.omittedTotals != nil {
      sections.append(HTMLPage.Section(id: "totals", title: "Totals", body: totals))
    }
    sections += [
      HTMLPage.Section(id: "configuration", title: "Configuration", body: configuration),
      HTMLPage.Section(id: "compared", title: "Not compared", body: notCompared),
    ]
    return sections
  }
}
