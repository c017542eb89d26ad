internal import Trace

/// How the host times of two equal streams compare.
public struct TimeDifference: Codable, Equatable, Sendable {
  /// The host time of the first reel's last exit that was compared, in nanoseconds.
  public private(set) var a: UInt64 = 0
  /// That of the second reel.
  public private(set) var b: UInt64 = 0
  /// The least and the greatest ratio of the times of an event, from ``leastTime`` on.
  private var least = 0.0
  private var greatest = 0.0

  private enum CodingKeys: String, CodingKey {
    case a = "lastExitNanosecondsA"
    case b = "lastExitNanosecondsB"
    case least = "leastRatio"
    case greatest = "greatestRatio"
  }

  /// Earlier times say little, since they are stored in steps of 16 ns.
  private static let leastTime: UInt64 = 20_000
  /// How far ratios may be apart that are one factor.
  private static let tolerance = 0.005

  /// Nothing was compared.
  public init() {}

  mutating func add(_ first: Event, _ second: Event) {
    guard first.kind.isExit else { return }
    a = first.exitTime
    b = second.exitTime
    guard min(a, b) >= Self.leastTime else { return }
    let ratio = Double(b) / Double(a)
    least = greatest == 0 ? ratio : min(least, ratio)
    greatest = max(greatest, ratio)
  }

  /// How many times as long the second took.
  public var factor: Double { a == 0 ? 1 : Double(b) / Double(a) }

  /// Whether all times differ by one factor, as they never do between two runs.
  public var isScaled: Bool {
    greatest > 0 && greatest - least <= Self.tolerance * least
      && abs(factor - 1) > Self.tolerance
  }
}
