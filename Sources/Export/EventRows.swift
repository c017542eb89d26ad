public import Trace

/// The table of events as CSV or JSON Lines.
public struct EventRows: ExportTarget {
  /// The columns, in order; USER-GUIDE says what they hold.
  public static let columns = [
    "event", "kind", "vcpu", "address", "label", "width", "count", "value", "payload", "rip",
    "entry_ns", "exit_ns", "stream", "device", "image", "timestamp", "check", "digest", "tainted",
  ]

  /// Only events.
  public let needs = ExportNeeds.events
  private let hasTimes: Bool
  private var kinds: [[UInt8]]
  private var names: PlaceNames
  private var rows: RowWriter

  /// Begins the table.
  public init(_ format: RowFormat, facts: ExportFacts, to output: ByteOutput) {
    hasTimes = facts.hasTimes
    kinds = (0...255).map {
      RowWriter.encoded(EventKind(rawValue: UInt8($0)).name, format)
    }
    names = PlaceNames(format)
    rows = RowWriter(
      format, table: "events", columns: Self.columns, facts: facts, to: output)
  }

  /// Takes an event.
  public mutating func receive(
    _ event: Event, at index: EventIndex, payload: ArraySlice<UInt8>
  ) throws {
    let isExit = event.kind.isExit
    rows.add(decimal: index)
    rows.add(encoded: kinds[Int(event.kind.rawValue)])
    rows.add(decimal: UInt64(event.vcpu))
    rows.add(hex: event.hasAddress ? event.address : nil)
    rows.add(encoded: isExit ? names.label(of: event) : nil)
    rows.add(decimal: event.width == 0 ? nil : UInt64(event.width))
    rows.add(decimal: event.count == 0 ? nil : UInt64(event.count))
    rows.add(hex: event.hasValue ? event.value : nil)
    rows.add(hexBytes: payload)
    rows.add(hex: isExit ? event.rip : nil)
    rows.add(decimal: isExit && hasTimes ? event.entryTime : nil)
    rows.add(decimal: isExit && hasTimes ? event.exitTime : nil)
    rows.add(decimal: event.stream == 0 ? nil : UInt64(event.stream))
    rows.add(decimal: event.device == 0 ? nil : UInt64(event.device))
    rows.add(decimal: event.image == 0 ? nil : UInt64(event.image))
    rows.add(hex: event.timestamp == 0 ? nil : event.timestamp)
    rows.add(hex: event.kind.isGuestMade ? UInt64(event.check) : nil)
    rows.add(hex: event.flags.contains(.fullDigest) ? event.digest : nil)
    rows.add(decimal: event.flags.contains(.tainted) ? 1 : nil)
    try rows.endRow()
  }

  /// Takes a kernel exit.
  public mutating func receive(_ exit: KernelExitRecord) throws {}
  /// Takes what is left of the exits whose next entries were lost.
  public mutating func noteGap() throws {}
  /// Ends the export.
  public mutating func finish() throws { try rows.finish() }
}

extension Event {
  /// Whether the address means something: not at HLT, an answer, or an interrupt window.
  public var hasAddress: Bool {
    switch kind {
    case .inputData, .halt, .shutdown, .interruptWindow, .windowRequest: address != 0
    default: true
    }
  }

  /// Whether the data are a single element, in `value`.
  public var hasValue: Bool {
    switch kind {
    case .portWrite, .memoryWrite, .msrWrite, .inputData: payloadLength == 0
    default: value != 0
    }
  }
}

/// The labels and names of places, encoded once for each.
struct PlaceNames {
  private let format: RowFormat
  private var table = PlaceTable()
  private var labels: [[UInt8]?] = []
  private var names: [[UInt8]] = []

  init(_ format: RowFormat) {
    self.format = format
  }

  /// What the data sheet calls an event's place, encoded.
  mutating func label(of event: Event) -> [UInt8]? { labels[number(of: event)] }

  /// perf's spelling of an event's place, encoded.
  mutating func name(of event: Event) -> [UInt8] { names[number(of: event)] }

  private mutating func number(of event: Event) -> Int {
    let number = table.number(of: event)
    if number == labels.count {
      let place = table.places[number]
      labels.append(place.label.map { RowWriter.encoded($0, format) })
      names.append(RowWriter.encoded(place.name, format))
    }
    return number
  }
}
