internal import Analysis
internal import Trace

extension EventDescription {
  /// The event as one JSON object on one line, its keys in fixed order, 64-bit values as hex.
  ///
  /// Fields that are zero or do not apply are left out, `index`, `kind` and `rip` never.
  public var jsonLine: String {
    let event = record.event
    var fields = ["\"index\":\(record.index)", "\"kind\":" + EscapedText.json(event.kind.name)]
    func add(_ key: String, _ text: String, when applies: Bool) {
      if applies { fields.append("\"\(key)\":\(text)") }
    }
    func quotedHex(_ value: UInt64) -> String { "\"" + NumberText.hex(value) + "\"" }
    add("vcpu", String(event.vcpu), when: event.vcpu != 0)
    add("stream", String(event.stream), when: event.stream != 0)
    add("width", String(event.width), when: event.width != 0)
    add("count", String(event.count), when: event.count != 0)
    add("address", quotedHex(event.address), when: hasAddress)
    add("name", EscapedText.json(placeName ?? ""), when: placeName != nil)
    add("value", quotedHex(event.value), when: hasValue)
    add("payload", "\"" + payloadHex + "\"", when: !record.payload.isEmpty)
    add("timestamp", quotedHex(event.timestamp), when: event.timestamp != 0)
    add("device", String(event.device), when: event.device != 0)
    add("image", String(event.image), when: event.image != 0)
    add("waited", String(event.waited), when: event.waited != 0)
    add("rip", quotedHex(event.rip), when: true)
    add("check", quotedHex(UInt64(event.check)), when: true)
    add("digest", quotedHex(event.digest), when: event.flags.contains(.fullDigest))
    add("entryNanoseconds", String(event.entryTime), when: times)
    add("exitNanoseconds", String(event.exitTime), when: times)
    return "{" + fields.joined(separator: ",") + "}"
  }

  /// The heading of the CSV form.
  public static func csvHeading(times: Bool = false) -> String {
    "index,kind,vcpu,stream,width,count,address,name,value,payload,timestamp,device,image,waited,rip,check,digest"
      + (times ? ",entry_ns,exit_ns" : "")
  }

  /// The event as one CSV row; fields that do not apply are empty.
  public var csvRow: String {
    let event = record.event
    var cells = [
      String(record.index), event.kind.name, String(event.vcpu), String(event.stream),
      String(event.width), String(event.count),
      hasAddress ? NumberText.hex(event.address) : "", placeName ?? "",
      hasValue ? NumberText.hex(event.value) : "", payloadHex, NumberText.hex(event.timestamp),
      String(event.device), String(event.image), String(event.waited),
      NumberText.hex(event.rip), NumberText.hex(UInt64(event.check)),
      event.flags.contains(.fullDigest) ? NumberText.hex(event.digest) : "",
    ]
    if times { cells += [String(event.entryTime), String(event.exitTime)] }
    return cells.map(EscapedText.csv).joined(separator: ",")
  }

  private var payloadHex: String {
    record.payload.map { NumberText.hex(UInt64($0), digits: 2).dropFirst(2) }.joined()
  }

  private var hasAddress: Bool {
    switch record.event.kind {
    case .inputData, .halt, .shutdown, .interruptWindow, .windowRequest: record.event.address != 0
    default: true
    }
  }

  private var hasValue: Bool {
    switch record.event.kind {
    case .portWrite, .memoryWrite, .msrWrite, .inputData: record.payload.isEmpty
    default: record.event.value != 0
    }
  }
}
