internal import Trace

/// What kind of difference the first one of two reels is.
public struct DifferenceClass: Codable, Equatable, Sendable {
  /// The kinds.
  public enum Name: String, Codable, Sendable, CaseIterable {
    /// None: the streams are equal, and so is the configuration.
    case same
    /// The streams are equal, and some of the metadata differ.
    case configuration
    /// Only totals were compared, and they differ.
    case counts
    /// The streams are equal, and all host times differ by one factor.
    case times
    /// Events have other data.
    case value
    /// An event has another RIP and is the same otherwise.
    case rip
    /// Only a digest differs: registers differ that no event has shown yet.
    case registers
    /// Other text was written to a console.
    case console
    /// The second stream has events more.
    case inserted
    /// The second stream has many events of one kind at one place more.
    case burst
    /// The second stream lacks events.
    case deleted
    /// The second stream repeats the events before.
    case duplicated
    /// An interrupt, or what a device wrote, comes at another place.
    case moved
    /// Other events stand in place of some.
    case replaced
    /// One stream ends where the other goes on.
    case truncated
  }

  /// So many events of one kind and place are a burst.
  static let burstLength = 8

  /// The kind.
  public var name: Name
  /// The events it is about: those inserted, deleted, repeated or changed in a row; for `moved` the
  /// guest's exits and answers between the two places; for `configuration` the fields.
  public var count = 0
  /// For `moved`: whether it comes later in the second stream.
  public var isLater = false
  /// For `rip`: what must be added to the first stream's, modulo 2⁶⁴.
  public var shift: HexWord?
  /// For `times`: how many times as long the second took.
  public var factor: Double?

  init(_ name: Name, count: Int = 0) {
    self.name = name
    self.count = count
  }
}

extension DifferenceClass {
  /// Tells the kind of two reels' first difference from what a comparison found.
  init(_ difference: ReelDifference) {
    guard let first = difference.firstDifference else {
      self = Self.withoutDifference(difference)
      return
    }
    guard let a = first.a, let b = first.b else {
      self.init(.truncated)
      return
    }
    let fields = Set(first.fields)
    if let hunk = difference.hunks?.hunks.first, hunk.begins(at: first) {
      self.init(hunk, after: first.context)
    } else if fields == [.check] {
      self.init(.registers, count: 1)
    } else if fields.isSubset(of: [.rip, .check]) {
      self.init(.rip, count: 1)
      shift = HexWord(b.event.rip &- a.event.rip)
    } else {
      self.init(fields.isSubset(of: EventField.data) ? .value : .replaced, count: 1)
    }
  }

  private static func withoutDifference(_ difference: ReelDifference) -> DifferenceClass {
    guard difference.areEqual else { return DifferenceClass(.counts) }
    guard difference.configuration.isEmpty else {
      return DifferenceClass(.configuration, count: difference.configuration.count)
    }
    guard let times = difference.times, times.isScaled else { return DifferenceClass(.same) }
    var scaled = DifferenceClass(.times)
    scaled.factor = times.factor
    return scaled
  }

  private init(_ hunk: EventHunk, after context: [EventRecord]) {
    switch hunk.change {
    case .deleted: self.init(.deleted, count: hunk.a.count)
    case .replaced: self.init(.replaced, count: max(hunk.a.count, hunk.b.count))
    case .moved:
      self.init(.moved, count: hunk.distance)
      isLater = hunk.isLater
    case .changed:
      let isConsole = hunk.a.records.first.map { $0.event.stream != 0 } ?? false
      let isData = Set(hunk.fields).isSubset(of: EventField.data)
      self.init(isData ? isConsole ? .console : .value : .replaced, count: hunk.a.count)
    case .inserted:
      let isBurst = hunk.b.runs.count == 1 && hunk.b.count >= Self.burstLength
      self.init(
        isBurst ? .burst : Self.isRepetition(hunk.b, after: context) ? .duplicated : .inserted,
        count: hunk.b.count)
    }
  }

  /// Whether inserted events repeat those before them, all that were common.
  private static func isRepetition(_ side: EventHunk.Side, after context: [EventRecord]) -> Bool {
    guard side.count <= context.count, side.records.count == side.count else { return false }
    return zip(context.suffix(side.count), side.records).allSatisfy {
      EventField.differences($0, $1).allSatisfy { [.check, .rip, .timestamp].contains($0) }
    }
  }
}

extension EventHunk {
  /// Whether it begins with the first difference.
  fileprivate func begins(at first: FirstDifference) -> Bool {
    a.first == first.a?.index || b.first == first.b?.index
  }
}

extension EventField {
  /// What an event transfers, as opposed to what it is and where.
  static let data: Set<EventField> = [.value, .payload, .count, .timestamp, .check, .rip]
}
