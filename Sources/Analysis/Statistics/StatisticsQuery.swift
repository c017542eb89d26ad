public import Trace

/// One figure of the statistics: a function of a subject.
public struct StatisticsQuery: Hashable, Sendable {
  /// What is computed.
  public var function: StatisticsFunction
  /// Whether of the guest's time before the exits instead of the time handling them.
  public var isInGuest: Bool
  /// Of which exits.
  public var subject: StatisticsSubject

  /// Makes a query.
  public init(
    _ function: StatisticsFunction, isInGuest: Bool = false, of subject: StatisticsSubject
  ) {
    self.function = function
    self.isInGuest = isInGuest
    self.subject = subject
  }
}

/// What can be computed of exits.
public enum StatisticsFunction: String, Sendable, CaseIterable {
  /// How many.
  case count
  /// The sum of their times.
  case total
  /// The mean of their times.
  case mean
  /// The shortest time.
  case minimum = "min"
  /// The longest time.
  case maximum = "max"
  /// The time that half of them do not exceed.
  case p50
  /// The time that 90 % do not exceed.
  case p90
  /// The time that 99 % do not exceed.
  case p99
  /// The time that 99.9 % do not exceed.
  case p999 = "p99.9"
  /// Their number as a fraction of all exits'.
  case share
  /// How many in a second of the recording.
  case rate
  /// The bytes they moved.
  case bytes

  /// What its values are.
  public var quantity: StatisticsQuantity {
    switch self {
    case .count: .number
    case .total, .mean, .minimum, .maximum, .p50, .p90, .p99, .p999: .time
    case .share: .fraction
    case .rate: .rate
    case .bytes: .bytes
    }
  }

  /// Whether the value of no exits is 0, rather than unknown.
  var isKnownOfNothing: Bool { quantity != .time || self == .total }
}

/// The exits, or other events, that a figure is of.
public enum StatisticsSubject: Hashable, Sendable {
  /// Which way an access goes.
  public enum Direction: Hashable, Sendable {
    /// From the guest to the device.
    case write
    /// From the device to the guest.
    case read
  }

  /// Every exit to the runner (`vmexit`).
  case allExits
  /// The exits of a kind (`hlt`); kicks are one too.
  case reason(EventKind)
  /// Port accesses; all of them without a port.
  case port(UInt64?, Direction?)
  /// Accesses outside RAM; all of them without a guest physical address.
  case memory(UInt64?, Direction?)
  /// MSR accesses; all of them without an index.
  case msr(UInt64?, Direction?)
  /// Injected interrupts; all of them without a vector.
  case interrupt(UInt64?)
  /// Kernel exits by their reason's name; all of them without one.
  case kernel(String?)
  /// Exits made in a function of the guest.
  case symbol(String)
  /// Exits to a device of the board; see ``DeviceNames``.
  case device(String)
  /// Exits in a phase; see ``PhaseMarker``.
  case phase(String)

  /// Whether its exits can move bytes between guest and devices.
  var movesBytes: Bool {
    switch self {
    case .port, .memory, .allExits, .symbol, .device, .phase: true
    case .reason(let kind):
      [.portWrite, .portRead, .memoryWrite, .memoryRead].contains(kind)
    case .msr, .interrupt, .kernel: false
    }
  }
}

/// What a number measures, and so which units it takes.
public enum StatisticsQuantity: Sendable {
  /// A number of things.
  case number
  /// A time; its base unit is the nanosecond.
  case time
  /// A part of a whole, from 0 to 1.
  case fraction
  /// Things in a second.
  case rate
  /// Bytes.
  case bytes

  /// The units it takes, each with its size in base units; the empty one is no unit.
  var units: [(name: String, scale: UInt64)] {
    switch self {
    case .number: [("", 1), ("k", 1000), ("M", 1_000_000), ("G", 1_000_000_000)]
    case .time:
      [("ns", 1), ("us", 1000), ("µs", 1000), ("ms", 1_000_000), ("s", 1_000_000_000)]
    case .fraction: [("", 1), ("%", 1)]
    case .rate:
      Self.number.units + Self.number.units.map { ($0.name + "/s", $0.scale) }
    case .bytes:
      [
        ("", 1), ("B", 1), ("kB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000),
        ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30),
      ]
    }
  }

  /// What it takes, in words.
  var expectation: String {
    switch self {
    case .number: "a count takes no unit, k, M or G"
    case .time: "a time takes ns, us, ms or s"
    case .fraction: "a share takes %, or no unit for a fraction of 1"
    case .rate: "a rate takes /s, k/s, M/s or no unit"
    case .bytes: "bytes take B, kB, MB, GB, KiB, MiB, GiB or no unit"
    }
  }

  /// A value as text: `3.412 ms`, `40.000%`, `17`.
  ///
  /// - Parameter places: digits behind the point, 0–9; none are shown where all are zero.
  func text(_ value: Double, places: Int) -> String {
    switch self {
    case .number, .bytes:
      return Self.decimal(value, places: places) + (self == .bytes ? " B" : "")
    case .rate: return Self.decimal(value, places: places) + "/s"
    case .fraction: return Self.decimal(value * 100, places: places) + "%"
    case .time:
      let steps: [(limit: Double, name: String)] = [(1e3, "ns"), (1e6, "us"), (1e9, "ms")]
      for (limit, name) in steps where value < limit {
        return Self.decimal(value / (limit / 1000), places: places) + " " + name
      }
      return Self.decimal(value / 1e9, places: places) + " s"
    }
  }

  /// Decimal digits without the C library, whose digits depend on the locale.
  private static func decimal(_ value: Double, places: Int) -> String {
    guard value.isFinite, abs(value) < 1e18 else { return "\(value)" }
    let scale = (0..<places).reduce(1.0) { product, _ in product * 10 }
    let scaled = (abs(value) * scale).rounded()
    // A value this large has no such digits.
    guard scaled < 1e18 else { return "\(Int64(value.rounded()))" }
    let (whole, rest) = Int64(scaled).quotientAndRemainder(dividingBy: Int64(scale))
    let sign = value < 0 && scaled > 0 ? "-" : ""
    if rest == 0 { return "\(sign)\(whole)" }
    let digits = String(rest)
    let padding = String(repeating: "0", count: places - digits.count)
    return "\(sign)\(whole).\(padding)\(digits)"
  }
}
