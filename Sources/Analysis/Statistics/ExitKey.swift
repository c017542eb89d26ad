internal import Trace

/// What a row of a table stands for: a word for each dimension, at most four.
struct ExitKey: Hashable, Sendable {
  static let maximumDimensions = 4
  /// Stands for an exit that has nothing of the kind.
  static let none = UInt64.max
  /// Added to an event kind that stands where a kick's cause would.
  static let kindMark: UInt64 = 1 << 63
  /// The rows beyond a table's limit share this key.
  static let other = ExitKey(words: SIMD4(repeating: none), marks: .max)

  var words: SIMD4<UInt64>
  /// The instruction set in bits 0–7, whether it is a write in bit 8, a fetch in bit 9.
  var marks: UInt32 = 0

  /// Spreads the words over a table of a power of two.
  var slot: Int {
    let mixed =
      (words[0] &* 0x9e37_79b9_7f4a_7c15) ^ (words[1] &* 0xd6e8_feb8_6659_fd93)
      ^ (words[2] &* 0xa076_1d64_78bd_642f) ^ (words[3] &* 0xe703_7ed1_a0b4_28db) ^ UInt64(marks)
    return Int(truncatingIfNeeded: ((mixed ^ mixed >> 29) &* 0x9e37_79b9_7f4a_7c15) >> 40)
  }
}

/// Makes keys of exits.
struct ExitKeyMaker: Sendable {
  let dimensions: [ExitDimension]
  private let symbols: SymbolTable?
  private let ports: DevicePorts?
  private let hasAddressSpace: Bool
  private let needsDirection: Bool
  private let needsISA: Bool

  init(_ dimensions: [ExitDimension], _ names: ExitNames) {
    self.dimensions = dimensions
    symbols = names.symbols
    ports = names.ports
    hasAddressSpace = dimensions.contains { $0.space != nil }
    needsDirection = dimensions.contains { [.port, .gpa, .msr].contains($0) }
    needsISA = dimensions.contains(.reason)
  }

  /// The key; `nil` when the exit has none of the addresses asked for.
  func key(of exit: borrowing ExitSample) -> ExitKey? {
    var words = SIMD4<UInt64>(repeating: 0)
    var hasOne = !hasAddressSpace
    for place in dimensions.indices {
      let dimension = dimensions[place]
      if let space = dimension.space {
        guard space == exit.space else {
          words[place] = ExitKey.none
          continue
        }
        hasOne = true
      }
      words[place] = word(dimension, of: exit)
    }
    guard hasOne else { return nil }
    var marks: UInt32 = needsISA ? UInt32(exit.reason.isa) : 0
    if needsDirection, exit.space != .none {
      if exit.isWrite { marks |= 1 << 8 }
      if exit.traits.contains(.fetch) { marks |= 1 << 9 }
    }
    return ExitKey(words: words, marks: marks)
  }

  /// A kick's cause; of host-made exits this version does not know, their kind.
  private static func cause(of exit: borrowing ExitSample) -> UInt64 {
    exit.reason.kind == .kick
      ? min(exit.address, ExitKey.kindMark - 1) : ExitKey.kindMark | exit.reason.code
  }

  private func word(_ dimension: ExitDimension, of exit: borrowing ExitSample) -> UInt64 {
    switch dimension {
    case .reason: exit.reason.code
    case .port, .gpa, .msr, .vector: exit.address
    case .cause: Self.cause(of: exit)
    case .vcpu: UInt64(exit.vcpu)
    case .rip: exit.rip
    case .symbol: symbols?.symbol(at: exit.rip).map { UInt64($0.index) } ?? ExitKey.none
    case .device: ports?.number(ofPort: exit.address).map { UInt64($0) } ?? ExitKey.none
    case .phase: UInt64(exit.phase)
    case .wake:
      exit.wake == .interrupt
        ? 0x100 | UInt64(exit.wakeVector) : UInt64(exit.wake.rawValue)
    }
  }
}

extension ExitKey {
  /// The words as text, one for each dimension.
  func cells(_ dimensions: [ExitDimension], _ names: ExitNames) -> [String] {
    if self == .other { return dimensions.map { _ in "other" } }
    return dimensions.indices.map { cell(dimensions[$0], words[$0], names) }
  }

  private func cell(_ dimension: ExitDimension, _ word: UInt64, _ names: ExitNames) -> String {
    if word == Self.none, dimension == .device, names.ports != nil { return DeviceNames.none }
    if word == Self.none, dimension != .reason, dimension != .rip { return "-" }
    let isWrite = marks & 1 << 8 != 0
    switch dimension {
    case .reason: return names.name(ExitReason(isa: UInt8(truncatingIfNeeded: marks), code: word))
    case .port: return HexWord(word).description + (isWrite ? ":POUT" : ":PIN")
    case .gpa:
      let access = isWrite ? ":W" : marks & 1 << 9 != 0 ? ":X" : ":R"
      return HexWord(word).description + access
    case .msr: return HexWord(word).description + (isWrite ? ":W" : ":R")
    case .vcpu: return String(word)
    case .rip, .vector: return HexWord(word).description
    case .symbol: return names.symbols?.name(Int(word)) ?? "-"
    case .device: return names.ports?.name(Int(word)) ?? "-"
    case .phase:
      return word < UInt64(names.phases.count) ? names.phases[Int(word)] : String(word)
    case .wake: return Self.wake(word)
    case .cause: return Self.cause(word)
    }
  }

  private static func cause(_ word: UInt64) -> String {
    word & kindMark == 0
      ? KickReason(rawValue: word)?.name ?? "cause-\(word)"
      : EventKind(rawValue: UInt8(truncatingIfNeeded: word)).name
  }

  private static func wake(_ word: UInt64) -> String {
    if word & 0x100 != 0 { return "vector " + HexWord(word & 0xff).description }
    return switch ExitSample.Wake(rawValue: UInt8(truncatingIfNeeded: word)) {
    case .end: "end of the recording"
    // The kernel's tracepoints do not tell.
    case .some(.none): "unknown"
    default: "entered without an interrupt"
    }
  }

  /// What the data sheet calls the place of a row that has one.
  func label(_ dimensions: [ExitDimension]) -> String? {
    if self == .other { return nil }
    let isWrite = marks & 1 << 8 != 0
    for (place, dimension) in dimensions.enumerated() where words[place] != Self.none {
      switch dimension {
      case .port: return PortNames.name(of: words[place], isWrite: isWrite)
      case .msr: return MSRNames.name(of: words[place])
      default: continue
      }
    }
    return nil
  }
}
