internal import Reporting

/// Median and extremes of one variant's rounds, in the bench's unit.
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

/// The variants of a bench side by side; ratios are to the first one's median.
struct BenchTable {
  /// What the figures count: `ns/exit`, `seconds`.
  var unit: String
  /// Decimals of the figures; ratios have three.
  var decimals: Int
  var rows: [(name: String, spread: Spread)]

  var text: String {
    let heading = ["variant", unit, "min", "max", "ratio"]
    return ([heading] + cells).map { row in
      row.dropLast().enumerated().map { pad($1, $0 == 0 ? 18 : 10) }.joined() + row[4] + "\n"
    }.joined()
  }

  /// - Parameter suffix: what the columns' names end in: `ns`, `s`.
  func csv(suffix: String) -> String {
    "variant,median_\(suffix),min_\(suffix),max_\(suffix),ratio\n"
      + cells.map { $0.joined(separator: ",") + "\n" }.joined()
  }

  private var cells: [[String]] {
    rows.map { row in
      [row.name]
        + [row.spread.median, row.spread.minimum, row.spread.maximum].map {
          NumberText.fixed($0, decimals: decimals)
        }
        + [NumberText.fixed(row.spread.median / (rows.first?.spread.median ?? 0), decimals: 3)]
    }
  }

  private func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }
}
