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
      let found = try FoundDifference(base, mutation.reel)
      tally.add(
        "\(base.name) seed \(number - 1) \(digests)", expected: FoundDifference(mutation),
        found: found)
      if digests == .rerun {
        let trusting = try FoundDifference(base, mutation.reel, trustsDigests: true)
        tally.add(
          "\(base.name) seed \(number - 1) trusting digests", expected: FoundDifference(mutation),
          found: trusting, isCounted: false)
      }
    }
    #expect(tally.failures.isEmpty, "\(tally.report)")
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

  /// What must be found.
  init(_ mutation: ReelMutation) {
    (a, b) = (mutation.expected.a, mutation.expected.b)
    fields = mutation.expected.fields
    configuration = mutation.path.map { [$0] } ?? []
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
  }

  var description: String {
    let place = "\(a.map(String.init) ?? "none")/\(b.map(String.init) ?? "none")"
    return "at \(place) in \(fields) configuration \(configuration)"
  }
}

/// How often what was found was what was expected, and where it was not.
struct MutationTally {
  var kind: String
  private(set) var count = 0
  private(set) var failures: [(name: String, expected: String, found: String)] = []

  init(_ kind: String) { self.kind = kind }

  mutating func add(
    _ name: String, expected: FoundDifference, found: FoundDifference, isCounted: Bool = true
  ) {
    if isCounted { count += 1 }
    guard expected != found else { return }
    failures.append((name, expected.description, found.description))
  }

  /// A table of what was expected and found otherwise.
  var report: String {
    let lines = failures.prefix(12).map {
      "  \($0.name)\n    expected \($0.expected)\n    found    \($0.found)"
    }
    return "\(kind): \(failures.count) of \(count) wrong\n" + lines.joined(separator: "\n")
  }
}
