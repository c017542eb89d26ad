internal import Trace

/// What totals leave out, since the events at some places are not compared.
public struct OmittedTotals: Codable, Equatable, Sendable {
  /// The places as `--ignore` has them: `port@0xe4`.
  public var places: [String]
  /// Exits and interrupts there in the first reel.
  public var a: UInt64
  /// Exits and interrupts there in the second reel.
  public var b: UInt64

  /// `nil` of a mask that leaves out no whole events.
  init?(_ mask: DifferenceMask, _ a: ReelTotals, _ b: ReelTotals) {
    places = mask.ofPlaces.rules.map(\.description)
    (self.a, self.b) = (a.omittedSamples, b.omittedSamples)
    if places.isEmpty { return nil }
  }
}

/// Counts all exits but those at the places that a mask leaves out.
struct UnmaskedExits: ExitObserver {
  private let mask: DifferenceMask
  private(set) var tabulators: ExitTabulators
  /// Exits and interrupts left out.
  private(set) var omittedSamples: UInt64 = 0

  init(_ tabulators: ExitTabulators, but mask: DifferenceMask) {
    self.tabulators = tabulators
    self.mask = mask
  }

  var columns: Set<EventColumn> { tabulators.columns.union([.address]) }

  mutating func observe(_ exit: borrowing ExitSample) {
    if mask.omits(EventPlace(exit)) {
      omittedSamples &+= 1
    } else {
      tabulators.observe(exit)
    }
  }

  mutating func observe(interrupt: borrowing ExitSample) {
    if mask.omits(EventPlace(interrupt)) {
      omittedSamples &+= 1
    } else {
      tabulators.observe(interrupt: interrupt)
    }
  }
}

extension EventPlace {
  /// What an exit or an interrupt addresses.
  fileprivate init(_ sample: borrowing ExitSample) {
    self.init()
    address = sample.address
    space =
      switch sample.space {
      case .port: .port
      case .memory: .mmio
      case .msr: .msr
      case .vector: .vector
      case .none, .cause: nil
      }
  }
}
