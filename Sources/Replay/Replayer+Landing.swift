internal import Disassembly
internal import Machine
internal import Trace

extension Replayer {
  /// Reaches the end of a sealed segment: by re-execution, or else by installing its keyframe.
  ///
  /// A requested interrupt window stays requested either way, as it did while recording.
  func land(_ kick: Event) throws {
    try reachBoundary()
    verdict.guestNanoseconds.add(kick.sliceNanoseconds)
    if let keyframe = try seal() {
      var target = LandingTarget(
        normalized(try state(of: keyframe)), try pageMap(after: keyframe),
        sliceNanoseconds: kick.sliceNanoseconds)
      let isExact = try search(&target, at: keyframe.number)
      verdict.noteSeal(isExact: isExact, isUserMode: target.isUserMode)
      if isExact { return }
      try install(keyframe, pages: target.pages)
    } else {
      verdict.noteSeal(isExact: false, isUserMode: false)
    }
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
  private func search(_ target: inout LandingTarget, at keyframe: UInt64) throws -> Bool {
    let before = checkpoint?.verdict.landingNanoseconds ?? verdict.landingNanoseconds
    var effort = LandingEffort(
      bounds, plan: LandingPlan.all[landingPlan], slice: target.sliceNanoseconds,
      spentHere: verdict.landingNanoseconds - before, spent: verdict.landingNanoseconds,
      knownStop: landingPlan == 0 && !distrustsKnownLanding ? knownLandings[keyframe] : nil)
    defer { verdict.landingNanoseconds.add(effort.elapsed) }
    let isExact = try search(&target, &effort)
    let isRetried = !isExact && mayTryAgain(after: effort)
    observer?.landed(
      LandingReport(
        index: current.index, instructionPointer: target.registers.rip,
        isUserMode: target.isUserMode, isExact: isExact, isRetried: isRetried,
        stops: effort.stops, timedRuns: effort.timedRuns, loopsLeft: effort.loopsLeft,
        candidates: effort.candidates,
        nanoseconds: effort.elapsed, missedAt: effort.missedAt))
    if isRetried { throw MissedLanding() }
    // Later replays count stops off under the first plan.
    if isExact, effort.isRepeatable, landingPlan == 0 { verdict.landings[keyframe] = effort.stops }
    return isExact
  }

  /// Whether a landing that failed is tried again from the last keyframe, and with which plan.
  private func mayTryAgain(after effort: LandingEffort) -> Bool {
    guard checkpoint != nil else { return false }
    if effort.mayDoBetter {
      if effort.knownStop != nil {
        // It may be another host's, or made up.
        distrustsKnownLanding = true
        return true
      }
      if landingPlan + 1 < LandingPlan.all.count {
        landingPlan += 1
        return true
      }
    }
    return isReplayTainted && effort.isLeft && rewinds < Self.landingRewindLimit
  }

  private func search(_ target: inout LandingTarget, _ effort: inout LandingEffort) throws -> Bool {
    if effort.mayHaveArrived, try isAt(&target, &effort) { return true }
    if let headStart = effort.headStartNanoseconds {
      let exit = noting(try cpu.run(sliceLimitNanoseconds: headStart))
      guard try effort.countRun(exit) else { return false }
      if try isAt(&target, &effort) { return true }
    }
    let isKernelMode = target.state.system.segments[0].selector & 3 == 0
    if cpu.debugFeatures.contains(.breakpoint)
      || isKernelMode && cpu.debugFeatures.contains(.softwareBreakpoint)
    {
      if try cpu.setBreakpoint(target.linearAddress) {
        defer { _ = try? cpu.setBreakpoint(nil) }
        return try searchByBreakpoint(&target, &effort)
      }
    }
    guard cpu.debugFeatures.contains(.singleStep) else { return false }
    return try searchByStep(&target, &effort)
  }

  private func searchByStep(
    _ target: inout LandingTarget, _ effort: inout LandingEffort
  ) throws -> Bool {
    while effort.isLeft {
      if let hasLanded = try step(&target, &effort) { return hasLanded }
    }
    return false
  }

  /// Steps once.
  ///
  /// - Returns: whether the search ended there, and how; `nil` when it is to go on.
  private func step(
    _ target: inout LandingTarget, _ effort: inout LandingEffort
  ) throws -> Bool? {
    let before = cpu.registers
    guard try effort.count(noting(cpu.step())) else { return false }
    if effort.mayHaveArrived, try isAt(&target, &effort) { return true }
    effort.stepsInPlace = cpu.registers == before ? effort.stepsInPlace + 1 : 0
    guard effort.stepsInPlace >= LandingEffort.standstillSteps else { return nil }
    effort.isRepeatable = false
    return try searchAtStandstill(&target, &effort)
  }

  /// Looks at a guest whose steps change nothing where a recorded kick would have found it.
  ///
  /// Steps show one phase only of an instruction that never ends, such as one whose exception
  /// KVM tries to deliver for ever; a kick may find another.
  private func searchAtStandstill(
    _ target: inout LandingTarget, _ effort: inout LandingEffort
  ) throws -> Bool {
    try cpu.setBreakpoint(nil)
    for _ in 0..<LandingEffort.standstillRuns {
      let exit = noting(
        try cpu.run(sliceLimitNanoseconds: LandingEffort.standstillNanoseconds))
      if exit.reason == .kick(.request) { throw ReplayStop(outcome: .interrupted) }
      guard exit.reason == .kick(.sliceLimit) else { return false }
      if try isAt(&target, &effort) { return true }
    }
    return false
  }

  /// Stops at the target's RIP until the rest of the state agrees.
  ///
  /// A breakpoint on a REP instruction hits once for all iterations, so while RIP stays there
  /// the guest is stepped.
  private func searchByBreakpoint(
    _ target: inout LandingTarget, _ effort: inout LandingEffort
  ) throws -> Bool {
    let address = target.linearAddress
    var prediction = ArrivalPrediction(target: target.registers, slice: target.sliceNanoseconds)
    var loop = FutileLoop(target: target.registers)
    while effort.isLeft {
      if let hasLanded = try stepIterations(&target, &effort) { return hasLanded }
      if effort.plan.leavesLoops, loop.isFutile {
        guard try leaveLoop(&effort) else { return false }
        loop.noteLeft()
      } else if effort.plan.predicts, effort.knownStop == nil, let slice = prediction.safeSlice {
        try cpu.setBreakpoint(nil)
        let exit = noting(try cpu.run(sliceLimitNanoseconds: slice))
        guard try effort.countRun(exit) else { return false }
        prediction.noteRun(
          slice: slice, nanoseconds: exit.exitNanoseconds &- exit.entryNanoseconds, cpu.registers)
        if try isAt(&target, &effort) { return true }
      }
      guard try cpu.setBreakpoint(address) else { return false }
      let exit = noting(try cpu.run(sliceLimitNanoseconds: effort.runLimitNanoseconds))
      guard try effort.count(exit) else { return false }
      if effort.mayHaveArrived, try isAt(&target, &effort) { return true }
      // The address may be hit with another CS and RIP: not there yet.
      guard exit.reason == .debug(address: address) else { return false }
      prediction.note(cpu.registers)
      loop.note(cpu.registers)
    }
    return false
  }

  /// Lets the guest run to where the function that is running returns.
  ///
  /// - Returns: false when it made an exit instead.
  private func leaveLoop(_ effort: inout LandingEffort) throws -> Bool {
    guard let address = try returnAddress(), try cpu.setBreakpoint(address) else { return true }
    effort.loopsLeft += 1
    return try effort.count(
      noting(cpu.run(sliceLimitNanoseconds: effort.runLimitNanoseconds)))
  }

  /// Steps through the iterations of a repeated string instruction at the target's RIP.
  ///
  /// - Returns: whether the search ended there, and how; `nil` when it is to go on.
  private func stepIterations(
    _ target: inout LandingTarget, _ effort: inout LandingEffort
  ) throws -> Bool? {
    guard target.mayIterate(cpu.registers), cpu.debugFeatures.contains(.singleStep) else {
      return nil
    }
    try cpu.setBreakpoint(nil)
    while cpu.registers.rip == target.registers.rip, try isAtRepeatedInstruction() {
      guard effort.isLeft else { return false }
      if let hasLanded = try step(&target, &effort) { return hasLanded }
    }
    return nil
  }

  private func isAtRepeatedInstruction() throws(ProcessorError) -> Bool {
    guard let code = try cpu.code(at: cpu.registers.rip),
      let width = CodeWidth(rawValue: code.bits)
    else { return false }
    return Instruction(decoding: code.bytes, width: width)?.isRepeated ?? false
  }

  /// Whether the guest is in the target state, asking the cheapest question first.
  private func isAt(_ target: inout LandingTarget, _ effort: inout LandingEffort) throws -> Bool {
    var live = cpu.registers
    live.rflags &= ~RFlags.resume
    guard live == target.registers else { return false }
    effort.candidates += 1
    // A breakpoint in RAM must not count as a difference.
    try cpu.setBreakpoint(nil)
    for (page, content) in target.telltales where !isInRAM(content, at: page) { return false }
    let state = normalized(try cpu.captureState())
    guard target.isState(state) else { return false }
    let differing = try pageDifferences(target.pages, all: false).differing
    for difference in differing {
      let recorded = target.pages[difference.page, default: .zero]
      target.note(difference.page, content: try reel.page(recorded))
    }
    return differing.isEmpty
  }

  private func isInRAM(_ content: [UInt8], at page: UInt32) -> Bool {
    let address = UInt64(page) * UInt64(GuestMemory.pageSize)
    return memory.read(address, count: content.count) == content
  }
}
