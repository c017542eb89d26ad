internal import Bytes
public import Machine
public import Trace

/// Re-executes a guest from its reel, without devices, and compares everything it does.
///
/// The loop mirrors the recorder's: each guest-made exit is compared, each input handed back at
/// its own event, each injection made at its instruction boundary, each keyframe compared; a
/// sealed segment is re-executed to its recorded end state or, failing that, jumped and counted.
public final class Replayer<CPU: Processor> {
  let cpu: CPU
  let memory: GuestMemory
  let reel: Reel
  let bounds: ReplayBounds
  let observer: (any ReplayObserver)?
  let knownLandings: [UInt64: UInt64]
  let policy: ReplayPolicy
  let range: ReplayRange
  let resyncs: Bool
  let correction: ReplayCorrection?

  var cursor: EventCursor
  var digest = EventDigest()
  /// The recorded content of RAM at the last keyframe passed.
  var map: [UInt32: StoredPage] = [:]
  /// Pages the replayed guest wrote since the last keyframe.
  var touched: Set<UInt32> = []
  /// Whether the last exit's instruction is still to be completed.
  var isIncomplete = false
  /// An exit that finishing an instruction made before the event it belongs to was reached.
  var pendingExit: Exit?
  /// The exit waiting for its answer.
  var awaitingReply: ExitReason?
  var current = IndexedEvent(index: 0, event: Event(EventKind(rawValue: 0)))
  /// What a replay that goes on after differences met first.
  var firstDivergence: Divergence?
  /// Whether ``current`` is an event of the reel.
  var hasStarted = false
  var history: [IndexedEvent] = []
  var suspects: [IndexedEvent] = []
  var verdict = ReplayVerdict()
  /// The stretch up to a seal that is being replayed and whose recording was tainted.
  var tainted: TaintedStretch?
  /// Whether a slice of this replay was tainted since the last keyframe.
  var isReplayTainted = false
  /// The last keyframe passed, to go back to.
  var checkpoint: ReplayCheckpoint?
  /// How often the replay has gone back to it.
  var rewinds = 0
  /// The plan of the next landing, by its place in ``LandingPlan/all``.
  var landingPlan = 0
  /// Whether the stop that an earlier replay landed at was no use at the next landing.
  var distrustsKnownLanding = false
  /// Port writes whose RIP stands at the instruction on one host and after it on the other.
  var portWrites: Set<PortWriteRIPs> = []
  /// The first event whose console output is still to be printed.
  private var firstUnprinted: EventIndex = 0

  /// Makes a replayer.
  ///
  /// - Parameters:
  ///   - processor: a processor on `memory`, of the CPU model the reel names.
  ///   - policy: the rules the reel's metadata names.
  ///   - range: the part of the reel that is re-executed.
  ///   - resyncs: whether a difference does not end the replay: it goes on from the next keyframe.
  ///   - correction: an event that is taken to be another than the log holds.
  ///   - knownLandings: ``ReplayVerdict/landings`` of an earlier replay of the same reel; wrong ones
  ///     cost time, never correctness.
  public init(
    processor: CPU, memory: GuestMemory, reel: Reel, policy: ReplayPolicy,
    range: ReplayRange = .whole, resyncs: Bool = false, correction: ReplayCorrection? = nil,
    bounds: ReplayBounds = ReplayBounds(),
    knownLandings: [UInt64: UInt64] = [:],
    observer: (any ReplayObserver)? = nil
  ) {
    cpu = processor
    self.memory = memory
    self.reel = reel
    self.policy = policy
    self.range = range
    self.resyncs = resyncs
    self.correction = correction
    self.bounds = bounds
    self.knownLandings = knownLandings
    self.observer = observer
    cursor = EventCursor(reel)
  }

  /// Replays the range to its end or to the first divergence.
  ///
  /// - Throws: ``ReplayError`` when the reel cannot be read or the processor fails.
  public func run() throws(ReplayError) -> ReplayVerdict {
    do {
      try start()
      while try !isAtRangeEnd(), let event = try cursor.next() {
        try advance(to: event)
        do {
          try noteTaint(event)
          try replay(event)
          verdict.events += 1
          remember()
        } catch let stop as ReplayStop {
          try recover(from: stop)
        } catch is MissedLanding {
          try checkpoint.map(rewind)
        }
        if policy.tsc == .freeze { cpu.frozenTimestamp = current.event.timestamp }
      }
      try checkEnd()
      if verdict.sealsJumped > 0 { verdict.outcome = .consistent }
      if let firstDivergence { verdict.outcome = .diverged(firstDivergence) }
    } catch let stop as ReplayStop {
      verdict.outcome = explained(stop.outcome)
    } catch let error as TraceError {
      throw .trace(error)
    } catch let error as ProcessorError {
      throw .processor(error)
    } catch let error as ReplayError {
      throw error
    } catch {
      throw .unsupported("\(error)")
    }
    return verdict
  }

