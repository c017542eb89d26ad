/// A two-sided Mann–Whitney U test: whether two samples can be of one distribution.
///
/// It looks at nothing but the order of the values, so it asks nothing of how times are
/// distributed. Equal values share the mean of their ranks. Up to ``exactLimit`` values in all, p
/// is exact, ties and all: the share of all ways to draw the first sample out of the values whose
/// rank sum is at least as far out, doubled for both sides. Beyond, the normal approximation takes
/// its place, corrected for ties and continuity. Both are what scipy's `mannwhitneyu` gives, with
/// a `PermutationMethod` and with `method='asymptotic'`.
public struct RankTest: Codable, Equatable, Sendable {
  /// How p is found.
  public enum Method: String, Codable, Sendable {
    /// By counting all ways to draw the samples.
    case exact
    /// By the normal approximation.
    case normal
  }

  /// The most values in all for which p is exact: 184 756 ways to draw.
  public static let exactLimit = 20

  /// Pairs of a value of the first sample and a smaller one of the second, equal ones counting half.
  public var u: Double
  /// How likely a U at least as far out is when nothing changed, 0–1.
  public var p: Double
  /// How p was found.
  public var method: Method

  /// Tests two samples.
  ///
  /// - Returns: `nil` when one is empty.
  public init?(_ a: [UInt64], _ b: [UInt64]) {
    guard !a.isEmpty, !b.isEmpty else { return nil }
    let ranks = Self.doubledRanks(of: a + b)
    let sum = ranks.prefix(a.count).reduce(0, +)
    u = Double(sum - a.count * (a.count + 1)) / 2
    method = Self.method(a.count, b.count)
    switch method {
    case .exact: p = Self.exactP(ranks, count: a.count, sum: sum)
    case .normal: p = Self.normalP(u, ranks, a.count, b.count)
    }
  }

  /// How p is found for samples of these sizes.
  public static func method(_ countA: Int, _ countB: Int) -> Method {
    countA + countB <= exactLimit ? .exact : .normal
  }

  /// The smallest p that samples of these sizes can have: that of samples without overlap.
  ///
  /// - Parameters: both counts are at least 1.
  public static func smallestP(_ countA: Int, _ countB: Int) -> Double {
    let values = (0..<UInt64(countA + countB)).map { $0 }
    return RankTest(Array(values.prefix(countA)), Array(values.dropFirst(countA)))?.p ?? 1
  }

  /// Holm's correction for asking several questions at once: p values that may be compared with the
  /// level of significance for all of them together.
  ///
  /// - Returns: the corrected values, in the order of the given ones.
  public static func holm(_ values: [Double]) -> [Double] {
    var corrected = values
    var largest = 0.0
    let order = values.indices.sorted {
      values[$0] == values[$1] ? $0 < $1 : values[$0] < values[$1]
    }
    for (place, index) in order.enumerated() {
      largest = max(largest, min(1, Double(values.count - place) * values[index]))
      corrected[index] = largest
    }
    return corrected
  }

  /// Twice the rank of each value, from 2 for the smallest; equal ones share their mean.
  static func doubledRanks(of values: [UInt64]) -> [Int] {
    let order = values.indices.sorted { values[$0] < values[$1] }
    var ranks = [Int](repeating: 0, count: values.count)
    var first = 0
    while first < order.count {
      var end = first
      while end < order.count, values[order[end]] == values[order[first]] { end += 1 }
      // Ranks first + 1 … end.
      for place in first..<end { ranks[order[place]] = first + 1 + end }
      first = end
    }
    return ranks
  }

  /// Counts the ways to draw `count` of the ranks by their sum.
  private static func exactP(_ ranks: [Int], count: Int, sum: Int) -> Double {
    let largest = ranks.reduce(0, +)
    var ways = [[UInt64]](
      repeating: [UInt64](repeating: 0, count: largest + 1), count: count + 1)
    ways[0][0] = 1
    for rank in ranks {
      for drawn in stride(from: count, to: 0, by: -1) {
        for total in stride(from: largest, through: rank, by: -1) {
          ways[drawn][total] += ways[drawn - 1][total - rank]
        }
      }
    }
    let all = ways[count].reduce(0, +)
    let atMost = ways[count][...sum].reduce(0, +)
    let atLeast = ways[count][sum...].reduce(0, +)
    return min(1, 2 * Double(min(atMost, atLeast)) / Double(all))
  }

  private static func normalP(_ u: Double, _ ranks: [Int], _ countA: Int, _ countB: Int) -> Double {
    let (n1, n2) = (Double(countA), Double(countB))
    let n = n1 + n2
    var tied: [Int: Double] = [:]
    for rank in ranks { tied[rank, default: 0] += 1 }
    // A sum of whole numbers: exact in any order.
    let ties = tied.values.reduce(0) { $0 + $1 * $1 * $1 - $1 }
    let variance = n1 * n2 / 12 * (n + 1 - ties / (n * (n - 1)))
    guard variance > 0 else { return 1 }
    let distance = (u - n1 * n2 / 2).magnitude - 0.5
    return min(1, 2 * NormalTail.probability(above: distance / variance.squareRoot()))
  }
}

/// The upper tail of the standard normal distribution, without the C library, to 11 digits.
enum NormalTail {
  /// How likely a value above `z` is.
  static func probability(above z: Double) -> Double {
    guard z >= 0 else { return 1 - probability(above: -z) }
    guard z < 38 else { return 0 }
    let density = exponential(ofMinus: z * z / 2) / (2 * Double.pi).squareRoot()
    if z < 3 {
      // φ(z)·(z + z³/3 + z⁵/(3·5) + …) lies between 0 and z.
      var (term, sum, divisor) = (z, z, 1.0)
      while term > sum * 1e-17, term > 0 {
        divisor += 2
        term *= z * z / divisor
        sum += term
      }
      return 0.5 - density * sum
    }
    // Laplace's continued fraction, from its far end.
    var fraction = z
    for depth in stride(from: 200.0, to: 0, by: -1) { fraction = z + depth / fraction }
    return density / fraction
  }

  /// e⁻ˣ for 0 ≤ x < 1000: by its series where x is small, then squared.
  private static func exponential(ofMinus x: Double) -> Double {
    let small = x / 1024
    var (term, sum) = (1.0, 1.0)
    for power in stride(from: 1.0, through: 24, by: 1) {
      term *= -small / power
      sum += term
    }
    for _ in 0..<10 { sum *= sum }
    return sum
  }
}
