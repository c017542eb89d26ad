internal import Analysis
internal import ArgumentParser
internal import Export
internal import SQLiteIO
internal import Trace
internal import TraceIO

/// `vmreel export`: a reel in the formats of other programs.
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a reel as CSV, JSON Lines, a SQLite database or a timeline.",
    discussion: """
      csv and jsonl hold one table (--table); sqlite holds all, with views for common questions; \
      perfetto (for ui.perfetto.dev and trace_processor) and chrome (JSON, for about:tracing) \
      show each exit as a slice on its vCPU's track. Times are host nanoseconds since the \
      recording began. The user guide describes the columns.

      Example:
        vmreel export ticker.reel --format sqlite -o ticker.db
        sqlite3 ticker.db 'SELECT * FROM exits_by_reason'
      """)

  @Argument(help: "The reel.")
  var reel: String

  @Option(name: .long, help: "csv, jsonl, sqlite, perfetto or chrome.")
  var format: ExportFormat

  @Option(name: .long, help: "Which table csv and jsonl hold: events, exits or kernel-exits.")
  var table: ExportTable?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Events A..B, B excluded, and the kernel exits after them.", valueName: "a..b"))
  var range: EventRange?

  @Flag(name: .long, help: "Go on past damaged blocks, count the loss, and exit 2.")
  var skipDamaged = false

  @OptionGroup var destination: ExportDestination

  mutating func validate() throws {
    guard table == nil || format == .csv || format == .jsonl else {
      throw ValidationError("--table is for csv and jsonl; \(format.rawValue) holds all")
    }
    guard format != .sqlite || !destination.isStandardOutput else {
      throw ValidationError("sqlite needs a file to write: name one with -o")
    }
  }

  func run() throws {
    if format == .perfetto { try destination.refuseTerminal("perfetto") }
    let opened = try OpenedReel(path: reel)
    let facts = facts(of: opened)
    let names = KernelExitName(opened.metadata)
    try checkRange(opened)
    try checkTable(opened)
    if !facts.hasTimes, format == .perfetto || format == .chrome {
      throw CommandFailure(
        "\(reel): the host times were stripped from this reel, and a timeline is made of them; "
          + "export csv, jsonl or sqlite")
    }
    let walk =
      switch format {
      case .csv: try exportRows(.csv, opened, facts, names)
      case .jsonl: try exportRows(.jsonLines, opened, facts, names)
      case .sqlite: try exportDatabase(opened, facts, names)
      case .perfetto: try exportTimeline(.perfetto, opened, facts, names)
      case .chrome: try exportTimeline(.chrome, opened, facts, names)
      }
    tell(of: walk)
    if walk.lostEvents > 0 || walk.lostKernelExits > 0 { throw ExitStatus.trouble }
    try opened.requireWhole()
  }

  /// Refuses a table of events where there are kernel exits only.
  private func checkTable(_ opened: OpenedReel) throws {
    let isOfEvents = (format == .csv || format == .jsonl) && table != .kernelExits
    guard isOfEvents, opened.reel.eventBlocks.isEmpty, !opened.reel.kernelExitBlocks.isEmpty else {
      return
    }
    throw CommandFailure("\(reel): it holds no events; --table kernel-exits has what it holds")
  }

  /// Refuses a range that holds nothing.
  private func checkRange(_ opened: OpenedReel) throws {
    guard let lower = range?.lower, let first = opened.reel.eventBlocks.first,
      lower >= opened.reel.eventCount
    else { return }
    throw CommandFailure(
      "\(reel): --range begins at event \(lower), and the reel has events "
        + "\(first.header.firstEvent)..<\(opened.reel.eventCount)")
  }

  private func exportRows(
    _ format: RowFormat, _ opened: OpenedReel, _ facts: ExportFacts, _ names: KernelExitName
  ) throws -> ExportWalk {
    switch table ?? .events {
    case .events: return try export(opened) { EventRows(format, facts: facts, to: $0) }
    case .exits: return try export(opened) { ExitRows(format, facts: facts, to: $0) }
    case .kernelExits:
      return try export(opened) { KernelExitRows(format, facts: facts, names: names, to: $0) }
    }
  }

  private func exportTimeline(
    _ format: TimelineExport.Format, _ opened: OpenedReel, _ facts: ExportFacts,
    _ names: KernelExitName
  ) throws -> ExportWalk {
    try export(opened) { TimelineExport(format, facts: facts, names: names, to: $0) }
  }

  /// Runs an export whose bytes go to the destination as they come.
  private func export(
    _ opened: OpenedReel, _ make: (ByteOutput) -> some ExportTarget
  ) throws -> ExportWalk {
    try destination.withSink(for: opened) { sink in
      var target = make(ByteOutput(sink))
      return try walk(opened, into: &target)
    }
  }

  private func exportDatabase(
    _ opened: OpenedReel, _ facts: ExportFacts, _ names: KernelExitName
  ) throws -> ExportWalk {
    try destination.withFile(for: opened) { file in
      do {
        var target = try DatabaseExport(path: file.partPath, facts: facts, names: names)
        let walk = try walk(opened, into: &target)
        var facts = facts
        facts.add("events", String(walk.events))
        facts.add("kernel_exits", String(walk.kernelExits))
        facts.add("lost_events", String(walk.lostEvents))
        facts.add("lost_kernel_exits", String(walk.lostKernelExits))
        try target.close(facts)
        return walk
      } catch let error as SQLiteError {
        throw CommandFailure(error.description)
      }
    }
  }

  private func walk(
    _ opened: OpenedReel, into target: inout some ExportTarget
  ) throws -> ExportWalk {
    var walk = ExportWalk(opened.reel)
    walk.range = range.map { $0.lower..<($0.upper ?? .max) }
    walk.skipsDamagedBlocks = skipDamaged
    let progress = ProgressLine(label: "exporting", total: opened.reel.eventCount)
    defer { progress.clear() }
    do {
      try walk.run(into: &target) { progress.update($0) }
    } catch let error as TraceError {
      throw CommandFailure(
        "\(opened.path): \(error.description); --skip-damaged exports the rest")
    }
    return walk
  }

  private func tell(of walk: ExportWalk) {
    if walk.lostEvents > 0 || walk.lostKernelExits > 0 {
      StandardError.note(
        "note: \(reel): lost in damaged blocks: \(walk.lostEvents) events, "
          + "\(walk.lostKernelExits) kernel exits")
    }
    if !destination.isStandardOutput {
      StandardError.note("exported \(extent(of: walk)) to \(destination.output)")
    }
  }

  private func extent(of walk: ExportWalk) -> String {
    switch (format, table) {
    case (.csv, .kernelExits), (.jsonl, .kernelExits): "\(walk.kernelExits) kernel exits"
    case (.csv, .exits), (.jsonl, .exits): "the exits among \(walk.events) events"
    case (.csv, _), (.jsonl, _): "\(walk.events) events"
    default: "\(walk.events) events and \(walk.kernelExits) kernel exits"
    }
  }

  private func facts(of opened: OpenedReel) -> ExportFacts {
    let metadata = opened.metadata
    var facts = ExportFacts(
      guest: metadata.guest.name, hasTimes: !opened.strippedParts.contains(.times),
      hasConsole: opened.reel.header.hasConsole)
    facts.add("exporter", "vmreel \(VMReel.version)")
    facts.add("recorder", metadata.tool)
    facts.add("guest", metadata.guest.name)
    facts.add("guest_kind", metadata.guest.kind)
    facts.add("guest_sha256", metadata.guest.sha256)
    facts.add("host_cpu", metadata.host.cpu)
    facts.add("host_kernel", metadata.host.kernel)
    facts.add("kvm_module", metadata.host.kvmModule)
    facts.add("clock", metadata.policies.clock)
    facts.add("times", facts.hasTimes ? "host nanoseconds since the recording began" : "stripped")
    facts.add("end", ending(of: opened.reel))
    if let range { facts.add("range", "\(range.lower)..\(range.upper.map(String.init) ?? "")") }
    return facts
  }

  private func ending(of reel: Reel) -> String {
    switch reel.tail {
    case .whole: reel.end?.reason.name ?? "whole"
    case .partial: "partial: the reel has no end record"
    case .damaged: "damaged: what follows was not read"
    }
  }
}

/// The values of --format.
enum ExportFormat: String, ExpressibleByArgument, CaseIterable {
  case csv
  case jsonl
  case sqlite
  case perfetto
  case chrome
}

/// The values of --table.
enum ExportTable: String, ExpressibleByArgument, CaseIterable {
  case events
  case exits
  case kernelExits = "kernel-exits"
}
