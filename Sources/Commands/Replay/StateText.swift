internal import Analysis

/// The guest's state as text: registers in columns, memory as a hex dump.
enum StateText {
  static func render(_ report: StateReport) -> String {
    var lines = ["state after event \(report.shownAfterEvent)"]
    lines += columns(report.registers, in: 3)
    lines += report.segments.map(segment)
    lines += report.descriptorTables.map(segment)
    lines += columns(report.control, in: 3) + columns(report.debug, in: 3)
    lines += report.modelSpecific.map {
      "  " + pad("msr \($0.name)", 24) + digits($0.value.value, 16)
    }
    if report.multiprocessingState != 0 {
      lines.append("  mp_state \(report.multiprocessingState)")
    }
    lines += report.eventsInFlight.map { "  in flight: \($0)" }
    if let tables = report.pageTables { lines += pageTables(tables) }
    for memory in report.memory { lines += hexDump(memory) }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func columns(_ registers: [StateReport.Register], in count: Int) -> [String] {
    let cells = registers.map { pad($0.name, 9) + digits($0.value.value, 16) }
    return stride(from: 0, to: cells.count, by: count).map {
      "  " + cells[$0..<min($0 + count, cells.count)].joined(separator: "  ")
    }
  }

  private static func segment(_ segment: StateReport.Segment) -> String {
    var text = "  " + pad(segment.name, 9)
    text += segment.selector.map { digits($0.value, 4) } ?? "    "
    text += " base \(digits(segment.base.value, 16)) limit \(digits(segment.limit.value, 8))"
    if let type = segment.type, let attributes = segment.attributes {
      text += " type \(type) attributes \(digits(attributes.value, 2))"
    }
    return text + (segment.isUnusable == true ? " unusable" : "")
  }

  private static func pageTables(_ tables: StateReport.PageTableReport) -> [String] {
    if let absent = tables.absent { return ["page tables: \(absent)"] }
    var lines = ["page tables: \(tables.ranges.count) ranges"]
    lines += tables.ranges.map { range in
      let last = range.virtualAddress.value &+ (range.byteCount - 1)
      return "  \(digits(range.virtualAddress.value, 16))-\(digits(last, 16)) -> "
        + "\(digits(range.physicalAddress.value, 12)) r\(range.isWritable ? "w" : "-")"
        + "\(range.isExecutable ? "x" : "-") \(range.isUser ? "user" : "kernel")"
    }
    if tables.isTruncated { lines.append("  … more are not listed") }
    return lines
  }

  /// Sixteen bytes a line, in hex and as text.
  private static func hexDump(_ memory: StateReport.MemoryReport) -> [String] {
    let kind = memory.isVirtual ? "virtual" : "physical"
    var lines = ["memory at \(kind) \(memory.address), \(memory.content.count) bytes"]
    for start in stride(from: 0, to: memory.content.count, by: 16) {
      let bytes = memory.content[start..<min(start + 16, memory.content.count)]
      let hex = bytes.map { digits(UInt64($0), 2) }.joined(separator: " ")
      let text = bytes.map { (0x20..<0x7f).contains($0) ? String(UnicodeScalar($0)) : "." }.joined()
      lines.append(
        "  \(digits(memory.address.value &+ UInt64(start), 16))  \(pad(hex, 49))|\(text)|")
    }
    return lines
  }

  private static func digits(_ value: UInt64, _ count: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, count - text.count)) + text
  }

  private static func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }
}
