import ReelFixtures
import Testing
import Trace

@testable import Analysis

/// The bar of `diff`: in reels mutated in twelve known ways the first difference and its class are found
/// exactly, in all of them, and nothing is said to differ that does not.
@Suite struct MutatedReelDifferenceTests {
  /// Mutations of each kind: 12 × 90 reels.
  static let seeds = 90

  @Test(arguments: ReelMutation.Kind.allCases)
  func theFirstDifferenceAndItsClassAreExact(_ kind: ReelMutation.Kind) throws {
    var tally = MutationTally(kind.rawValue)
    let bases = try MutationBase.all.map { try OpenedBase($0) }
    var number = 0
    while tally.count < Self.seeds {
      let base = bases[number % bases.count]
      var generator = SeededGenerator(seed: UInt64(number))
      number += 1
      try #require(number < 10 * Self.seeds, "too few reels can be mutated so")
      let digests = ReelMutation.Digests.allCases[number / bases.count % 2]
      guard let mutation = ReelMutation(of: base.edited, kind, digests, using: &generator)
      else { continue }
      let (name, expected) = (
        "\(base.name) seed \(number - 1) \(digests)", FoundDifference(mutation)
      )
      tally.add(name, expected: expected, found: try FoundDifference(base, mutation.reel))
      // Events that digests stand in for are not read, nor are their times.
      guard digests == .rerun, kind != .times else { continue }
      let trusting = try FoundDifference(base, mutation.reel, trustsDigests: true)
      tally.check(name + " by digests", expected: expected, found: trusting)
    }
    #expect(tally.failures == 0, "\(tally)")
  }

  @Test(arguments: 2...5) func everyPlaceOfSeveralIsFound(_ count: Int) throws {
    var tally = MutationTally("\(count) places")
    let bases = try MutationBase.large.map { try OpenedBase($0) }
    var number = -1
    while tally.count < 30 {
      number += 1
      let base = bases[number % bases.count]
      var generator = SeededGenerator(seed: UInt64(number))
      let digests = ReelMutation.Digests.allCases[number / bases.count % 2]
      try #require(number < 300, "too few reels are long enough")
      guard
        let mutations = ReelMutations(
          of: base.edited, places: count, distance: 50, digests, using: &generator)
      else { continue }
      var found = try FoundDifference(base, mutations.reel)
      // The class is of the first one; it is held to its reel above.
      found.kind = ""
      tally.add(
        "\(base.name) seed \(number) \(digests) \(mutations.kinds)",
        expected: FoundDifference(mutations.expected), found: found)
    }
    #expect(tally.failures == 0, "\(tally)")
  }
}

/// A base, opened once.
struct OpenedBase {
  var name: String
  var edited: EditedReel
  var reel: Reel

  init(_ base: MutationBase) throws {
    name = base.name
    edited = try base.reel()
    reel = try Reel(MemorySource(try edited.encoded()))
  }
}

/// What of a difference must be exact.
struct FoundDifference: Equatable, CustomStringConvertible {
  var a: EventIndex?
  var b: EventIndex?
  var fields: [String]
  var configuration: [String]
  /// The class with what belongs to it.
  var kind: String
  var hunks: [String]

  /// What must be found.
  init(_ mutation: ReelMutation) {
    (a, b) = (mutation.expected.a, mutation.expected.b)
    fields = mutation.expected.fields
    configuration = mutation.path.map { [$0] } ?? []
    hunks = mutation.expected.hunks.map(\.description)
    kind =
      switch mutation.kind {
      case .value, .registers: "\(mutation.kind) 1"
      case .console: "console \(mutation.expected.hunks.first?.countA ?? 0)"
      case .inserted, .deleted, .duplicated, .burst: "\(mutation.kind) \(mutation.count)"
      case .moved:
        "moved \(abs(mutation.count)) \(mutation.count > 0 ? "later" : "earlier")"
      case .rip: "rip by \(HexWord(UInt64(bitPattern: mutation.shift ?? 0)))"
      case .times: "times by \(mutation.factor ?? 0)"
      case .truncated: "truncated"
      case .header: "configuration 1"
      }
  }

  /// What must be found of the streams.
  init(_ expected: ExpectedDifference) {
    (a, b, fields) = (expected.a, expected.b, expected.fields)
    (configuration, kind) = ([], "")
    hunks = expected.hunks.map(\.description)
  }

  /// What is found.
  init(_ base: OpenedBase, _ mutated: EditedReel, trustsDigests: Bool = false) throws {
    var options = ReelDifference.Options()
    options.countsTotals = false
    options.hunkLimit = 100
    options.trustsDigests = trustsDigests
    let other = try Reel(MemorySource(try mutated.encoded()))
    let difference = try ReelDifference(
      base.reel, other, metadata: (base.edited.metadata, mutated.metadata), options: options)
    let first = difference.firstDifference
    (a, b) = (first?.a?.index, first?.b?.index)
    fields = first?.fields.map(\.rawValue) ?? []
    configuration = difference.configuration.map(\.path)
    hunks = (difference.hunks?.hunks ?? []).map {
      ExpectedHunk(
        $0.change.rawValue, firstA: $0.a.first, countA: $0.a.count, firstB: $0.b.first,
        countB: $0.b.count
      ).description
    }
    kind = Self.text(difference.kind)
  }

  private static func text(_ kind: DifferenceClass) -> String {
    switch kind.name {
    case .moved: "moved \(kind.count) \(kind.isLater ? "later" : "earlier")"
    case .rip: "rip by \(kind.shift?.description ?? "nothing")"
    // Times are stored in steps of 16 ns.
    case .times: "times by \(((kind.factor ?? 0) * 1000).rounded() / 1000)"
    case .truncated, .same: kind.name.rawValue
    default: "\(kind.name) \(kind.count)"
    }
  }

  var description: String {
    let place = "\(a.map(String.init) ?? "none")/\(b.map(String.init) ?? "none")"
    return "\(kind) at \(place) in \(fields), hunks \(hunks), configuration \(configuration)"
  }
}

/// How often what was found was what was expected, and where it was not.
struct MutationTally: CustomStringConvertible {
  private let name: String
  private(set) var count = 0
  private(set) var failures = 0
  private var lines: [String] = []

  init(_ name: String) { self.name = name }

  /// Counts a reel.
  mutating func add(_ name: String, expected: FoundDifference, found: FoundDifference) {
    count += 1
    check(name, expected: expected, found: found)
  }

  /// Compares without counting.
  mutating func check(_ name: String, expected: FoundDifference, found: FoundDifference) {
    guard expected != found else { return }
    failures += 1
    guard failures <= 12 else { return }
    lines += ["  \(name)", "    expected \(expected)", "    found    \(found)"]
  }

  var description: String {
    (["\(name): \(failures) wrong of \(count) reels"] + lines).joined(separator: "\n")
  }
}
