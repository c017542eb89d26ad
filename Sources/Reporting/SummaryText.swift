public import Analysis
internal import Trace

/// The text of `info`.
public enum SummaryText {
  /// The whole report.
  public static func render(_ summary: ReelSummary) -> String {
    var rows: [(String, String)] = [("format", summary.format)]
    if let metadata = summary.metadata { rows += guest(metadata) }
    rows += [
      ("file", NumberText.count(summary.byteCount, "byte")),
      ("events", events(summary)),
      (
        "exits",
        "\(summary.exits) (\(summary.guestMadeExits) guest-made), "
          + "\(NumberText.fixed(summary.eventBytesPerExit, decimals: 2)) bytes each, "
          + "\(NumberText.fixed(summary.bytesPerExit, decimals: 2)) with keyframes and pages"
      ),
      ("kernel exits", summary.kernelExits.sentence),
      ("keyframes", keyframes(summary)),
      ("pages", pages(summary)),
      ("duration", NumberText.duration(summary.durationNanoseconds) + " on the host"),
      ("virtual time", NumberText.duration(summary.virtualTimeNanoseconds)),
      ("end", summary.ending.description), ("tail", tail(summary.ending)),
    ]
    if let metadata = summary.metadata {
      rows += host(metadata)
    } else {
      rows.append(("metadata", "unreadable"))
    }
    var table = TextTable(alignments: [.left, .left])
    for row in rows { table.add([row.0, EscapedText.terminal(row.1)]) }
    let lines = table.lines + [""] + blocks(summary.blocks) + ["", "Note: \(summary.note)."]
    return lines.joined(separator: "\n") + "\n"
  }

  private static func guest(_ metadata: Metadata) -> [(String, String)] {
    let guest = metadata.guest
    var rows = [("guest", "\(guest.name) (\(guest.kind))"), ("sha256", guest.sha256)]
    if let entry = guest.entry { rows.append(("entry", entry)) }
    if let append = guest.append { rows.append(("append", append)) }
    rows += guest.modules.map { ("module", "\($0.name) \($0.sha256)") }
    if let initrd = guest.initrd { rows.append(("initrd", "\(initrd.name) \(initrd.sha256)")) }
    rows += [
      ("memory", "\(metadata.memoryMiB) MiB"), ("board", metadata.board.name),
      ("cpu model", "\(metadata.cpu.model), CPUID \(metadata.cpu.cpuid)"),
    ]
    return rows
  }

  private static func host(_ metadata: Metadata) -> [(String, String)] {
    let policies = metadata.policies
    var rows = [
      ("recorded by", metadata.tool),
      ("command", metadata.commandLine.joined(separator: " ")),
      (
        "host",
        "\(metadata.host.cpu), Linux \(metadata.host.kernel), \(metadata.host.kvmModule)"
      ),
      (
        "RIP at exits",
        metadata.host.ripConventions.sorted { $0.key < $1.key }
          .map { "\($0.key) \($0.value)" }.joined(separator: ", ")
      ),
      (
        "policies",
        "placement \(policies.placement), clock \(policies.clock), "
          + "irq-window \(policies.interruptWindow), TSC \(policies.tsc), check \(policies.check)"
      ),
      (
        "",
        "quantum \(NumberText.duration(policies.quantumNanoseconds)), "
          + "exit cost \(NumberText.duration(policies.exitCostNanoseconds))"
      ),
    ]
    for entry in metadata.history ?? [] {
      rows.append(
        (
          "history",
          "\(entry.operation) (\(entry.tool)): \(entry.removed); "
            + "works with \(entry.works.joined(separator: ", "))"
        ))
    }
    if let sites = policies.tscSites {
      rows.append(
        (
          "TSC sites",
          "\(sites.rewritten.count) RDTSC rewritten, \(sites.hidden.count) RDTSCP hidden by CPUID; "
            + "\(sites.userSpace.count) in the vDSO and all of user space not controlled"
        ))
    }
    return rows
  }

  private static func events(_ summary: ReelSummary) -> String {
    let lost = summary.lostEvents
    return String(summary.events) + (lost == 0 ? "" : "; \(lost) more lost to damaged blocks")
  }

  private static func pages(_ summary: ReelSummary) -> String {
    summary.isStripped
      ? "stripped: can be read, not replayed" : "\(summary.storedPages) stored"
  }

  private static func keyframes(_ summary: ReelSummary) -> String {
    let bad = summary.unreadableKeyframes
    return Listing.counts(summary.keyframes) + (bad == 0 ? "" : "; \(bad) unreadable")
  }

  private static func tail(_ ending: ReelEnding) -> String {
    guard let offset = ending.offset else { return ending.tail }
    return "\(ending.tail) at offset \(offset)" + (ending.damage.map { ": " + $0 } ?? "")
  }

  private static func blocks(_ blocks: [BlockCount]) -> [String] {
    var table = TextTable([
      ("Block", .left), ("Count", .right), ("Stored", .right), ("Raw", .right),
      ("Ratio", .right),
    ])
    for block in blocks {
      table.add([
        block.type, String(block.count), String(block.storedBytes), String(block.rawBytes),
        NumberText.fixed(block.compressionRatio, decimals: 2),
      ])
    }
    return table.lines
  }
}
