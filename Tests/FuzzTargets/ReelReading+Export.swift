internal import Analysis
internal import Export
internal import Trace

extension ReelReading {
  /// Exports a reel in every format whose bytes are made here, as if it had times.
  ///
  /// What is exported must depend on nothing but the reel; a text format must be text.
  static func export(_ reel: Reel, _ metadata: Metadata?) {
    var facts = ExportFacts(guest: metadata?.guest.name ?? "", hasTimes: true, hasConsole: true)
    facts.add("guest", metadata?.guest.name ?? "")
    let names = KernelExitName(metadata)
    for format in [RowFormat.csv, .jsonLines] {
      export(reel, isText: true) { EventRows(format, facts: facts, to: $0) }
      export(reel, isText: true) { ExitRows(format, facts: facts, to: $0) }
      export(reel, isText: true) { KernelExitRows(format, facts: facts, names: names, to: $0) }
    }
    export(reel, isText: true) { TimelineExport(.chrome, facts: facts, names: names, to: $0) }
    export(reel, isText: false) { TimelineExport(.perfetto, facts: facts, names: names, to: $0) }
  }

  private static func export(
    _ reel: Reel, isText: Bool, _ make: (ByteOutput) -> some ExportTarget
  ) {
    let output = ByteOutput { chunk in
      precondition(!chunk.isEmpty)
      guard isText else { return }
      precondition(String(validating: chunk, as: UTF8.self) != nil, "an export is not UTF-8")
    }
    var target = make(output)
    var walk = ExportWalk(reel)
    walk.skipsDamagedBlocks = true
    do {
      try walk.run(into: &target)
    } catch {
      preconditionFailure("an export that skips damage fails: \(error)")
    }
  }
}
