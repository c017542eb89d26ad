internal import Analysis
internal import Replay
internal import Trace

/// The results of a reel's segments, and the one verdict they make.
///
/// Each result is held to the reel: its identity, the plan, the segment's bounds and its count of
/// events. So results of another reel, of another split or of half a segment are never joined.
struct SegmentJoin {
  /// The most segments a reel is split into; bounds what a result file can ask for.
  static let maximumCount = 100_000

  private let path: String
  private let identity: UInt64
  private let plan: SegmentPlan
  private var results: [Int: (report: VerdictReport, name: String)] = [:]

  /// Begins without any result.
  init(_ opened: OpenedReel, plan: SegmentPlan) {
    path = opened.path
    identity = opened.reel.identity
    self.plan = plan
  }

  /// Takes a segment's result.
  ///
  /// - Parameter name: what the result is called in messages: its file, or its worker.
  /// - Throws: ``CommandFailure`` when it is not one of this reel and this plan, or is there twice.
  mutating func add(_ report: VerdictReport, from name: String) throws {
    guard report.schema == VerdictReport.schema, let segment = report.segment else {
      throw CommandFailure(
        "\(name) is not the result of a segment; make it with "
          + "`vmreel replay \(path) --segment I/N --format json`")
    }
    guard segment.reel.value == identity else {
      throw CommandFailure(
        "\(name) is the result of another reel than \(path), or of an altered copy")
    }
    guard segment.count == plan.segments.count, (1...segment.count).contains(segment.number) else {
      throw CommandFailure(
        "\(name) is segment \(segment.number)/\(segment.count), but the first result is of a split "
          + "in \(plan.segments.count); join results of one split")
    }
    let planned = plan.segments[segment.number - 1]
    guard segment == VerdictReport.SegmentReport(planned, reel: identity) else {
      throw CommandFailure(
        "\(name) has other bounds than segment \(segment.number)/\(segment.count) of \(path); "
          + "make it anew with this vmreel")
    }
    if let other = results[segment.number] {
      throw CommandFailure(
        "segment \(segment.number)/\(segment.count) is there twice: \(other.name) and \(name)")
    }
    results[segment.number] = (report, name)
  }

  /// The verdict of all segments, or of those up to the first divergence in the order of events.
  ///
  /// - Throws: ``CommandFailure`` when one that counts is missing or did not come to its end.
  func verdict() throws -> VerdictReport {
    var joined: VerdictReport?
    for segment in plan.segments {
      let name = "segment \(segment.number)/\(segment.count)"
      guard let (report, source) = results[segment.number] else {
        throw CommandFailure("the result of \(name) of \(path) is missing" + laterDivergence)
      }
      try check(report, of: segment, name, source)
      if joined == nil { joined = report } else { joined?.add(report) }
      if report.outcome == .diverged { break }
    }
    guard var joined else { throw CommandFailure("there is no result to join") }
    joined.segment = nil
    joined.joinedSegments = plan.segments.count
    return joined
  }

  /// A result must account for each event of its segment.
  private func check(
    _ report: VerdictReport, of segment: ReplaySegment, _ name: String, _ source: String
  ) throws {
    guard report.hasSensibleCounts else {
      throw CommandFailure("\(source) holds counts that contradict each other")
    }
    switch report.outcome {
    case .identical, .consistent:
      guard !segment.isEmpty, report.events == segment.eventCount else {
        throw CommandFailure(
          "\(source) claims \(report.events) events, but \(name) holds \(segment.eventCount)")
      }
    case .empty:
      guard segment.isEmpty else {
        throw CommandFailure(
          "\(source) claims no events, but \(name) holds \(segment.eventCount)")
      }
    case .diverged:
      guard let divergence = report.divergence, divergence.index <= segment.endEvent,
        divergence.index >= segment.startEvent, let text = report.report,
        // It is printed as it is, and a file may come from anywhere.
        text.unicodeScalars.allSatisfy({ $0 == "\n" || $0.properties.generalCategory != .control })
      else {
        throw CommandFailure("\(source) holds no divergence in \(name), although it says so")
      }
    case .interrupted:
      throw CommandFailure("\(source): \(name) was interrupted before its end; replay it again")
    }
  }

  private var laterDivergence: String {
    let later = results.values.compactMap { $0.report.divergence?.index }.min()
    return later.map { "; a later one diverged at event \($0), which need not be the first" } ?? ""
  }

  /// The joined verdict in words.
  static func text(_ report: VerdictReport, path: String) -> String {
    let count = report.joinedSegments ?? 1
    let segments = "\(count) segment\(count == 1 ? "" : "s")"
    if report.outcome == .diverged {
      return (report.report ?? "diverged") + "\n  (of \(segments) joined)"
    }
    return VerdictText.render(ReplayVerdict(report), path: path, tscPolicy: "")
      + "; joined of \(segments)"
  }
}

extension VerdictReport {
  /// Whether no part is more than its whole, as a result from a file may claim.
  fileprivate var hasSensibleCounts: Bool {
    let (seals, overflow) = sealsReexecuted.addingReportingOverflow(sealsJumped)
    return !overflow && seals <= events && guestMadeExits <= events
      && exitsNormalized <= guestMadeExits && keyframesCompared <= events
      && jumpedNanoseconds <= guestNanoseconds
  }

  /// Adds the counts of the segment that follows, and takes over a worse outcome.
  fileprivate mutating func add(_ next: VerdictReport) {
    for count in Self.counts {
      let (sum, overflow) = self[keyPath: count].addingReportingOverflow(next[keyPath: count])
      self[keyPath: count] = overflow ? .max : sum
    }
    finalPagesCompared = max(finalPagesCompared, next.finalPagesCompared)
    reelIsWhole = reelIsWhole && next.reelIsWhole
    divergence = next.divergence
    report = next.report
    switch next.outcome {
    case .diverged, .interrupted: outcome = next.outcome
    case .consistent: outcome = .consistent
    case .identical, .empty: break
    }
  }

  private static var counts: [WritableKeyPath<VerdictReport, UInt64>] {
    [
      \.events, \.guestMadeExits, \.exitsNormalized, \.keyframesCompared, \.sealsReexecuted,
      \.sealsJumped, \.userKicksReexecuted, \.userKicksJumped, \.rewinds, \.landingNanoseconds,
      \.guestNanoseconds, \.jumpedNanoseconds,
    ]
  }
}

extension ReplayVerdict {
  /// The counts of a joined verdict that found no divergence.
  init(_ report: VerdictReport) {
    self.init()
    outcome = report.outcome == .consistent ? .consistent : .identical
    events = report.events
    guestMadeExits = report.guestMadeExits
    exitsNormalized = report.exitsNormalized
    keyframesCompared = report.keyframesCompared
    sealsReexecuted = report.sealsReexecuted
    sealsJumped = report.sealsJumped
    guestNanoseconds = report.guestNanoseconds
    jumpedNanoseconds = report.jumpedNanoseconds
    reelIsWhole = report.reelIsWhole
  }
}
