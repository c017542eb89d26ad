internal import Analysis
internal import KVM
internal import Machine
internal import Replay
internal import Trace

/// Both reels of a comparison, replayed to moments that they have in common.
struct GuestPair {
  /// A guest that was replayed to a moment.
  struct Stop {
    var session: ReplaySession
    var verdict: ReplayVerdict
    var state: VCPUState

    var memory: GuestMemory { session.memory }

    /// - Throws: ``ExitStatus`` when a signal came while the guest ran on.
    func requireUninterrupted() throws {
      if let signal = session.stopSignal { throw ExitStatus.signal(signal) }
    }
  }

  let a: OpenedReel
  let b: OpenedReel
  /// Whether both are replays of one reel.
  var isOneReel = false
  /// Tells what is being done, in place of each replay's own progress.
  var activity: ActivityLine?

  /// What is done with them, in a clause.
  var deed: String { isOneReel ? "the reel was replayed twice" : "both reels were replayed" }

  /// The events of a moment.
  func place(_ moment: CommonMoment) -> String {
    isOneReel ? "event \(moment.a)" : "event \(moment.a) of A (\(moment.b) of B)"
  }

  /// Why the reels cannot be replayed here, in one sentence; `nil` when they can as far as can be told
  /// beforehand.
  func obstacle() -> String? {
    for opened in [a, b] {
      do {
        try opened.requireReplayable()
        _ = try session(opened, .whole)
      } catch let failure as CommandFailure {
        return failure.message
      } catch {
        return "\(opened.path): \(error)"
      }
    }
    return nil
  }

  /// Replays one reel to the moment behind an event.
  ///
  /// - Returns: the guest there, or the divergence that came first.
  /// - Throws: ``CommandFailure`` when it cannot be replayed, ``ExitStatus`` when it was interrupted.
  func replay(
    _ opened: OpenedReel, to event: EventIndex
  ) throws -> Result<Stop, ReplayDivergence> {
    let start = try opened.reading { try $0.keyframe(atOrBefore: event) }
    let isBase = try opened.reading { $0.keyframeNumbers.first == start.number }
    let range = ReplayRange(
      keyframe: isBase ? nil : start.number, lastEvent: event, endsBetweenInstructions: true)
    let session = try session(opened, range)
    let verdict = try session.run()
    switch verdict.outcome {
    case .identical, .consistent:
      return .success(
        Stop(session: session, verdict: verdict, state: try session.capturedState()))
    case .diverged(let divergence):
      return .failure(
        ReplayDivergence(
          path: opened.path, index: divergence.index,
          sentence: DivergenceText.headline(divergence)))
    case .interrupted: throw ExitStatus.signal(session.stopSignal ?? 2)
    }
  }

  private func session(_ opened: OpenedReel, _ range: ReplayRange) throws -> ReplaySession {
    try ReplaySession(
      opened, range: range, printsConsole: false, printsWarnings: false, bounds: ReplayBounds(),
      knownLandings: [:], activity: activity)
  }
}

/// A replay that did not do what its own reel says.
struct ReplayDivergence: Error {
  var path: String
  var index: EventIndex
  /// What differs, in a clause.
  var sentence: String
}

extension MemoryDifference.Register {
  init(_ difference: StateDifference) {
    self.init(name: difference.field, a: difference.recorded, b: difference.replayed)
  }
}
