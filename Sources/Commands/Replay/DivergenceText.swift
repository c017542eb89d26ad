internal import Analysis
internal import Machine
internal import Replay
internal import Reporting
internal import Trace

/// A divergence report: what differs, both sides, and where to look.
enum DivergenceText {
  static func render(
    _ divergence: Divergence, _ verdict: ReplayVerdict, path: String, tscPolicy: String
  ) -> String {
    var lines = [
      "diverged at event \(divergence.index) of \(path): "
        + headline(divergence)
    ]
    lines.append(
      "  \(verdict.guestMadeExits) guest-made exits and \(verdict.keyframesCompared) keyframes "
        + "were identical before it")
    for entry in divergence.context {
      lines.append("    \(line(entry.index, entry.event))")
    }
    lines.append(
      "  recorded  "
        + line(divergence.index, divergence.recorded, divergence.recordedPayload))
    if let replayed = divergence.replayed {
      lines.append(
        "  replayed  " + line(divergence.index, replayed, divergence.replayedPayload))
    }
    lines += stateLines(divergence.difference)
    lines.append("  replayed registers:")
    lines += registerLines(divergence.registers)
    if let instruction = divergence.nextInstruction { lines.append("    at RIP: \(instruction)") }
    lines += divergence.instructions.map { instructionLine($0, policy: tscPolicy) }
    if !divergence.suspects.isEmpty {
      lines.append("  since the last exit that matched (where to look first):")
      for entry in divergence.suspects.suffix(12) {
        lines.append("    \(line(entry.index, entry.event))")
      }
    }
    lines += resyncLines(verdict)
    return lines.joined(separator: "\n")
  }

  /// What became of a replay that went on after this divergence.
  private static func resyncLines(_ verdict: ReplayVerdict) -> [String] {
    guard verdict.resyncCount > 0 else { return [] }
    var lines = verdict.resyncs.map { resync in
      "    event \(resync.divergence): \(headline(resync.difference)); "
        + (resync.keyframe.map { "went on from keyframe \($0)" } ?? "no keyframe follows")
        + ", \(resync.skippedEvents) events skipped"
    }
    let unlisted = verdict.resyncCount - UInt64(verdict.resyncs.count)
    if unlisted > 0 { lines.append("    and \(unlisted) more") }
    return ["  differences in all: \(verdict.resyncCount)"] + lines + [
      "  \(verdict.events) of \(verdict.events + verdict.skippedEvents) events agreed, "
        + "\(verdict.skippedEvents) were skipped"
    ]
  }

  /// One suspect; it was found in memory, which does not prove that it ran.
  static func instructionLine(
    _ instruction: UncontrolledInstruction, policy: String
  ) -> String {
    let address = "0x" + String(instruction.address, radix: 16)
    return "  suspect: user-space \(instruction.text) at \(address): "
      + (instruction.readsTimestamp
        ? "the TSC policy \(policy) does not control it" : "no policy controls it")
  }

  private static func line(_ index: EventIndex, _ event: Event, _ payload: [UInt8] = []) -> String {
    EventDescription(EventRecord(index: index, event: event, payload: payload)).line
  }

  /// What differs, in one clause.
  static func headline(_ divergence: Divergence) -> String { headline(divergence.difference) }

  private static func headline(_ difference: Divergence.Difference) -> String {
    switch difference {
    case .fields(let names):
      "the exit differs in \(names.joined(separator: ", "))"
    case .registers:
      "the exit is the same, but the guest's registers are not (the digest differs)"
    case .input:
      "the recorded input does not match its own digest: the reel was altered here"
    case .noExit(let bound):
      "the guest made no exit within "
        + (bound < 1_000_000_000 ? "\(bound / 1_000_000) ms" : "\(bound / 1_000_000_000) s")
    case .unexpectedExit:
      "the guest made an exit inside the instruction that the reel says was complete"
    case .notReady:
      "an interrupt was injected here, but the replayed guest cannot take one"
    case .replyMismatch:
      "the reel's answer does not fit the exit it answers"
    case .state(let fields, let pages):
      "the state at the keyframe differs (\(fields.count) fields, \(pages.count) pages)"
    }
  }

  private static func stateLines(_ difference: Divergence.Difference) -> [String] {
    guard case .state(let fields, let pages) = difference else { return [] }
    return fields.map { "  \($0.field): recorded \($0.recorded), replayed \($0.replayed)" }
      + pages.map { page in
        let address = UInt64(page.page) * UInt64(GuestMemory.pageSize) + UInt64(page.offset ?? 0)
        return "  memory at 0x\(String(address, radix: 16)): recorded "
          + "0x\(String(page.recorded, radix: 16)), replayed 0x\(String(page.replayed, radix: 16))"
      }
  }

  private static func registerLines(_ registers: GeneralRegisters) -> [String] {
    let cells = registers.named.map { name, value in
      let digits = String(value, radix: 16)
      return name + String(repeating: " ", count: max(1, 7 - name.count))
        + String(repeating: "0", count: 16 - digits.count) + digits
    }
    return stride(from: 0, to: cells.count, by: 3).map {
      "    " + cells[$0..<min($0 + 3, cells.count)].joined(separator: "  ")
    }
  }
}
