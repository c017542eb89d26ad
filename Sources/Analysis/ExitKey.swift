public import Trace

/// Which exits a table shows, in perf's words.
public enum ExitGrouping: String, Codable, Sendable, CaseIterable {
  /// All exits, by reason.
  case vmexit
  /// Port accesses, by port and direction.
  case ioport
  /// Accesses outside RAM, by guest physical address and direction.
  case mmio
  /// MSR accesses, by index and direction.
  case msr

  /// The grouping a kind's exits appear in besides `vmexit`, if any.
  public init?(detailing kind: EventKind) {
    switch kind {
    case .portWrite, .portRead: self = .ioport
    case .memoryWrite, .memoryRead: self = .mmio
    case .msrWrite, .msrRead: self = .msr
    default: return nil
    }
  }
}

/// What exits are counted by: the kind alone, or the kind at an address.
struct ExitKey: Hashable, Sendable {
  var kind: EventKind
  /// Port, guest physical address or MSR index; `nil` when not told apart by it.
  var address: UInt64?

  /// perf's spelling: `0x3f8:POUT`, `0xfed00000:W`; a kind's name alone without an address.
  var name: String {
    let place = address.map { HexWord($0).description } ?? "other"
    return switch kind {
    case .portWrite: place + ":POUT"
    case .portRead: place + ":PIN"
    case .memoryWrite, .msrWrite: place + ":W"
    case .memoryRead, .msrRead: place + ":R"
    default: kind.name
    }
  }

  /// What the data sheet calls the place, when it has a name.
  var label: String? {
    guard let address else { return nil }
    return switch kind {
    case .portWrite, .portRead: PortNames.name(of: address, isWrite: kind == .portWrite)
    case .msrWrite, .msrRead: MSRNames.name(of: address)
    default: nil
    }
  }
}
