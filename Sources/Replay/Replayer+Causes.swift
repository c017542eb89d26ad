internal import Machine
internal import Trace

extension Replayer {
  /// How often a replay that is repeated for a cause looks at the guest's processes.
  private static var looks: UInt64 { 65_536 }

  /// Adds to a divergence what the guest was about to execute and the user-space instructions that
  /// may have made it.
  ///
  /// The process that executed them may have ended since. So the replay is repeated from the last
  /// keyframe that agreed, and the processes are looked at on the way.
  func explain(_ divergence: Divergence) -> Divergence {
    var divergence = divergence
    var search = UncontrolledInstructionSearch(includesTimestamp: policy.tsc != .freeze)
    // Nothing is replayed after this: what answer the last exit gets does not matter.
    try? abandonInstruction()
    if let system = try? cpu.captureState().system {
      divergence.nextInstruction = UncontrolledInstructionSearch.text(
        at: divergence.registers.rip, system, in: memory)
      search.look(at: system, in: memory)
    }
    // A repetition that fails has still looked at what came before.
    if policy.tsc != .freeze, let checkpoint {
      try? revisit(from: checkpoint, until: divergence.index, &search)
    }
    divergence.instructions = search.found
    return divergence
  }

  private func revisit(
    from checkpoint: ReplayCheckpoint, until end: EventIndex,
    _ search: inout UncontrolledInstructionSearch
  ) throws {
    let reached = verdict
    defer { verdict = reached }
    try rewind(to: checkpoint)
    let start = current.index
    guard end > start else { return }
    let interval = max(1, (end - start) / Self.looks)
    var lastRoot: UInt64 = 0
    var looks = 0
    while let event = try cursor.next(), cursor.index < end {
      try advance(to: event)
      try replay(event)
      verdict.events += 1
      remember()
      // A plain OUT can be completed here; other instructions may have another exit to come.
      guard event.kind == .portWrite, event.payloadLength == 0, cursor.index % interval == 0 else {
        continue
      }
      try reachBoundary()
      let system = try cpu.captureState().system
      looks += 1
      // Reading registers is cheap; a process that is still the same has few new pages.
      guard system.cr3 != lastRoot || looks % 32 == 0 else { continue }
      lastRoot = system.cr3
      search.look(at: system, in: memory)
    }
  }
}
