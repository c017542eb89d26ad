internal import Analysis
public import Trace

/// What an exit is called: by its kind and by the port, address or MSR it is about.
public struct Place: Sendable {
  /// The exit's kind.
  public var kind: EventKind
  /// Port, guest physical address, MSR index or kick cause; `nil` where the kind has none, and for
  /// all places beyond the table's limit.
  public var address: UInt64?
  /// perf's spelling: `0x3f8:POUT`, `0xfed00000:W`, `hlt`.
  public var name: String
  /// What the data sheet calls the place, when it has a name: `COM1 THR`.
  public var label: String?
  /// What a slice of a timeline is called: `out 0x3f8 COM1 THR`.
  public var title: String
}

/// The places a reel's events are about, numbered in the order they come.
public struct PlaceTable {
  /// Places told apart: a hostile guest makes exits at millions of addresses.
  public static let limit = 1 << 16

  private struct Key: Hashable {
    var kind: EventKind
    var address: UInt64?
  }

  /// The places so far.
  public private(set) var places: [Place] = []
  private var numbers: [Key: Int] = [:]
  /// Numbers + 1 of port reads and writes: most exits, found without hashing.
  private var ports = [Int32](repeating: 0, count: 2 << 16)

  /// An empty table.
  public init() {}

  /// The number of an event's place.
  public mutating func number(of event: Event) -> Int {
    let isPort = event.kind == .portWrite || event.kind == .portRead
    guard isPort, event.address < 1 << 16 else { return look(up: event) }
    let slot = Int(event.address) << 1 | (event.kind == .portWrite ? 1 : 0)
    if ports[slot] == 0 { ports[slot] = Int32(look(up: event)) + 1 }
    return Int(ports[slot]) - 1
  }

  private mutating func look(up event: Event) -> Int {
    let hasAddress: Bool =
      switch event.kind {
      case .portWrite, .portRead, .memoryWrite, .memoryRead, .msrWrite, .msrRead, .kick,
        .systemEvent, .failure:
        true
      default: false
      }
    var key = Key(kind: event.kind, address: hasAddress ? event.address : nil)
    if let number = numbers[key] { return number }
    // There are at most 256 kinds to go beyond the limit with.
    if key.address != nil, places.count >= Self.limit {
      key.address = nil
      if let number = numbers[key] { return number }
    }
    numbers[key] = places.count
    places.append(Self.place(key))
    return places.count - 1
  }

  private static func place(_ key: Key) -> Place {
    let kind = key.kind
    guard let address = key.address else {
      return Place(kind: kind, address: nil, name: kind.name, label: nil, title: kind.name)
    }
    let hex = HexWord(address).description
    let label = label(kind, address)
    let name: String
    switch kind {
    case .portWrite: name = hex + ":POUT"
    case .portRead: name = hex + ":PIN"
    case .memoryWrite, .msrWrite: name = hex + ":W"
    case .memoryRead, .msrRead: name = hex + ":R"
    case .kick:
      let cause = KickReason(rawValue: address)?.name ?? "cause-\(address)"
      return Place(
        kind: kind, address: address, name: "kick:" + cause, label: nil, title: "kick " + cause)
    default: name = kind.name + ":" + hex
    }
    return Place(
      kind: kind, address: address, name: name, label: label,
      title: kind.name + " " + hex + (label.map { " " + $0 } ?? ""))
  }

  private static func label(_ kind: EventKind, _ address: UInt64) -> String? {
    switch kind {
    case .portWrite, .portRead: PortNames.name(of: address, isWrite: kind == .portWrite)
    case .msrWrite, .msrRead: MSRNames.name(of: address)
    default: nil
    }
  }
}
