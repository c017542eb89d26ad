/// The two formats that are a row of text for each record.
public enum RowFormat: Sendable {
  /// Comma-separated values under a heading (RFC 4180); what is absent is an empty cell.
  case csv
  /// One JSON object a line, the first one naming the schema; what is absent is left out.
  case jsonLines
}

/// Writes rows of named columns, field by field in the columns' order.
struct RowWriter {
  private let format: RowFormat
  /// The key before each column's value, or the comma.
  private let leads: [[UInt8]]
  private var column = 0
  private var output: ByteOutput

  /// Begins a table with its heading.
  init(
    _ format: RowFormat, table: String, columns: [String], facts: ExportFacts, to output: ByteOutput
  ) {
    self.format = format
    self.output = output
    switch format {
    case .csv:
      leads = columns.indices.map { $0 == 0 ? [] : [0x2c] }
      self.output.bytes.append(text: columns.joined(separator: ",") + "\n")
    case .jsonLines:
      leads = columns.enumerated().map { index, name in
        Array(((index == 0 ? "{\"" : ",\"") + name + "\":").utf8)
      }
      self.output.bytes.append(text: "{\"schema\":\"vmreel.\(table)/1\"")
      for (name, value) in facts.all {
        self.output.bytes.append(text: ",\"\(name)\":")
        self.output.bytes.append(json: value)
      }
      self.output.bytes.append(text: "}\n")
    }
  }

  /// Text as the format has it, to be kept and added often.
  static func encoded(_ text: String, _ format: RowFormat) -> [UInt8] {
    var bytes: [UInt8] = []
    switch format {
    case .csv: bytes.append(csv: text)
    case .jsonLines: bytes.append(json: text)
    }
    return bytes
  }

  mutating func add(decimal value: UInt64) {
    lead()
    output.bytes.append(decimal: value)
  }

  mutating func add(decimal value: UInt64?) {
    if let value { add(decimal: value) } else { addNothing() }
  }

  mutating func add(hex value: UInt64?) {
    guard let value else { return addNothing() }
    lead()
    quote()
    output.bytes.append(hex: value)
    quote()
  }

  mutating func add(hexBytes bytes: ArraySlice<UInt8>) {
    guard !bytes.isEmpty else { return addNothing() }
    lead()
    quote()
    output.bytes.append(hexBytes: bytes)
    quote()
  }

  /// Adds text that ``encoded(_:_:)`` made.
  mutating func add(encoded: [UInt8]?) {
    guard let encoded else { return addNothing() }
    lead()
    output.bytes.append(contentsOf: encoded)
  }

  mutating func endRow() throws {
    column = 0
    if format == .jsonLines { output.bytes.append(character: "}") }
    output.bytes.append(character: "\n")
    try output.handOnIfFull()
  }

  mutating func finish() throws {
    try output.handOn()
  }

  private mutating func lead() {
    output.bytes.append(contentsOf: leads[column])
    column += 1
  }

  private mutating func addNothing() {
    if format == .csv { lead() } else { column += 1 }
  }

  private mutating func quote() {
    if format == .jsonLines { output.bytes.append(character: "\"") }
  }
}
