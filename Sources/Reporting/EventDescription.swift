public import Analysis
internal import Trace

/// One event as text: for `dump` and for divergence reports.
///
/// The text depends on the event alone, so that dumps of equal guests can be compared by `diff`;
/// host times appear only when asked for.
public struct EventDescription {
  /// Payload bytes shown in a line.
  static let shownPayload = 32

  let record: EventRecord
  let times: Bool

  /// Describes an event.
  ///
  /// - Parameter times: whether to show host times, in nanoseconds since the start.
  public init(_ record: EventRecord, times: Bool = false) {
    self.record = record
    self.times = times
  }

  /// One line: index, kind, what it did, RIP.
  public var line: String {
    let event = record.event
    var parts = [padded(String(record.index), to: 8, left: true), padded(event.kind.name, to: 14)]
    let action = action
    if !action.isEmpty { parts.append(action) }
    if let console = consoleText { parts.append(console) }
    if event.vcpu != 0 { parts.append("vcpu=\(event.vcpu)") }
    if event.kind.isExit { parts.append("rip=" + NumberText.hex(event.rip)) }
    if times, event.kind.isExit {
      parts.append("entry=\(event.entryTime)ns exit=\(event.exitTime)ns")
      if event.flags.contains(.tainted) { parts.append("tainted") }
    }
    var line = parts.joined(separator: " ")
    while line.last == " " { line.removeLast() }
    return line
  }

  /// What the event did, decoded: `0x3f8:1 COM1 THR = 0x41`.
  var action: String {
    let event = record.event
    switch event.kind {
    case .portWrite, .memoryWrite, .msrWrite: return place + " = " + data
    case .portRead, .memoryRead, .msrRead: return place
    case .inputData:
      return "= "
        + (event.timestamp != 0 && event.value == 0 && event.width == 8
          ? "TSC \(event.timestamp)" : data)
    case .deviceWrite: return transfer
    case .interrupt:
      return "vector " + NumberText.hex(event.address, digits: 2)
        + (event.waited == 0 ? "" : " waited " + NumberText.count(UInt64(event.waited), "event"))
    case .kick: return KickReason(rawValue: event.address)?.name ?? "cause-\(event.address)"
    case .keyframe, .resync: return "#\(event.address)"
    case .halt, .shutdown, .interruptWindow, .windowRequest: return ""
    case .systemEvent: return "type \(event.address)"
    case .failure:
      return "KVM_EXIT \(event.address), detail " + NumberText.hex(event.value)
    default:
      return "address=\(NumberText.hex(event.address)) value=\(data)"
    }
  }

  /// What a device wrote into memory, and where the data are.
  private var transfer: String {
    let event = record.event
    let source =
      event.image == 0
      ? data : "image \(event.image - 1) at " + NumberText.hex(event.value)
    return "device \(event.device): \(event.count) bytes to \(NumberText.hex(event.address)) = "
      + source
  }

  /// The address with the access's shape, and its name when it has one.
  private var place: String {
    let event = record.event
    let shape = event.width == 0 ? "" : ":\(event.width)"
    let count = event.count > 1 ? "x\(event.count)" : ""
    return NumberText.hex(event.address) + shape + count + (placeName.map { " " + $0 } ?? "")
  }

  /// The name of the port or MSR, if it has one.
  var placeName: String? {
    let event = record.event
    return switch event.kind {
    case .portWrite: PortNames.name(of: event.address, isWrite: true)
    case .portRead: PortNames.name(of: event.address, isWrite: false)
    case .msrWrite, .msrRead: MSRNames.name(of: event.address)
    default: nil
    }
  }

  /// The value with as many digits as the access is wide, or the payload's first bytes.
  var data: String {
    let event = record.event
    guard record.payload.isEmpty else {
      let shown = record.payload.prefix(Self.shownPayload)
        .map { NumberText.hex(UInt64($0), digits: 2).dropFirst(2) }.joined(separator: " ")
      let rest = record.payload.count - min(record.payload.count, Self.shownPayload)
      return "[" + shown + (rest > 0 ? " … \(rest) more" : "") + "]"
    }
    // A report's context keeps events without their payloads.
    guard event.payloadLength == 0 else { return "[\(event.payloadLength) bytes]" }
    return NumberText.hex(event.value, digits: Int(event.width) * 2)
  }

  /// The printable form of what went to a console.
  var consoleText: String? {
    guard record.event.stream != 0 else { return nil }
    let bytes = ConsoleTranscript.consoleBytes(of: record.event, payload: record.payload[...])
    let text = bytes.prefix(Self.shownPayload).map(Self.character).joined()
    return "'" + text + "'" + (bytes.count > Self.shownPayload ? "…" : "")
  }

  private static func character(_ byte: UInt8) -> String {
    switch byte {
    case 0x0a: "\\n"
    case 0x0d: "\\r"
    case 0x09: "\\t"
    case 0x5c: "\\\\"
    case 0x27: "\\'"
    case 0x20...0x7e: String(UnicodeScalar(byte))
    default: "\\x" + NumberText.hex(UInt64(byte), digits: 2).dropFirst(2)
    }
  }

  private func padded(_ text: String, to width: Int, left: Bool = false) -> String {
    let padding = String(repeating: " ", count: max(0, width - text.count))
    return left ? padding + text : text + padding
  }
}
