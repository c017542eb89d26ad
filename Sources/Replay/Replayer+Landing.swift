internal import Disassembly
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
      if try search(target, pages, at: keyframe.number, slice: kick.sliceNanoseconds) {
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
    _ target: VCPUState, _ pages: [UInt32: PageIdentity], at keyframe: UInt64, slice: UInt64
  ) throws -> Bool {
    var effort = LandingEffort(
      bounds, slice: slice, spent: verdict.landingNanoseconds, knownStop: knownLandings[keyframe])
    defer { verdict.landingNanoseconds.add(effort.elapsed) }
    guard try search(target, pages, slice: slice, &effort) else {
      if isReplayTainted, effort.isLeft, mayTryLandingAgain { throw TaintedLanding() }
      return false
    }
    if effort.isRepeatable { verdict.landings[keyframe] = effort.stops }
    return true
  }

  private func search(
    _ target: VCPUState, _ pages: [UInt32: PageIdentity], slice: UInt64,
    _ effort: inout LandingEffort
  ) throws -> Bool {
    if effort.mayHaveArrived, try isAt(target, pages) { return true }
    let isKernelMode = target.system.segments[0].selector & 3 == 0
    if cpu.debugFeatures.contains(.breakpoint)
      || isKernelMode && cpu.debugFeatures.contains(.softwareBreakpoint)
    {
      let address = target.registers.rip &+ target.system.segments[0].base
      if try cpu.setBreakpoint(address) {
        defer { _ = try? cpu.setBreakpoint(nil) }
        return try searchByBreakpoint(at: address, slice: slice, target, pages, &effort)
      }
    }
    guard cpu.debugFeatures.contains(.singleStep) else { return false }
    return try searchByStep(target, pages, &effort)
  }

  private func searchByStep(
    _ target: VCPUState, _ pages: [UInt32: PageIdentity], _ effort: inout LandingEffort
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
    _ target: VCPUState, _ pages: [UInt32: PageIdentity], _ effort: inout LandingEffort
  ) throws -> Bool? {
    let before = cpu.registers
    guard try effort.count(noting(cpu.step())) else { return false }
    if effort.mayHaveArrived, try isAt(target, pages) { return true }
    effort.stepsInPlace = cpu.registers == before ? effort.stepsInPlace + 1 : 0
    guard effort.stepsInPlace >= LandingEffort.standstillSteps else { return nil }
    effort.isRepeatable = false
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
    for _ in 0..<LandingEffort.standstillRuns {
      let exit = noting(
        try cpu.run(sliceLimitNanoseconds: LandingEffort.standstillNanoseconds))
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
    at address: UInt64, slice: UInt64, _ target: VCPUState, _ pages: [UInt32: PageIdentity],
    _ effort: inout LandingEffort
  ) throws -> Bool {
    var prediction = ArrivalPrediction(target: target.registers, slice: slice)
    while effort.isLeft {
      if let hasLanded = try stepIterations(target, pages, &effort) { return hasLanded }
      if effort.knownStop == nil, let slice = prediction.safeSlice {
        effort.isRepeatable = false
        try cpu.setBreakpoint(nil)
        guard try runAhead(slice, &prediction) else { return false }
        if try isAt(target, pages) { return true }
      }
      guard try cpu.setBreakpoint(address) else { return false }
      let exit = noting(try cpu.run(sliceLimitNanoseconds: effort.runLimitNanoseconds))
      guard try effort.count(exit) else { return false }
      if effort.mayHaveArrived, try isAt(target, pages) { return true }
      // The address may be hit with another CS and RIP: not there yet.
      guard exit.reason == .debug(address: address) else { return false }
      prediction.note(cpu.registers)
    }
    return false
  }

  /// Steps through the iterations of a repeated string instruction at the target's RIP.
  ///
  /// - Returns: whether the search ended there, and how; `nil` when it is to go on.
  private func stepIterations(
    _ target: VCPUState, _ pages: [UInt32: PageIdentity], _ effort: inout LandingEffort
  ) throws -> Bool? {
    guard cpu.registers.rip == target.registers.rip,
      cpu.debugFeatures.contains(.singleStep)
    else { return nil }
    try cpu.setBreakpoint(nil)
    while cpu.registers.rip == target.registers.rip, try isAtRepeatedInstruction() {
      guard effort.isLeft else { return false }
      if let hasLanded = try step(target, pages, &effort) { return hasLanded }
    }
    return nil
  }

  private func isAtRepeatedInstruction() throws(ProcessorError) -> Bool {
    guard let code = try cpu.code(at: cpu.registers.rip),
      let width = CodeWidth(rawValue: code.bits)
    else { return false }
    return Instruction(decoding: code.bytes, width: width)?.isRepeated ?? false
  }

  /// Lets the guest run for a part of the time the target is away.
  ///
  /// - Returns: false when it made an exit instead, so that the target was missed.
  private func runAhead(_ slice: UInt64, _ prediction: inout ArrivalPrediction) throws -> Bool {
    let exit = noting(try cpu.run(sliceLimitNanoseconds: slice))
    switch exit.reason {
    case .kick(.request): throw ReplayStop(outcome: .interrupted)
    case .kick(.sliceLimit):
      prediction.noteRun(nanoseconds: exit.exitNanoseconds &- exit.entryNanoseconds, cpu.registers)
      return true
    default: return false
    }
  }

  /// Whether the guest is in the target state, asking the cheapest question first.
  private func isAt(_ target: VCPUState, _ pages: [UInt32: PageIdentity]) throws -> Bool {
    var live = cpu.registers
    live.rflags &= ~RFlags.resume
    guard live == target.registers else { return false }
    // A breakpoint in RAM must not count as a difference.
    try cpu.setBreakpoint(nil)
    let state = normalized(try cpu.captureState())
    guard differences(from: target, to: state).isEmpty else { return false }
    return try pageDifferences(pages, all: false).differing.isEmpty
  }
}
