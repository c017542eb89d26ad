import Testing

@testable import Analysis

/// Alignments are judged by what they are for: they cover both sequences, equal pieces are equal, and
/// known edits are found where they were made.
@Suite struct SequenceAlignmentTests {
  private struct Random: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
      return z ^ z >> 31
    }
  }

  private func check(_ alignment: SequenceAlignment, _ a: [UInt64], _ b: [UInt64]) {
    var (endA, endB) = (0, 0)
    var wasEqual: Bool?
    for piece in alignment.pieces {
      #expect(piece.a.lowerBound == endA && piece.b.lowerBound == endB)
      #expect(piece.isEqual != wasEqual || !piece.isEqual)
      #expect(!piece.a.isEmpty || !piece.b.isEmpty)
      if piece.isEqual { #expect(a[piece.a] == b[piece.b]) }
      (endA, endB, wasEqual) = (piece.a.upperBound, piece.b.upperBound, piece.isEqual)
    }
    #expect(endA == a.count && endB == b.count)
  }

  private func matched(_ alignment: SequenceAlignment) -> Int {
    alignment.pieces.filter(\.isEqual).reduce(0) { $0 + $1.a.count }
  }

  /// The longest common subsequence by the textbook's table.
  private func longest(_ a: [UInt64], _ b: [UInt64]) -> Int {
    var row = [Int](repeating: 0, count: b.count + 1)
    for value in a {
      var diagonal = 0
      for (j, other) in b.enumerated() {
        let above = row[j + 1]
        row[j + 1] = value == other ? diagonal + 1 : max(above, row[j])
        diagonal = above
      }
    }
    return row[b.count]
  }

  @Test func smallSequencesHaveTheShortestScript() {
    var random = Random(state: 7)
    for _ in 0..<2000 {
      let alphabet = UInt64.random(in: 1...4, using: &random)
      func sequence() -> [UInt64] {
        (0..<Int.random(in: 0...14, using: &random)).map { _ in
          UInt64.random(in: 0..<alphabet, using: &random)
        }
      }
      let (a, b) = (sequence(), sequence())
      let alignment = SequenceAlignment(a, b)
      check(alignment, a, b)
      #expect(matched(alignment) == longest(a, b), "\(a) \(b)")
    }
  }

  /// The bit vectors find as many as the textbook's table, in order, of sequences of several words.
  @Test func bitVectorsFindTheLongestCommonSubsequence() throws {
    var random = Random(state: 11)
    for round in 0..<300 {
      let alphabet = UInt64.random(in: 1...20, using: &random)
      func sequence() -> [UInt64] {
        (0..<Int.random(in: 0...(round % 3 == 0 ? 20 : 300), using: &random)).map { _ in
          UInt64.random(in: 0..<alphabet, using: &random)
        }
      }
      let (a, b) = (sequence(), sequence())
      let pairs = try #require(CommonSubsequence(a[...], b[...])).pairs
      #expect(pairs.count == longest(a, b), "\(a) \(b)")
      #expect(pairs.allSatisfy { a[$0.a] == b[$0.b] })
      #expect(zip(pairs, pairs.dropFirst()).allSatisfy { $0.a < $1.a && $0.b < $1.b })
    }
    #expect(CommonSubsequence([1, 2][...], [3, 4][...], upTo: 3) == nil)
  }

  /// A loop that polls one port is all common although bursts lie between its equal events.
  ///
  /// Together the bursts are longer than any edit script sought.
  @Test func burstsBetweenEqualEventsAreFound() {
    let a = [UInt64](repeating: 1, count: 700) + [9]
    var b: [UInt64] = []
    for value in a {
      b.append(value)
      if b.count % 3 == 0 { for _ in 0..<9 { b += [2, 3] } }
    }
    #expect(b.count - a.count > 1024)
    let alignment = SequenceAlignment(a, b)
    check(alignment, a, b)
    #expect(matched(alignment) == a.count && alignment.unsearched == 0)
  }

  @Test(arguments: [10_000, 50_000])
  func scatteredEditsAreFoundInALongPeriodicSequence(count: Int) {
    var random = Random(state: UInt64(count))
    // A driver that polls: three signatures in turn, and now and then a character.
    let a = (0..<count).map { index -> UInt64 in
      index % 3 == 0 ? UInt64.random(in: 100..<180, using: &random) : UInt64(index % 3)
    }
    var b: [UInt64] = []
    var edits = 0
    for (index, value) in a.enumerated() {
      if index % 100 == 99 {
        edits += 1
        switch index / 100 % 3 {
        case 0: b += [value, 7, 8]
        case 1: b.append(value &+ 1000)
        default: break
        }
      } else {
        b.append(value)
      }
    }
    let alignment = SequenceAlignment(a, b)
    check(alignment, a, b)
    #expect(matched(alignment) >= a.count - edits, "\(matched(alignment)) of \(a.count)")
    #expect(alignment.unsearched == 0)
  }

  @Test func aBurstIsOneInsertion() {
    let a = (0..<5000).map { UInt64($0 % 700) }
    let b = a[..<2500] + [UInt64](repeating: 9999, count: 800) + a[2500...]
    let alignment = SequenceAlignment(a, Array(b))
    #expect(
      alignment.pieces.map(\.isEqual) == [true, false, true]
        && alignment.pieces[1].a.isEmpty && alignment.pieces[1].b.count == 800)
  }

  /// The longer ones are given up unsearched.
  @Test(arguments: [(20_000, 0), (140_000, 1)])
  func nothingInCommonIsOneReplacement(count: Int, unsearched: Int) {
    let a = (0..<count).map { UInt64($0) }
    let b = (0..<count + 10).map { UInt64($0 + 1_000_000) }
    let alignment = SequenceAlignment(a, b)
    check(alignment, a, b)
    #expect(alignment.pieces.count == 1 && alignment.unsearched == unsearched)
  }

  @Test func loopsOfTheSameSignatureDoNotExplode() {
    let a = [UInt64](repeating: 1, count: 100_000)
    let b = [UInt64](repeating: 1, count: 60_000) + [2] + [UInt64](repeating: 1, count: 50_000)
    let alignment = SequenceAlignment(a, b)
    check(alignment, a, b)
  }
}
