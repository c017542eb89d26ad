internal import Analysis
internal import Trace

/// Two events field by field, side by side, the differing fields marked.
struct EventComparison {
  private static let shownPayload = 16
  private let a: EventRecord
  private let b: EventRecord
  private let differing: Set<EventField>

  init(_ a: EventRecord, _ b: EventRecord, differing: [EventField]) {
    self.a = a
    self.b = b
    self.differing = Set(differing)
  }

  /// A field of both events.
  struct Row {
    var name: String
    var isDifferent: Bool
    var a: String
    var b: String
  }

  /// The fields; those both events leave at zero are left out.
  var rows: [Row] {
    [Row(name: "index", isDifferent: false, a: String(a.index), b: String(b.index))]
      + EventField.allCases.compactMap { field in
        let (first, second) = (Self.text(field, of: a), Self.text(field, of: b))
        let isDifferent = differing.contains(field)
        guard first != "" || second != "" || isDifferent else { return nil }
        return Row(name: field.rawValue, isDifferent: isDifferent, a: first, b: second)
      }
  }

  /// The lines: mark, field, A, B.
  var lines: [String] {
    var table = TextTable(alignments: [.left, .left, .left, .left])
    table.add(["  ", "", "A", "B"])
    for row in rows { table.add([row.isDifferent ? " *" : "  ", row.name, row.a, row.b]) }
    return table.lines
  }

  private static func text(_ field: EventField, of record: EventRecord) -> String {
    let event = record.event
    switch field {
    case .kind: return event.kind.name
    case .vcpu: return event.vcpu == 0 ? "" : String(event.vcpu)
    case .width: return event.width == 0 ? "" : String(event.width)
    case .count: return event.count == 0 ? "" : String(event.count)
    case .address: return NumberText.hex(event.address)
    case .value: return NumberText.hex(event.value)
    case .timestamp: return event.timestamp == 0 ? "" : String(event.timestamp)
    case .device: return event.device == 0 ? "" : String(event.device)
    case .image: return event.image == 0 ? "" : String(event.image - 1)
    case .payload: return payloadText(record.payload)
    case .rip: return NumberText.hex(event.rip)
    case .check:
      return event.flags.contains(.fullDigest)
        ? NumberText.hex(event.digest, digits: 16)
        : NumberText.hex(UInt64(event.check), digits: 2)
    }
  }

  private static func payloadText(_ payload: [UInt8]) -> String {
    guard !payload.isEmpty else { return "" }
    let shown = payload.prefix(shownPayload)
      .map { NumberText.hex(UInt64($0), digits: 2).dropFirst(2) }.joined(separator: " ")
    return shown + (payload.count > shownPayload ? " … (\(payload.count) bytes)" : "")
  }
}
