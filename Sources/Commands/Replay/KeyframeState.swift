internal import Analysis
internal import Machine
internal import Replay
internal import Trace

/// A keyframe held against the guest that was replayed to it.
struct KeyframeState {
  private let opened: OpenedReel
  private let divergence: Divergence

  init(_ opened: OpenedReel, _ divergence: Divergence) {
    self.opened = opened
    self.divergence = divergence
  }

  /// Compares registers and every page of RAM.
  ///
  /// - Returns: `nil` when the divergence is none of a keyframe's state, or a replay does not come
  ///   there.
  func compare(_ states: DiffMemory, _ symbols: SymbolTable?) throws -> MemoryDifference? {
    guard case .state(let fields, _) = divergence.difference,
      case .success(let stop) = try states.guests.replay(opened, to: divergence.index - 1)
    else { return nil }
    let map = try opened.reading { try $0.pageMap(at: divergence.recorded.address) }
    let pages = (0..<UInt32(stop.memory.pageCount)).filter { page in
      guard let stored = map[page], stored != .zero else { return !stop.memory.isZeroPage(page) }
      return unsafe stop.memory.withPage(page) { unsafe opened.reel.identity(of: $0) }
        != stored.identity
    }
    let moment = CommonMoment(a: divergence.index, b: divergence.index)
    return try opened.reading { reel in
      try MemoryDifference(
        at: moment, source: .keyframes, registers: fields.map { .init($0) }, pages: pages,
        comparedPages: stop.memory.pageCount, limit: ReplayExplanation.listLimit,
        place: GuestPlaces(symbols, stop.state.system, stop.memory).place
      ) { page in (try reel.page(map[page] ?? .zero), stop.memory.page(page)) }
    }
  }
}
