/// Numbers the phases of a scan as their markers are numbered, whichever comes first.
public struct PhaseTracker: Sendable {
  /// The phases' names by number: `start`, then those of the markers.
  public let names: [String]
  /// The number of the phase events belong to now.
  public private(set) var current: UInt16 = 0
  private var matcher: PhaseMatcher
  private var begun = 1

  /// Follows markers, at most 1000 of them.
  ///
  /// - Throws: ``PhaseMarkerError/duplicate(_:)``.
  public init(_ markers: [PhaseMarker]) throws(PhaseMarkerError) {
    let markers = Array(markers.prefix(1000))
    matcher = try PhaseMatcher(markers)
    names = [PhaseMatcher.firstPhase] + markers.map(\.name)
  }

  /// The phases that never began.
  public var missing: [String] { matcher.unmatched.map(\.name) }

  /// Takes a byte of console output.
  mutating func note(consoleByte: UInt8, stream: UInt8) {
    matcher.write(console: consoleByte, stream: stream)
    settle()
  }

  /// The phase of an exit, which may begin one.
  mutating func phase(of exit: borrowing ExitSample) -> UInt16 {
    matcher.begin(event: exit.index)
    if exit.space == .port, exit.isWrite { matcher.write(port: exit.address, value: exit.value) }
    settle()
    return current
  }

  private mutating func settle() {
    guard matcher.phases.count != begun, let name = matcher.phases.last else { return }
    begun = matcher.phases.count
    current = UInt16(names.firstIndex(of: name) ?? 0)
  }
}
