/// Columns of text, as wide as their widest cell.
public struct TextTable {
  /// Which side of its column a cell's text is at.
  public enum Alignment: Sendable {
    /// At the left.
    case left
    /// At the right.
    case right
  }

  private let alignments: [Alignment]
  private var rows: [[String]] = []

  /// Makes a table; each column has a heading and a side.
  public init(_ columns: [(heading: String, alignment: Alignment)]) {
    alignments = columns.map(\.alignment)
    rows = [columns.map(\.heading)]
  }

  /// Makes a table without headings.
  public init(alignments: [Alignment]) {
    self.alignments = alignments
  }

  /// Adds a row; it must have a cell for each column.
  public mutating func add(_ cells: [String]) {
    rows.append(cells)
  }

  /// The lines, two blanks between columns, none at the ends.
  public var lines: [String] {
    let widths = alignments.indices.map { column in
      rows.map { $0[column].count }.max() ?? 0
    }
    return rows.map { row in
      var line = ""
      for (column, cell) in row.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        line += column == 0 ? "" : "  "
        line += alignments[column] == .left ? cell + padding : padding + cell
      }
      while line.last == " " { line.removeLast() }
      return line
    }
  }

  /// The lines of a Markdown table; the first row is its heading.
  public var markdownLines: [String] {
    guard let heading = rows.first else { return [] }
    let rule = alignments.map { $0 == .left ? ":--" : "--:" }
    return ([heading, rule] + rows.dropFirst()).map { row in
      "| " + row.map { EscapedText.markdown($0) }.joined(separator: " | ") + " |"
    }
  }
}
