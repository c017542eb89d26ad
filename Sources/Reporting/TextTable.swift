/// Columns of text, as wide as their widest cell.
struct TextTable {
  /// Which side of its column a cell's text is at.
  enum Alignment {
    case left
    case right
  }

  private let alignments: [Alignment]
  private var rows: [[String]] = []

  /// Makes a table; each column has a heading and a side.
  init(_ columns: [(heading: String, alignment: Alignment)]) {
    alignments = columns.map(\.alignment)
    rows = [columns.map(\.heading)]
  }

  /// Makes a table without headings.
  init(alignments: [Alignment]) {
    self.alignments = alignments
  }

  /// Adds a row; it must have a cell for each column.
  mutating func add(_ cells: [String]) {
    rows.append(cells)
  }

  /// The lines, two blanks between columns, none at the ends.
  var lines: [String] {
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
}
