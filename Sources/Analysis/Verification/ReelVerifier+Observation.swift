internal import Trace

extension ReelVerifier {
  /// Kernel exits hang on events in ascending order.
  mutating func checkKernelExits(_ block: BlockDescriptor) throws(TraceError) {
    let decoded = try reel.kernelExits(of: block)
    if let lastKernelExitTime, lastKernelExitTime != block.header.firstTime {
      note(
        .damage, block,
        "the block goes on from \(block.header.firstTime) ns, the one before ends at "
          + "\(lastKernelExitTime) ns")
    }
    // A lost block leaves a gap: what follows cannot be held to it.
    lastKernelExitTime = hasLoss ? nil : block.header.lastTime
    if let first = decoded.exits.first, first.anchor != block.header.firstEvent {
      note(.damage, block, "the first kernel exit is not after the event the block header says")
    }
    for exit in decoded.exits {
      if exit.isa != 1, exit.isa != 2 {
        note(.damage, block, "a kernel exit is of instruction set \(exit.isa), which is none")
      }
      if let what = Self.misfit(of: exit) { note(.damage, block, what) }
      if exit.anchor < lastAnchor {
        note(
          .damage, block, "a kernel exit after event \(exit.anchor) follows one after \(lastAnchor)"
        )
      }
      lastAnchor = exit.anchor
    }
    if let last = decoded.exits.last, last.exitTime != block.header.lastTime {
      note(
        .damage, block,
        "the last kernel exit is at \(last.exitTime) ns, the block header says "
          + "\(block.header.lastTime)")
    }
    result.checked.kernelExits += UInt64(decoded.exits.count)
    result.checked.skippedColumns += UInt64(decoded.skippedColumns)
  }

  /// What does not fit together in what a kernel exit says of the access it was for.
  private static func misfit(of exit: KernelExitRecord) -> String? {
    if exit.access == .none {
      return exit.width == 0 && exit.count == 0 && exit.value == 0
        ? nil : "a kernel exit says how an access was and not what was accessed"
    }
    guard [.port, .memory, .msr].contains(exit.access.kind) else {
      return "a kernel exit is for an access of kind \(exit.access.kind.rawValue), which is none"
    }
    return exit.flags.contains(.address)
      ? nil : "a kernel exit is for an access and does not say to where"
  }

  /// What a whole reel says of its kernel exits against what there is.
  mutating func checkObservations() {
    // A recovered reel's recording went on: its kernel exits and totals may tell of what is lost.
    guard !hasLoss, let end = reel.end, end.reason != .recovered else { return }
    if lastAnchor > 0, lastAnchor >= reel.eventCount, let block = reel.kernelExitBlocks.last {
      note(.damage, block, "a kernel exit comes after event \(lastAnchor), which is not there")
    }
    // The totals count from the recording's start, which a trimmed reel may not hold.
    guard reel.eventBlocks.first?.header.firstEvent ?? 0 == 0,
      let (totals, block) = lastTotals, totals.moment == .end,
      let stated = totals["tracer.recorded"], stated != result.checked.kernelExits
    else { return }
    note(
      .damage, block,
      "the host totals say \(stated) kernel exits; there are \(result.checked.kernelExits)")
  }
}
