/// A reel altered in one known way, with what must be found then.
public struct ReelMutation: Sendable {
  /// The ways.
  public enum Kind: String, CaseIterable, Sendable {
    /// What the guest read or wrote is another value.
    case value
    /// One event more, unlike its neighbours.
    case inserted
    /// One event less.
    case deleted
    /// One event twice.
    case duplicated
    /// An interrupt some events earlier or later.
    case moved
    /// 10 to 200 events of one kind at one place more.
    case burst
    /// All RIPs from one address on higher or lower, as in a kernel built anew.
    case rip
    /// Registers that nothing else shows: the digest alone differs.
    case registers
    /// All times longer or shorter.
    case times
    /// Another text on a console.
    case console
    /// The last events missing.
    case truncated
    /// A fact of the metadata.
    case header
  }

  /// What becomes of the digests.
  public enum Digests: String, CaseIterable, Sendable {
    /// They stay as they are, as when somebody edits a reel.
    case edited
    /// From the mutation on all are others, as in a second run: they are functions of history.
    case rerun
  }

  /// How the reel was altered.
  public var kind: Kind
  /// What became of its digests.
  public var digests: Digests
  /// The altered reel.
  public var reel: EditedReel
  /// What must be found.
  public var expected: ExpectedDifference
  /// Events inserted, deleted or duplicated, those of the guest's own that an interrupt was moved past
  /// (negative: it comes earlier), those with another RIP, or those that a tail lacks.
  public var count = 0
  /// What was added to RIPs.
  public var shift: Int64?
  /// What times were multiplied by.
  public var factor: Double?
  /// The field of the metadata.
  public var path: String?

  /// Alters a reel at a place of the generator's choice; `nil` where it has none for this kind.
  public init?(
    of original: EditedReel, _ kind: Kind, _ digests: Digests,
    using generator: inout SeededGenerator
  ) {
    for _ in 0..<64 {
      var draft = MutationDraft(original)
      guard draft.alter(kind, &generator) else { return nil }
      if digests == .rerun { draft.rerun(like: original, seed: generator.next()) }
      let (a, b) = (ExpectedStream(original), ExpectedStream(draft.reel))
      // Nothing is aligned behind an end.
      let splices = kind == .truncated ? [] : draft.splices
      guard let expected = ExpectedDifference(a, b, splices) else { continue }
      guard Self.isTold(kind, expected) else { continue }
      self.init(kind, digests, draft, expected)
      return
    }
    return nil
  }

  private init(
    _ kind: Kind, _ digests: Digests, _ draft: MutationDraft, _ expected: ExpectedDifference
  ) {
    (self.kind, self.digests, self.expected) = (kind, digests, expected)
    (reel, count) = (draft.reel, draft.count)
    (shift, factor, path) = (draft.shift, draft.factor, draft.path)
  }

  /// Whether the streams tell what happened: with the last event deleted, say, they cannot.
  private static func isTold(_ kind: Kind, _ expected: ExpectedDifference) -> Bool {
    switch kind {
    case .times, .header: expected.isEqual
    case .truncated: expected.b == nil && expected.a != nil
    default: expected.a != nil && expected.b != nil
    }
  }
}

/// A reel altered at several places that lie apart.
public struct ReelMutations: Sendable {
  /// The altered reel.
  public var reel: EditedReel
  /// What must be found.
  public var expected: ExpectedDifference
  /// How it was altered, in order.
  public var kinds: [ReelMutation.Kind]

  /// The kinds that are of one place.
  public static let localKinds: [ReelMutation.Kind] = [
    .value, .inserted, .deleted, .duplicated, .moved, .burst, .console,
  ]

  /// Alters a reel at a number of places with a distance of at least so many compared events between
  /// them; `nil` where it has not as many.
  public init?(
    of original: EditedReel, places count: Int, distance: Int, _ digests: ReelMutation.Digests,
    using generator: inout SeededGenerator
  ) {
    let stream = ExpectedStream(original)
    let share = stream.entries.count / count
    guard share > 2 * distance + 10 else { return nil }
    for _ in 0..<64 {
      var draft = MutationDraft(original)
      kinds = []
      for part in 0..<count {
        let kind = Self.localKinds.randomElement(using: &generator) ?? .value
        let part = part * share + distance / 2..<(part + 1) * share - distance / 2
        draft.allowed = stream.places[part.lowerBound]..<stream.places[part.upperBound]
        guard let splices = draft.splices(kind, &generator) else { continue }
        draft.splices += splices
        kinds.append(kind)
      }
      guard kinds.count == count else { continue }
      draft.apply()
      if digests == .rerun { draft.rerun(like: original, seed: generator.next()) }
      guard
        let expected = ExpectedDifference(stream, ExpectedStream(draft.reel), draft.splices),
        expected.a != nil, expected.b != nil, Self.areApart(expected.hunks)
      else { continue }
      (reel, self.expected) = (draft.reel, expected)
      return
    }
    return nil
  }

  /// Whether hunks are not neighbours by having been moved as far back as they go.
  private static func areApart(_ hunks: [ExpectedHunk]) -> Bool {
    zip(hunks, hunks.dropFirst()).allSatisfy { $0.firstA + UInt64($0.countA) < $1.firstA }
  }
}
