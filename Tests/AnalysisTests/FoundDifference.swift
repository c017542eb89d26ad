import ReelFixtures
import Trace

@testable import Analysis

/// A reel in both forms.
struct OpenedReel {
  var name: String
  var edited: EditedReel
  var reel: Reel

  init(_ name: String, _ edited: EditedReel) throws {
    self.name = name
    self.edited = edited
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
  var hunks: [ExpectedHunk]
  /// Events that agree but for their RIPs.
  var shiftedEvents = 0

  /// What must be found.
  init(_ mutation: ReelMutation) {
    self.init(mutation.expected)
    configuration = mutation.path.map { [$0] } ?? []
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
    (a, b, fields, hunks) = (expected.a, expected.b, expected.fields.sorted(), expected.hunks)
    (configuration, kind) = ([], "")
  }

  /// What is found.
  init(_ base: OpenedReel, _ other: OpenedReel, trustsDigests: Bool = false) throws {
    var options = ReelDifference.Options()
    options.countsTotals = false
    options.hunkLimit = 100
    options.trustsDigests = trustsDigests
    let difference = try ReelDifference(
      base.reel, other.reel, metadata: (base.edited.metadata, other.edited.metadata),
      options: options)
    let first = difference.firstDifference
    (a, b) = (first?.a?.index, first?.b?.index)
    fields = first?.fields.map(\.rawValue).sorted() ?? []
    configuration = difference.configuration.map(\.path)
    hunks = (difference.hunks?.hunks ?? []).map {
      ExpectedHunk(
        $0.change.rawValue, firstA: $0.a.first, countA: $0.a.count, firstB: $0.b.first,
        countB: $0.b.count)
    }
    shiftedEvents = (difference.hunks?.ripShifts ?? []).reduce(0) { $0 + $1.events }
    kind = Self.text(difference.kind)
  }

  /// What must be found when the mutation comes first, but for the class: an event less is one more
  /// then, and whether it repeats its neighbour another question.
  func swapped(as kind: String) -> FoundDifference {
    var other = self
    (other.a, other.b, other.kind) = (b, a, kind)
    other.hunks = hunks.map {
      let changes = ["inserted": "deleted", "deleted": "inserted"]
      return ExpectedHunk(
        changes[$0.change] ?? $0.change, firstA: $0.firstB, countA: $0.countB, firstB: $0.firstA,
        countB: $0.countA)
    }
    return other
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
    return "\(kind) at \(place) in \(fields), hunks \(hunks), configuration \(configuration), "
      + "\(shiftedEvents) shifted"
  }
}

/// How often what was found was what was expected, and where it was not.
struct MutationTally: CustomStringConvertible {
  private let name: String
  private(set) var count = 0
  private(set) var failures = 0
  private var kinds: [String: Int] = [:]
  private var lines: [String] = []

  init(_ name: String) { self.name = name }

  /// Counts a reel.
  mutating func add(_ name: String, expected: FoundDifference, found: FoundDifference) {
    count += 1
    kinds[String(found.kind.prefix { $0 != " " }), default: 0] += 1
    check(name, expected: expected, found: found)
  }

  /// Compares without counting.
  mutating func check(_ name: String, expected: FoundDifference, found: FoundDifference) {
    guard expected != found else { return }
    failures += 1
    guard failures <= 12 else { return }
    lines += ["  \(name)", "    expected \(expected)", "    found    \(found)"]
  }

  /// A row of the table of classes, and what went wrong.
  var description: String {
    let found = kinds.sorted { $0.key < $1.key }.map { "\($0.value) as \($0.key)" }
    let row = "\(name): \(failures) wrong of \(count) reels, found \(found.joined(separator: ", "))"
    return ([row] + lines).joined(separator: "\n")
  }
}
