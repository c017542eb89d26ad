internal import Analysis

/// The totals of `diff`: a table for each kind of place, all in the same columns.
struct TotalsText {
  /// The most rows of a table.
  var limit = 20
  /// Whether rows of equal counts are shown.
  var showsEqual = false

  /// The tables, and a line that sums them up.
  func lines(_ totals: [TotalDifference], omitted: OmittedTotals? = nil) -> [String] {
    guard !totals.isEmpty || omitted != nil else { return [] }
    let hasTimes = totals.contains { $0.deltaNanoseconds != nil }
    let columns = hasTimes ? 11 : 5
    var table = TextTable(
      alignments: [.left] + Array(repeating: .right, count: columns - 1))
    var hidden = 0
    for place in ReelTotals.Place.allCases {
      let rows = totals.filter { $0.place == place }
      let shown = showsEqual ? rows : rows.filter { $0.delta != 0 }
      hidden += rows.count - shown.count
      guard !shown.isEmpty else { continue }
      table.add(Array(repeating: "", count: columns))
      table.add(Self.heading(place, hasTimes: hasTimes))
      for row in shown.prefix(limit) { table.add(Self.cells(row, hasTimes: hasTimes)) }
      if shown.count > limit {
        table.add(
          ["(\(shown.count - limit) more)"] + Array(repeating: "", count: columns - 1))
      }
    }
    var lines = ["", summary(totals)] + (omitted.map { [Self.remark($0)] } ?? []) + table.lines
    if hidden > 0 {
      let rows = NumberText.count(UInt64(hidden), "row has equal counts", "rows have equal counts")
      lines += ["", "(\(rows); --all shows \(hidden == 1 ? "it" : "them"))"]
    }
    return lines
  }

  /// What is not counted.
  static func remark(_ omitted: OmittedTotals) -> String {
    "Not counted, since not compared: \(omitted.places.joined(separator: ", ")) "
      + "(A \(omitted.a), B \(omitted.b))."
  }

  /// The counts of all exits, and what handling them took.
  func summary(_ totals: [TotalDifference]) -> String {
    let reasons = totals.filter { $0.place == .reason }
    let (a, b) = (reasons.reduce(0) { $0 &+ $1.a }, reasons.reduce(0) { $0 &+ $1.b })
    var text = "Exits: A \(a), B \(b)"
    let change = Int64(clamping: b) - Int64(clamping: a)
    let sign = change > 0 ? "+" : ""
    text += a == b ? ", as many." : " (\(sign)\(change), \(TotalsColumn.change(a, b)))."
    guard totals.contains(where: { $0.deltaNanoseconds != nil }) else { return text }
    let busy = reasons.filter { !$0.isIdle }
    let timeA = busy.reduce(0) { $0 &+ ($1.timesA?.totalNanoseconds ?? 0) }
    let timeB = busy.reduce(0) { $0 &+ ($1.timesB?.totalNanoseconds ?? 0) }
    text += " Handling them, HLT aside: A \(NumberText.duration(timeA)), "
    text += "B \(NumberText.duration(timeB))"
    text += " (\(TotalsColumn.change(timeA, timeB)))."
    return text
  }

  private static func heading(_ place: ReelTotals.Place, hasTimes: Bool) -> [String] {
    let time = place == .vector ? "Waited" : "Time"
    let counts = [TotalsColumn.heading(place), "A", "B", "Delta", "%"]
    guard hasTimes else { return counts }
    return counts + ["\(time) A", "\(time) B", "Delta", "p50 A", "p50 B", "p99 A → B"]
  }

  private static func cells(_ row: TotalDifference, hasTimes: Bool) -> [String] {
    let counts = [
      TotalsColumn.name(row.name, row.label, isIdle: row.isIdle && hasTimes),
      String(row.a), String(row.b), TotalsColumn.signed(Double(row.delta), decimals: 0),
      row.b == 0 && row.a > 0 ? "gone" : TotalsColumn.percent(row.percent),
    ]
    guard hasTimes else { return counts }
    let (a, b) = (row.timesA, row.timesB)
    func time(_ nanoseconds: UInt64?) -> String {
      nanoseconds.map { NumberText.microseconds($0) } ?? "-"
    }
    return counts + [
      a.map { NumberText.duration($0.totalNanoseconds) } ?? "-",
      b.map { NumberText.duration($0.totalNanoseconds) } ?? "-",
      row.deltaNanoseconds.map { TotalsColumn.duration($0) } ?? "-",
      time(a?.p50Nanoseconds), time(b?.p50Nanoseconds),
      time(a?.p99Nanoseconds) + " → " + time(b?.p99Nanoseconds),
    ]
  }
}

/// What the columns of totals have in common.
enum TotalsColumn {
  static func heading(_ place: ReelTotals.Place) -> String {
    switch place {
    case .reason: "Reasons"
    case .port: "Ports"
    case .gpa: "Addresses"
    case .msr: "MSRs"
    case .kick: "Kicks (the host's)"
    case .vector: "Interrupts"
    }
  }

  /// `0x3f8:POUT COM1 THR`; names come from reels.
  static func name(_ name: String, _ label: String?, isIdle: Bool) -> String {
    EscapedText.terminal(name) + (label.map { " " + $0 } ?? "") + (isIdle ? " (idle)" : "")
  }

  /// With its sign; 0 has none.
  static func signed(_ value: Double, decimals: Int) -> String {
    (value > 0 ? "+" : "") + NumberText.fixed(value, decimals: decimals)
  }

  /// `new` where there is nothing to compare with.
  static func percent(_ percent: Double?) -> String {
    percent.map { signed($0, decimals: 2) } ?? "new"
  }

  /// `+2.26%`; `new` where there was nothing.
  static func change(_ a: UInt64, _ b: UInt64) -> String {
    a == 0 ? "new" : signed(100 * (Double(b) - Double(a)) / Double(a), decimals: 2) + "%"
  }

  /// Nanoseconds with their sign in the unit that suits them.
  static func duration(_ nanoseconds: Int64) -> String {
    (nanoseconds > 0 ? "+" : nanoseconds < 0 ? "-" : "")
      + NumberText.duration(nanoseconds.magnitude)
  }
}