  private func explained(_ outcome: ReplayVerdict.Outcome) -> ReplayVerdict.Outcome {
    guard case .diverged(let divergence) = outcome, correction == nil else { return outcome }
    return .diverged(explain(divergence))
  }

  func advance(to event: Event) throws {
    guard !hasStarted || cursor.index == current.index &+ 1 else {
      throw ReplayError.unsupported(
        "event \(cursor.index) follows event \(current.index): a block of events is missing")
    }
    hasStarted = true
    current = IndexedEvent(index: cursor.index, event: event)
  }

  func replay(_ event: Event) throws {
    guard event.vcpu == 0 else {
      throw ReplayError.unsupported(
        "event \(current.index) is on vCPU \(event.vcpu); this vmreel replays one vCPU")
    }
    if event.kind != .inputData, awaitingReply != nil { throw diverged(.replyMismatch) }
    switch event.kind {
    case .inputData: try replyInput(event)
    case .interrupt: try injectInterrupt(event)
    case .windowRequest: try requestWindow(event)
    case .kick: try land(event)
    case .keyframe: try passKeyframe(event)
    default:
      guard event.kind.isGuestMade else {
        throw ReplayError.unsupported(
          "event \(current.index) is of kind \(event.kind.name), which this vmreel cannot replay")
      }
      try compareExit(event)
    }
  }

  func remember() {
    let event = current.event
    if event.kind.isGuestMade {
      suspects.removeAll(keepingCapacity: true)
    } else if event.kind.isInput || event.kind.isHostMade {
      suspects.append(current)
    }
    history.append(current)
    if history.count > 2 * bounds.contextEvents {
      history.removeFirst(history.count - bounds.contextEvents)
    }
  }

  // MARK: Exits

  private func compareExit(_ recorded: Event) throws {
    let exit = try nextExit(recorded)
    var live = Event(exit: exit.reason)
    live.rip = cpu.registers.rip
    live.noteFlags(of: cpu.registers)
    let want = corrected(recorded, as: live)
    let differing = try fieldsDiffering(want, live)
    let recordedPayload = cursor.payload(of: want)
    let livePayload = payload(of: exit.reason)
    guard differing.isEmpty, livePayload.elementsEqual(recordedPayload) else {
      throw diverged(
        .fields(differing.isEmpty ? ["payload"] : differing), replayed: live, livePayload)
    }
    printConsole(want, livePayload)
    digest.absorb(want)
    if !livePayload.isEmpty {
      unsafe livePayload.withUnsafeBytes { unsafe digest.absorb(payload: $0) }
    }
    digest.absorb(cpu.registers, at: want.kind)
    digest.absorbTimestamp(of: want)
    guard digest.agrees(with: want) || isCorrected(.checkIgnored) else {
      throw diverged(.registers, replayed: live, livePayload)
    }
    verdict.guestMadeExits += 1
    verdict.guestNanoseconds.add(want.sliceNanoseconds)
    isIncomplete = exit.reason.isAccess
    awaitingReply = want.kind.expectsInput ? exit.reason : nil
    if want.kind == .interruptWindow { cpu.requestsInterruptWindow = false }
    observer?.progress(current.index)
  }

  /// The next exit the replayed guest makes, within a bound of host time.
  private func nextExit(_ want: Event) throws -> Exit {
    var bound = bounds.noExitNanoseconds
    for _ in 0..<16 { bound.add(min(want.sliceNanoseconds, bounds.noExitNanoseconds)) }
    let exit = try pendingExit ?? noting(cpu.run(sliceLimitNanoseconds: bound))
    pendingExit = nil
    isIncomplete = false
    switch exit.reason {
    case .kick(.sliceLimit): throw diverged(.noExit(boundNanoseconds: bound))
    case .kick(.request): throw ReplayStop(outcome: .interrupted)
    default: return exit
    }
  }

  /// The names of the fields in which a replayed exit differs from the recorded one.
  private func fieldsDiffering(_ want: Event, _ live: Event) throws -> [String] {
    if want.kind != live.kind { return ["kind"] }
    var names: [String] = []
    if want.address != live.address { names.append("address") }
    if want.width != live.width { names.append("width") }
    if want.count != live.count { names.append("count") }
    if want.value != live.value { names.append("value") }
    if try !agreeInRIP(want, live) { names.append("rip") }
    if policy.hostIsOfRecordedKind, want.arithmeticFlags != live.arithmeticFlags {
      names.append("arithmetic flags")
    }
    return names
  }

