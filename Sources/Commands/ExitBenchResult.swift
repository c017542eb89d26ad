/// Median and extremes of one variant's rounds, in nanoseconds per exit.
struct Spread: Encodable {
  var median: Double
  var minimum: Double
  var maximum: Double

  init(_ values: [Double]) {
    let sorted = values.sorted()
    median = (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    minimum = sorted.first ?? 0
    maximum = sorted.last ?? 0
  }

  /// Slowest minus fastest round, relative to the median.
  var relative: Double { (maximum - minimum) / median }
}

/// The figures of one set of rounds.
struct ExitBenchResult: Encodable {
  let schema = "vmreel.bench.exits/1"
  let unit = "nanoseconds per exit"
  var exits: Int
  var rounds: Int
  var bare: Spread
  var runner: Spread
  var recording: Spread
  var peakMiBWithoutGuestRAM: Int

  var isSteady: Bool { bare.relative <= ExitBench.steadySpread }

  private var rows: [(name: String, spread: Spread)] {
    [("bare KVM_RUN", bare), ("runner", runner), ("runner recording", recording)]
  }

  var text: String {
    var lines = [
      "variant           ns/exit   min       max       ratio"
    ]
    for row in rows {
      lines.append(
        pad(row.name, 18) + pad(round(row.spread.median), 10) + pad(round(row.spread.minimum), 10)
          + pad(round(row.spread.maximum), 10) + ratio(row.spread))
    }
    lines.append("\(exits) port writes a round, \(rounds) rounds, variants alternated; medians")
    lines.append("peak memory without guest RAM: \(peakMiBWithoutGuestRAM) MiB")
    return lines.map { $0 + "\n" }.joined()
  }

  var csv: String {
    "variant,median_ns,min_ns,max_ns,ratio\n"
      + rows.map {
        "\($0.name),\(round($0.spread.median)),\(round($0.spread.minimum)),"
          + "\(round($0.spread.maximum)),\(ratio($0.spread))\n"
      }.joined()
  }

  private func round(_ value: Double) -> String { String(Int(value.rounded())) }

  private func ratio(_ spread: Spread) -> String {
    let thousandths = Int((spread.median / bare.median * 1000).rounded())
    let fraction = String(thousandths % 1000)
    return "\(thousandths / 1000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
  }

  private func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }
}
