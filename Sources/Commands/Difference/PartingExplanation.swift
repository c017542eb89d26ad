internal import Analysis
internal import KVM
internal import Machine
internal import Replay
internal import Trace

/// Steps two guests from the last moment at which their states are equal, and explains where they part.
struct PartingExplanation {
  /// Instructions stepped in each guest.
  static let stepLimit: UInt64 = 100_000
  /// Moments from which the guests are stepped.
  private static let momentLimit = 16
  /// How long a guest may run to its next exit when a difference was taken away.
  private static let runLimitNanoseconds: UInt64 = 2_000_000_000

  private typealias Comparison = InstructionComparison<KVMProcessor>
  private typealias Stops = (a: GuestPair.Stop, b: GuestPair.Stop)

  private let memory: DiffMemory
  private let search: StateSearch

  init(_ memory: DiffMemory, _ search: StateSearch) {
    self.memory = memory
    self.search = search
  }

  /// Explains.
  ///
  /// - Throws: ``CommandFailure`` when KVM fails.
  func explain() throws -> Explanation {
    var next = search.equalMoment
    for _ in 0..<Self.momentLimit {
      guard let moment = next, let stops = try stops(at: moment) else { break }
      if let placed = try ofKicks(after: moment) { return placed }
      let parting = try compare(stops, limit: Self.stepLimit)
      next = nil
      // The search may have stopped too early: a replay that did not get there in time looks like one
      // that differs.
      if case .sameExit = parting.outcome, isMemoryEqual(stops) {
        next = try memory.naming { () throws(ReelDifferenceError) in
          try memory.moments.moments(after: moment).first
        }
      }
      if next == nil {
        var explanation = try explain(after: parting, stops, at: moment)
        explanation.lastEqual = moment
        return explanation
      }
    }
    return notFound("the replays do not come to the last equal moment again", nil)
  }

  private func isMemoryEqual(_ stops: Stops) -> Bool {
    search.initialPages.isSuperset(of: stops.a.memory.pagesDiffering(from: stops.b.memory))
  }

  private func explain(
    after parting: Comparison.Parting, _ stops: Stops, at moment: CommonMoment
  ) throws -> Explanation {
    switch parting.outcome {
    case .parted:
      let explanation = try explain(parting, stops, from: moment)
      // The instruction may be executed again on the way to the difference.
      guard explanation.certainty == .probable, explanation.cause != .codeBytes else {
        return explanation
      }
      return try SiteExplanation(memory, search, moment).explain(otherwise: explanation)
    case .sameExit:
      return notFound(
        "both guests executed \(parting.steps) instructions alike, up to the same exit with equal "
          + "registers"
          + (search.state.map { $0.registers.isEmpty ? "; only memory differs behind it" : "" }
            ?? ""),
        nil)
    case .limit:
      return try SiteExplanation(memory, search, moment).explain(
        otherwise: notFound(
          "both guests executed \(parting.steps) instructions alike",
          "\(parting.steps) instructions were stepped, the most that are; the guests part later"))
    case .blocked(let obstacle):
      return try SiteExplanation(memory, search, moment).explain(
        otherwise: notFound(
          "the guests part behind event \(moment.a) of A, \(parting.steps) instructions or more "
            + "behind it", obstacle))
    }
  }

  private func notFound(_ sentence: String, _ obstacle: String?) -> Explanation {
    var explanation = Explanation(.notFound, .unknown, summary: "not found: \(sentence)")
    explanation.obstacle = obstacle
    return explanation
  }

  private func stops(at moment: CommonMoment) throws -> Stops? {
    guard case (.success(let left), .success(let right)) = try memory.guests.replayBoth(to: moment)
    else { return nil }
    return (left, right)
  }

  private func compare(_ stops: Stops, limit: UInt64) throws -> Comparison.Parting {
    memory.guests.activity?.tell("stepping both, at most \(limit) instructions")
    let parting = try stops.a.session.naming { () throws(ReplayError) in
      try Comparison(stops.a.session.replayer, stops.b.session.replayer).run(limit: limit)
    }
    try stops.a.requireUninterrupted()
    try stops.b.requireUninterrupted()
    return parting
  }

  // MARK: Interrupts at kicks