  /// The data of a string write; empty for everything else.
  private func payload(of reason: ExitReason) -> [UInt8] {
    guard case .portWrite(let access, _) = reason, access.count > 1 else { return [] }
    return unsafe cpu.withExitData { unsafe Array($0) }
  }

  private func printConsole(_ event: Event, _ payload: [UInt8]) {
    guard let stream = ConsoleStream(rawValue: event.stream &- 1),
      current.index >= firstUnprinted
    else { return }
    firstUnprinted = current.index &+ 1
    if payload.isEmpty {
      observer?.consoleOutput(stream, UInt8(truncatingIfNeeded: event.value))
    } else {
      for offset in stride(from: 0, to: payload.count, by: max(1, Int(event.width))) {
        observer?.consoleOutput(stream, payload[offset])
      }
    }
  }

  // MARK: Inputs

  private func replyInput(_ recorded: Event) throws {
    let event = corrected(recorded)
    guard let reason = awaitingReply else { throw diverged(.replyMismatch) }
    awaitingReply = nil
    let payload = cursor.payload(of: event)
    digest.absorb(event)
    if !payload.isEmpty {
      unsafe payload.withUnsafeBytes { unsafe digest.absorb(payload: $0) }
    }
    digest.absorbTimestamp(of: event)
    guard reason.fits(event, payloadCount: payload.count) else { throw diverged(.replyMismatch) }
    guard !payload.isEmpty else {
      if reason.isTimestampRead, event.width == 8 {
        cpu.replyTimestamp(event.timestamp)
      } else {
        cpu.reply(event.value)
      }
      return
    }
    unsafe payload.withUnsafeBytes { source in
      unsafe cpu.withExitData { data in
        unsafe data.copyMemory(
          from: UnsafeRawBufferPointer(rebasing: source.prefix(data.count)))
      }
    }
  }

  private func injectInterrupt(_ event: Event) throws {
    try reachBoundary()
    digest.absorb(event)
    digest.absorbTimestamp(of: event)
    guard let vector = UInt8(exactly: event.address) else { throw diverged(.input) }
    guard cpu.isReadyForInterrupt else { throw diverged(.notReady) }
    try cpu.injectInterrupt(vector: vector)
    cpu.requestsInterruptWindow = false
  }

  private func requestWindow(_ event: Event) throws {
    guard policy.interruptWindowIsExact else {
      throw ReplayError.unsupported(
        "event \(current.index) asks for an exact interrupt window, but the reel's rule is late")
    }
    try reachBoundary()
    digest.absorb(event)
    digest.absorbTimestamp(of: event)
    cpu.requestsInterruptWindow = true
  }

  /// Completes the last exit's instruction, as the recorder did before capturing or injecting.
  func reachBoundary() throws {
    guard isIncomplete else { return }
    isIncomplete = false
    if let exit = try cpu.complete() { throw diverged(.unexpectedExit, replayed: exit) }
  }

  // MARK: Divergence

  func diverged(
    _ difference: Divergence.Difference, replayed exit: Exit
  ) -> ReplayStop {
    var live = Event(exit: exit.reason)
    live.rip = cpu.registers.rip
    return diverged(difference, replayed: live, payload(of: exit.reason))
  }

  func diverged(
    _ difference: Divergence.Difference, replayed: Event? = nil, _ replayedPayload: [UInt8] = []
  ) -> ReplayStop {
    ReplayStop(
      outcome: .diverged(
        Divergence(
          index: current.index, difference: difference, recorded: current.event,
          recordedPayload: Array(cursor.payload(of: current.event)), replayed: replayed,
          replayedPayload: replayedPayload, registers: cpu.registers,
          context: history.suffix(bounds.contextEvents), suspects: suspects)))
  }
}

/// Ends the replay loop with an outcome.
struct ReplayStop: Error {
  var outcome: ReplayVerdict.Outcome
}

extension ExitReason {
  fileprivate var isTimestampRead: Bool {
    if case .portRead(let access) = self { TimestampPort.isRead(access) } else { false }
  }

  /// Whether an input event is an answer of the size this read asks for.
  fileprivate func fits(_ input: Event, payloadCount: Int) -> Bool {
    let width: UInt8
    switch self {
    case .portRead(let access) where access.count > 1:
      return input.width == access.width && input.count == access.count && input.value == 0
        && payloadCount == Int(access.count) * Int(access.width)
    case .portRead(let access) where TimestampPort.isRead(access) && input.width == 8:
      return input.count == 0 && input.value == 0 && payloadCount == 0
    case .portRead(let access): width = access.width
    case .memoryRead(_, let accessWidth): width = accessWidth
    case .msrRead: width = 8
    default: return false
    }
    let fitsWidth = width >= 8 || input.value >> (8 * UInt64(width)) == 0
    return input.width == width && input.count == 0 && payloadCount == 0 && fitsWidth
  }
}
