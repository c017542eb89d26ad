import Testing

@testable import Analysis

@Suite struct RankTestTests {
  static let criticalUs: [(n: Int, m: Int, u: Int)] = [
    (4, 4, 0), (4, 5, 1), (5, 5, 2), (3, 5, 0), (5, 6, 3), (6, 6, 5), (6, 8, 8), (7, 7, 8),
    (8, 8, 13), (9, 9, 17), (10, 10, 23), (3, 8, 2), (2, 8, 0), (5, 9, 7),
  ]

  static let tied: [(a: [UInt64], b: [UInt64], u: Double, p: Double)] = [
    ([1, 2, 3], [4, 5, 6], 0.0, 0.1),
    ([1, 1, 2], [2, 3, 4, 4], 0.5, 0.114_285_714_285_714_28),
    ([5, 5, 5, 9], [1, 2, 9], 8.5, 0.457_142_857_142_857_14),
    ([1, 2, 2, 2, 7, 8], [2, 9, 9], 3.5, 0.190_476_190_476_190_48),
    ([7, 7, 7], [7, 7], 3.0, 1.0),
  ]

  static let smallest: [(n: Int, m: Int, p: Double)] = [
    (1, 2, 2.0 / 3), (3, 3, 0.1), (4, 4, 2.0 / 70), (5, 5, 2.0 / 252), (6, 6, 2.0 / 924),
    (2, 9, 2.0 / 55), (10, 10, 2.0 / 184_756),
  ]

  static let tails: [(z: Double, probability: Double)] = [
    (0, 0.5), (1, 0.158_655_253_931_457_05), (1.959_963_984_540_054, 0.025),
    (2.999, 0.001_354_336_533_727_105_7), (3.001, 0.001_345_472_825_084_965_3),
    (6, 9.865_876_450_376_98e-10),
    (-1, 0.841_344_746_068_542_9), (20, 2.753_624_118_606_23e-89), (40, 0),
  ]

  /// The critical values of U for two samples of n and m at 0.05, two-sided, as tables in textbooks
  /// print them: the largest U that is significant.
  @Test(arguments: criticalUs)
  func criticalValues(n: Int, m: Int, u: Int) throws {
    #expect(try test(n, m, u: u).p <= 0.05)
    #expect(try test(n, m, u: u + 1).p > 0.05)
  }

  /// Samples without ties whose U is given: the first sample's last values step over the second's
  /// first ones.
  private func test(_ n: Int, _ m: Int, u: Int) throws -> RankTest {
    var left = u
    // Each of the first sample stands above so many of the second.
    let above = (0..<n).map { _ in
      let step = min(m, left)
      left -= step
      return step
    }
    let first = above.enumerated().map { UInt64($1 * 100 + 50 - $0) }
    let result = try #require(RankTest(first, (1...m).map { UInt64($0 * 100) }))
    #expect(result.u == Double(u) && result.method == .exact)
    return result
  }

  /// From scipy 1.17: `mannwhitneyu(a, b, method=PermutationMethod(n_resamples=100000))`.
  @Test(arguments: tied)
  func ties(a: [UInt64], b: [UInt64], u: Double, p: Double) throws {
    let test = try #require(RankTest(a, b))
    #expect(test.u == u && abs(test.p - p) < 1e-12)
    let turned = try #require(RankTest(b, a))
    #expect(turned.u == Double(a.count * b.count) - u && abs(turned.p - p) < 1e-12)
  }

  /// From scipy 1.17 with `method='asymptotic'`: the first of no overlap, then half overlapping,
  /// then with many ties.
  @Test func manyValues() throws {
    let low = (0..<12).map { UInt64($0) }
    func p(_ b: [UInt64], _ a: [UInt64]) throws -> Double {
      let test = try #require(RankTest(a, b))
      #expect(test.method == .normal)
      return test.p
    }
    let apart = try p(low.map { $0 + 100 }, low)
    #expect(abs(apart / 3.658_455_353_897_1e-05 - 1) < 1e-9)
    let overlapping = try p(low.map { $0 + 6 }, low)
    #expect(abs(overlapping / 0.001_982_371_359_253_533_4 - 1) < 1e-9)
    let tied = try p(low.map { $0 / 4 + 1 }, low.map { $0 / 4 })
    #expect(abs(tied / 0.017_318_696_457_962_832 - 1) < 1e-9)
    #expect(try p(low.map { _ in 5 }, low.map { _ in 5 }) == 1)
  }

  @Test(arguments: smallest)
  func theSmallestP(n: Int, m: Int, p: Double) {
    #expect(abs(RankTest.smallestP(n, m) - p) < 1e-15)
  }

  @Test func anEmptySampleHasNoTest() {
    #expect(RankTest([], [1]) == nil)
    #expect(RankTest([1], []) == nil)
  }

  /// Holm's own procedure, and R's `p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")`.
  @Test func holm() {
    let corrected = RankTest.holm([0.01, 0.04, 0.03, 0.005])
    for (value, expected) in zip(corrected, [0.03, 0.06, 0.06, 0.02]) {
      #expect(abs(value - expected) < 1e-15)
    }
    #expect(RankTest.holm([0.7, 0.6]) == [1, 1])
    #expect(RankTest.holm([]) == [])
  }

  /// Table values of the normal distribution.
  @Test(arguments: tails)
  func theNormalTail(z: Double, probability: Double) {
    let value = NormalTail.probability(above: z)
    #expect(abs(value - probability) <= probability * 1e-8)
  }
}