  /// An interrupt that comes next in both, where the host had stopped the guests at different places.
  private func ofKicks(after moment: CommonMoment) throws -> Explanation? {
    guard let left = try seal(after: moment.a, memory.guests.a),
      let right = try seal(after: moment.b, memory.guests.b),
      let first = GuestPair.state(left, of: memory.guests.a),
      let second = GuestPair.state(right, of: memory.guests.b),
      !InstructionComparison<KVMProcessor>.agree(first.registers, second.registers)
    else { return nil }
    var explanation = Explanation(
      .interruptPosition, .probable,
      summary:
        "an interrupt came after the same event at another instruction: the host stopped A at "
        + "RIP \(HexWord(first.registers.rip)) and B at RIP \(HexWord(second.registers.rip))")
    explanation.evidence = [
      "keyframe \(left) of A and keyframe \(right) of B, taken where the host stopped the guests "
        + "(kick) and injected, hold other registers: "
        + zip(first.registers.named, second.registers.named)
        .filter { $0.0.value != $0.1.value }.prefix(4)
        .map { "\($0.0.name) A \(HexWord($0.0.value)) B \(HexWord($0.1.value))" }
        .joined(separator: ", "),
      "both keyframes and the injections behind them stand in the logs; that the guests part by "
        + "nothing else was not tried: no replay can inject elsewhere than its log says",
    ]
    return explanation
  }

  /// The keyframe that seals the last kick before an interrupt which is the next event in the log.
  private func seal(after event: EventIndex, _ opened: OpenedReel) throws -> UInt64? {
    try opened.reading { reel in
      var cursor = EventCursor(reel, from: event &+ 1)
      var hasKick = false
      var keyframe: UInt64?
      while let next = try cursor.next() {
        switch next.kind {
        case .kick: hasKick = true
        case .keyframe where hasKick: keyframe = next.address
        case .interrupt: return keyframe
        case _ where next.kind.isGuestMade || next.kind.isInput: return nil
        default: break
        }
      }
      return nil
    }
  }

  // MARK: The instruction

  private func explain(
    _ parting: Comparison.Parting, _ stops: Stops, from moment: CommonMoment
  ) throws -> Explanation {
    let code = (a: DecodedCode(parting.codeA), b: DecodedCode(parting.codeB))
    let address = parting.before.rip
    let symbol = memory.symbols?.text(at: address)
    let instruction = Explanation.Instruction(
      address: address, symbol: symbol, a: code.a?.text(at: address), b: code.b?.text(at: address),
      steps: parting.steps, registers: Self.differing(parting))
    let place = HexWord(address).description + (symbol.map { " (\($0))" } ?? "")
    var explanation: Explanation
    if code.a?.bytes != code.b?.bytes {
      explanation = try ofCode(parting, code.a, place, from: moment)
    } else if let cause = code.a?.cause {
      explanation = try ofUncontrolled(cause, parting, stops, place)
    } else {
      explanation = try ofData(parting, instruction.a ?? "the instruction", place, from: moment)
    }
    if explanation.cause != .codeBytes, explanation.certainty != .probable {
      explanation.excluded.append(
        .init(.codeBytes, how: "the instruction at which they part has the same bytes in both"))
    }
    if code.a?.cause == nil, explanation.certainty != .probable {
      explanation.excluded.append(
        .init(
          .timestampInstruction,
          how: "the instruction at which they part is none of RDTSC, RDRAND, RDSEED, RDPID, CPUID"))
    }
    explanation.evidence.insert(
      "single steps from there: \(parting.steps) instructions left equal registers in both; "
        + "the next, at \(place), did not", at: 0)
    explanation.instruction = instruction
    return explanation
  }

  private static func differing(_ parting: Comparison.Parting) -> [MemoryDifference.Register] {
    zip(parting.registersA.named, parting.registersB.named).filter { $0.0.value != $0.1.value }.map
    {
      .init(
        name: $0.0.name, a: HexWord($0.0.value).description, b: HexWord($0.1.value).description)
    }
  }

  /// Other code: with A's bytes in its place B must do what A does.
  private func ofCode(
    _ parting: Comparison.Parting, _ code: DecodedCode?, _ place: String, from moment: CommonMoment
  ) throws -> Explanation {
    let effect = try again(parting, from: moment) { stops in
      guard let code, let physical = Self.physicalAddress(stops.b, parting.before.rip) else {
        return false
      }
      return stops.b.memory.write(code.bytes, at: physical)
    }
    var explanation = Explanation(
      .codeBytes, effect.certainty,
      summary: "the code at \(place) is not the same: the guests execute different instructions")
    explanation.evidence.append(
      effect == .none
        ? "writing A's bytes there did not make B's next step equal"
        : "with A's bytes written there, \(effect.sentence)")
    return explanation
  }

