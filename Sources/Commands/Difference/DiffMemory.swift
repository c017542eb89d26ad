internal import Analysis
internal import Machine
internal import Replay
internal import Trace

/// Compares the states of two runs at a moment, for `diff --memory`.
struct DiffMemory {
  var guests: GuestPair
  let moments: CommonMoments
  /// The first reel's event at which the runs part; `nil` when they do not.
  let partsAt: EventIndex?
  let symbols: SymbolTable?
  let limit: Int

  private var a: OpenedReel { guests.a }
  private var b: OpenedReel { guests.b }

  /// Compares at the moment that was asked for.
  ///
  /// - Returns: the comparison, if one could be made, and why it was not made at that moment.
  /// - Throws: ``CommandFailure`` when there is no such moment or a reel is damaged.
  func compare(
    at choice: MomentChoice?
  ) throws -> (difference: MemoryDifference?, obstacle: String?) {
    for opened in [a, b] where !opened.reel.header.hasPages {
      return (nil, "\(opened.path): \(TraceError.pagesStripped.description)")
    }
    let moment = try self.moment(choice)
    let pairs = try naming { () throws(ReelDifferenceError) in try moments.keyframePairs() }
    if let pair = try pairs.last(where: { try isPair($0, at: moment) }) {
      return (try compare(pair), nil)
    }
    if let obstacle = guests.obstacle() {
      guard let pair = pairs.last(where: { $0.moment.a <= moment.a && $0.moment.b <= moment.b })
      else { return (nil, obstacle + "; there is no common keyframe to compare instead") }
      var found = try compare(pair)
      found.notes.append("this is the last common keyframe before the moment asked for")
      return (found, obstacle)
    }
    return (try replay(to: moment), nil)
  }

  private func moment(_ choice: MomentChoice?) throws -> CommonMoment {
    if let choice, let event = choice.b { return CommonMoment(a: choice.a, b: event) }
    let common = try naming { () throws(ReelDifferenceError) in
      try moments.moments(after: nil, upTo: choice?.a ?? .max)
    }
    guard let last = common.last else {
      throw CommandFailure(
        "\(a.path) and \(b.path) have no event in common to compare memory after; name one of each "
          + "with --at N,M")
    }
    guard let choice else { return last }
    if choice.a > last.a, let first = partsAt, choice.a >= first {
      throw CommandFailure(
        "--at \(choice.a): the runs part at event \(first) of A, so B's event must be named "
          + "too: --at \(choice.a),M")
    }
    if last.a != choice.a {
      StandardError.note(
        "note: nothing ends after event \(choice.a) of A; compared after event \(last.a)")
    }
    return last
  }

  /// Whether keyframes were taken right behind both events, with nothing executed in between.
  private func isPair(_ pair: KeyframePair, at moment: CommonMoment) throws -> Bool {
    try isMark(pair.moment.a, behind: moment.a, a) && isMark(pair.moment.b, behind: moment.b, b)
  }

  private func isMark(_ mark: EventIndex, behind event: EventIndex, _ opened: OpenedReel) throws
    -> Bool
  {
    guard mark >= event, mark - event < 16 else { return false }
    return try opened.reading { reel in
      var cursor = EventCursor(reel, from: event &+ 1)
      while let next = try cursor.next(), cursor.index <= mark {
        guard next.kind == .keyframe else { return false }
      }
      return true
    }
  }

  // MARK: Keyframes

  /// Compares a pair of keyframes.
  func compare(_ pair: KeyframePair) throws -> MemoryDifference {
    var maps = PageMapComparison(a.reel, b.reel)
    return try naming { () throws(ReelDifferenceError) in
      let pages = try maps.compare(at: pair)
      return try MemoryDifference(
        at: pair.moment, source: .keyframes, keyframes: pair,
        registers: GuestPair.registers(at: pair, a, b), pages: pages,
        comparedPages: maps.pageCount, limit: limit,
        place: GuestPlaces(symbols, a, keyframe: pair.a).place
      ) { page throws(ReelDifferenceError) in try maps.content(of: page) }
    }
  }

  // MARK: Replay

  private func replay(to moment: CommonMoment) throws -> MemoryDifference {
    let left = try stop(a, at: moment.a)
    let right = try stop(b, at: moment.b)
    return compare(left, right, at: moment)
  }

  private func stop(_ opened: OpenedReel, at event: EventIndex) throws -> GuestPair.Stop {
    _ = try ChosenRange.requireEvent(event, in: opened)
    switch try guests.replay(opened, to: event) {
    case .success(let stop): return stop
    case .failure(let divergence):
      throw CommandFailure(
        "\(opened.path): its replay diverges at event \(divergence.index), before the moment to "
          + "compare: \(divergence.sentence); `vmreel replay` tells more")
    }
  }

  /// Compares two stopped guests.
  func compare(
    _ left: GuestPair.Stop, _ right: GuestPair.Stop, at moment: CommonMoment
  ) -> MemoryDifference {
    let pages = left.memory.pagesDiffering(from: right.memory)
    var found = MemoryDifference(
      at: CommonMoment(a: left.verdict.lastEvent, b: right.verdict.lastEvent), source: .replay,
      registers: differences(from: left.state, to: right.state).map { .init($0) }, pages: pages,
      comparedPages: min(left.memory.pageCount, right.memory.pageCount), limit: limit,
      place: GuestPlaces(symbols, left.state.system, left.memory).place
    ) { page in (left.memory.page(page), right.memory.page(page)) }
    if left.memory.byteCount != right.memory.byteCount {
      found.notes.append("the guests have RAM of different sizes; what both have was compared")
    }
    if found.moment != moment {
      found.notes.append(
        "event \(moment.a) of A is inside an instruction, which ends at event \(found.moment.a)")
    }
    let jumped = left.verdict.sealsJumped + right.verdict.sealsJumped
    if jumped > 0 {
      found.notes.append("\(jumped) sealed segments on the way were jumped, not re-executed")
    }
    return found
  }

  /// Names the reel in an error of reading it.
  func naming<Result>(
    _ body: () throws(ReelDifferenceError) -> Result
  ) throws -> Result {
    do {
      return try body()
    } catch {
      throw CommandFailure(
        "\(error.side == .a ? a.path : b.path): \(error.error.description)")
    }
  }
}

extension GuestPair {
  /// The registers that differ between two keyframes; none where a state cannot be read.
  static func registers(
    at pair: KeyframePair, _ a: OpenedReel, _ b: OpenedReel
  ) -> [MemoryDifference.Register] {
    guard let left = state(pair.a, of: a), let right = state(pair.b, of: b) else { return [] }
    return differences(
      from: left, to: right,
      comparesArithmeticFlags: a.metadata.host.kvmModule == b.metadata.host.kvmModule
    ).map { .init($0) }
  }

  static func state(_ keyframe: UInt64, of opened: OpenedReel) -> VCPUState? {
    guard let keyframe = try? opened.reel.keyframe(keyframe) else { return nil }
    return (try? VCPUState(stateEntries: keyframe.vcpuStates)) ?? nil
  }
}

extension ChosenRange {
  /// Refuses an event that lies outside a reel.
  ///
  /// - Throws: ``CommandFailure``.
  static func requireEvent(_ event: EventIndex, in opened: OpenedReel) throws {
    let (first, end) = try opened.reading { (try $0.firstEvent() ?? 0, $0.eventCount) }
    guard event < first || event >= end else { return }
    throw CommandFailure(
      first == end
        ? "\(opened.path) holds no events"
        : "event \(event) lies outside \(opened.path), which holds events \(first) to \(end - 1)")
  }
}
