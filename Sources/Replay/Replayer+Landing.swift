internal import Machine
internal import Trace

extension Replayer {
  /// Reaches the end of a sealed segment: by re-execution, or else by installing its keyframe.
  ///
  /// A requested interrupt window stays requested either way, as it did while recording.
  func land(_ kick: Event) throws {
    try reachBoundary()
    try checkInput(kick)
    verdict.guestNanoseconds.add(kick.sliceNanoseconds)
    if let keyframe = try seal() {
      let pages = try pageMap(after: keyframe)
      let target = normalized(try state(of: keyframe))
      if try search(target, pages, slice: kick.sliceNanoseconds) {
        verdict.sealsReexecuted += 1
        return
      }
      try install(keyframe, pages: pages)
    }
    verdict.sealsJumped += 1
    verdict.jumpedNanoseconds.add(kick.sliceNanoseconds)
  }

  /// The keyframe that seals the current kick; `nil` when the reel ends before its mark, because
  /// the recorder was killed or the processor failed there.
  private func seal() throws -> Keyframe? {
    var ahead = cursor
    guard let mark = try ahead.next() else { return nil }
    guard mark.kind == .keyframe else {
      throw ReplayError.unsupported(
        "event \(current.index) is a kick, but no keyframe follows it to seal it")
    }
    return try keyframe(number: mark.address, markedAt: ahead.index)
  }

  /// Looks for the point where the guest's whole state equals the target's.
  ///
  /// Equality of all registers and of all changed pages is a correct landing by definition.
  ///
  /// - Parameter slice: the host nanoseconds the recorded guest took to get there.
  private func search(
    _ target: VCPUState, _ pages: [UInt32: PageIdentity], slice: UInt64
  ) throws -> Bool {
    var effort = Effort(bounds, slice: slice)
    if try isAt(target, pages) { return true }
    if cpu.debugFeatures.contains(.breakpoint) {
      defer { try? cpu.setBreakpoint(nil) }
      return try searchByBreakpoint(target, pages, &effort)
    }
    guard cpu.debugFeatures.contains(.singleStep) else { return false }
    return try searchByStep(target, pages, &effort)
  }

  private func searchByStep(
    _ target: VCPUState, _ pages: [UInt32: PageIdentity], _ effort: inout Effort
  ) throws -> Bool {
    while effort.isLeft {
      if let hasLanded = try step(target, pages, &effort) { return hasLanded }
    }
    return false
  }

  /// Steps once.
  ///
  /// - Returns: whether the search ended there, and how; `nil` when it is to go on.
  private func step(
    _ target: VCPUState, _ pages: [UInt32: PageIdentity], _ effort: inout Effort
  ) throws -> Bool? {
    let before = cpu.registers
    guard try effort.count(cpu.step()) else { return false }
    if try isAt(target, pages) { return true }
    effort.stepsInPlace = cpu.registers == before ? effort.stepsInPlace + 1 : 0
    guard effort.stepsInPlace >= Effort.standstillSteps else { return nil }
    return try searchAtStandstill(target, pages)
  }

  /// Looks at a guest whose steps change nothing where a recorded kick would have found it.
  ///
  /// Steps show one phase only of an instruction that never ends, such as one whose exception
  /// KVM tries to deliver for ever; a kick may find another.
  private func searchAtStandstill(
    _ target: VCPUState, _ pages: [UInt32: PageIdentity]
  ) throws -> Bool {
    try cpu.setBreakpoint(nil)
    for _ in 0..<Effort.standstillRuns {
      let exit = try cpu.run(sliceLimitNanoseconds: Effort.standstillNanoseconds)
      if exit.reason == .kick(.request) { throw ReplayStop(outcome: .interrupted) }
      guard exit.reason == .kick(.sliceLimit) else { return false }
      if try isAt(target, pages) { return true }
    }
    return false
  }

  /// Stops at the target's RIP until the rest of the state agrees.
  ///
  /// A breakpoint on a REP instruction hits once for all iterations, so while RIP stays there
  /// the guest is stepped.
  private func searchByBreakpoint(
    _ target: VCPUState, _ pages: [UInt32: PageIdentity], _ effort: inout Effort
  ) throws -> Bool {
    let address = target.registers.rip &+ target.system.segments[0].base
    let canStep = cpu.debugFeatures.contains(.singleStep)
    while effort.isLeft {
      try cpu.setBreakpoint(nil)
      while canStep, cpu.registers.rip == target.registers.rip {
        guard effort.isLeft else { return false }
        if let hasLanded = try step(target, pages, &effort) { return hasLanded }
      }
      try cpu.setBreakpoint(address)
      let exit = try cpu.run(sliceLimitNanoseconds: effort.runLimitNanoseconds)
      guard try effort.count(exit) else { return false }
      if try isAt(target, pages) { return true }
      // The address may be hit with another CS and RIP: not there yet.
      guard exit.reason == .debug(address: address) else { return false }
    }
    return false
  }

  /// Whether the guest is in the target state, asking the cheapest question first.
  private func isAt(_ target: VCPUState, _ pages: [UInt32: PageIdentity]) throws -> Bool {
    var live = cpu.registers
    live.rflags &= ~RFlags.resume
    guard live == target.registers else { return false }
    let state = normalized(try cpu.captureState())
    guard differences(from: target, to: state).isEmpty else { return false }
    return try pageDifferences(pages, all: false).differing.isEmpty
  }
}

/// What a landing has cost so far.
private struct Effort {
  /// After so many steps that change no register the guest stands still.
  static let standstillSteps = 64
  /// Kicks that then look for the target.
  static let standstillRuns = 64
  static let standstillNanoseconds: UInt64 = 500_000

  private let bounds: ReplayBounds
  /// How long the guest may run towards a breakpoint: far longer than the recorded one took.
  let runLimitNanoseconds: UInt64
  /// Steps since a register last changed.
  var stepsInPlace = 0
  private var stops = 0
  private var started: UInt64?
  private var elapsed: UInt64 = 0

  init(_ bounds: ReplayBounds, slice: UInt64) {
    self.bounds = bounds
    var limit: UInt64 = 1_000_000_000
    for _ in 0..<16 { limit.add(slice) }
    runLimitNanoseconds = min(limit, bounds.landingNanoseconds)
  }

  var isLeft: Bool { stops < bounds.landingStops && elapsed < bounds.landingNanoseconds }

  /// Counts a step or a hit; false when the guest did anything else instead.
  mutating func count(_ exit: Exit) throws -> Bool {
    if exit.reason == .kick(.request) { throw ReplayStop(outcome: .interrupted) }
    stops += 1
    let start = started ?? exit.entryNanoseconds
    started = start
    elapsed = exit.exitNanoseconds &- start
    if case .debug = exit.reason { return true }
    return false
  }
}