  /// An instruction whose result no log holds: with A's result B must go on as A does.
  private func ofUncontrolled(
    _ cause: Explanation.Cause, _ parting: Comparison.Parting, _ stops: Stops, _ place: String
  ) throws -> Explanation {
    let logged = try LoggedExit(memory, after: stops.a)
    let exit = try stops.b.session.naming { () throws(ReplayError) -> Machine.ExitReason? in
      try stops.b.session.replayer.force(parting.registersA)
      let next = try Self.nextExit(stops)
      // What is executed again may have gone to memory alone.
      return isMemoryEqual(stops) ? next : nil
    }
    var explanation = Explanation(
      cause, exit == nil || logged.doubt != nil ? .probable : .certain,
      summary: "\(cause.rawValue) at \(place) returned another value in each run")
    explanation.evidence.append(
      exit == nil
        ? "with A's result in B's registers, B's next exit, registers or memory there still differ"
        : "with A's result in B's registers, B makes the same next exit with equal registers and "
          + "memory" + (logged.doubt.map { "; but \($0)" } ?? ""))
    return explanation
  }

  /// Lets both run on.
  ///
  /// - Returns: the exit both made next, with equal registers; `nil` when they did not.
  private static func nextExit(_ stops: Stops) throws(ReplayError) -> Machine.ExitReason? {
    let left = try stops.a.session.replayer.runOn(limitNanoseconds: runLimitNanoseconds).reason
    let right = try stops.b.session.replayer.runOn(limitNanoseconds: runLimitNanoseconds).reason
    if case .kick = left { return nil }
    return left == right && isEqual(stops) ? left : nil
  }

  private static func isEqual(_ stops: Stops) -> Bool {
    Comparison.agree(stops.a.session.replayer.registers, stops.b.session.replayer.registers)
  }

  /// An instruction that is the same in both: memory that differs from the start may feed it.
  private func ofData(
    _ parting: Comparison.Parting, _ text: String, _ place: String, from moment: CommonMoment
  ) throws -> Explanation {
    var pages: [UInt32] = []
    let effect = try again(parting, from: moment) { stops in
      pages = stops.a.memory.pagesDiffering(from: stops.b.memory)
      guard !pages.isEmpty else { return false }
      return pages.allSatisfy {
        stops.b.memory.write(
          stops.a.memory.page($0), at: UInt64($0) * UInt64(GuestMemory.pageSize))
      }
    }
    let names = pages.prefix(8).map { HexWord(UInt64($0) << 12).description }
      .joined(separator: ", ")
    guard effect != .none, search.initialPages.isSuperset(of: pages) else {
      return notFound(
        "`\(text)` at \(place) left other registers, and "
          + (pages.isEmpty
            ? "neither its code nor memory differs"
            : "A's memory in B (pages \(names)) does not explain it"),
        nil)
    }
    var explanation = Explanation(
      .initialMemory, effect.certainty,
      summary: "`\(text)` at \(place) read memory that differs since the first keyframe (page "
        + "\(names))")
    explanation.evidence.append(
      "with A's content of \(pages.count == 1 ? "page" : "pages") \(names) in B, \(effect.sentence)"
    )
    return explanation
  }

  /// What a change in B did at the parting.
  private enum Effect: Equatable {
    case none
    /// B's next step leaves A's registers; a clause says what it does not show.
    case step(String)
    /// B makes A's next exit too, which is the first difference.
    case exit

    var certainty: Explanation.Certainty { self == .exit ? .certain : .probable }

    var sentence: String {
      switch self {
      case .none: "B's next step still is another one"
      case .step(let doubt): "B's next step leaves A's registers; but \(doubt)"
      case .exit:
        "B's next step leaves A's registers, and B makes the exit in A's log with equal registers"
      }
    }
  }

  /// Goes to the parting again, changes something, and executes the instruction once more.
  private func again(
    _ parting: Comparison.Parting, from moment: CommonMoment, _ change: (Stops) throws -> Bool
  ) throws -> Effect {
    guard let stops = try stops(at: moment) else { return .none }
    let logged = try LoggedExit(memory, after: stops.a)
    let way = try compare(stops, limit: parting.steps)
    guard case .limit = way.outcome, try change(stops) else { return .none }
    let step = try compare(stops, limit: 1)
    let exit: Machine.ExitReason?
    switch step.outcome {
    case .limit:
      exit = try stops.b.session.naming { () throws(ReplayError) in try Self.nextExit(stops) }
    case .sameExit: exit = step.exitA
    case .parted, .blocked: return .none
    }
    guard let exit else { return .step("its next exit still is another one") }
    guard logged.isMade(exit, comparesValue: true) else {
      return .step("the exit that both make next is not the one in A's log")
    }
    return logged.doubt.map { .step("both make the same next exit, and \($0)") } ?? .exit
  }

  /// Where the next instruction lies in RAM; `nil` when that is not known.
  private static func physicalAddress(_ stop: GuestPair.Stop, _ rip: UInt64) -> UInt64? {
    guard let system = try? stop.session.capturedState().system else { return nil }
    let paging: UInt64 = 1 << 31
    guard system.cr0 & paging != 0 else { return system.segments[0].base &+ rip }
    return PageTables(system, stop.memory)?.translate(rip)
  }
}
