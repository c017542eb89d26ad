internal import Import
internal import ReelFixtures
internal import Trace

/// Logs from fuzz inputs, imported as `import` does.
///
///     u8 options, the log
///
/// Options: bits 0–1 the format asked for (0 any), bits 2–7 how the log is cut into portions.
enum LogInput {
  static func run(_ bytes: [UInt8]) {
    var input = FuzzInput(bytes)
    let options = input.byte()
    let formats = [nil] + LogFormat.allCases
    let format = formats[Int(options & 3)]
    let log = input.remainder()
    let whole = importer(log, format, portion: max(1, log.count))
    let cut = importer(log, format, portion: 1 + Int(options >> 2))
    precondition(whole.exits == cut.exits && whole.summary == cut.summary, "cuts must not matter")
    let summary = whole.summary
    let told = summary.events + summary.otherEvents.values.reduce(0, +) + summary.unknownLineCount
    precondition(told <= summary.lines, "a line counts once")
    precondition(whole.vcpus.reduce(0) { $0 + $1.exits } == UInt64(whole.exits.count))
    check(whole)
  }

  private static func importer(_ log: [UInt8], _ format: LogFormat?, portion: Int) -> LogImporter {
    var importer = LogImporter(format: format)
    var begin = 0
    while begin < log.count {
      let end = min(begin + portion, log.count)
      importer.feed(log.span.extracting(begin..<end))
      begin = end
    }
    importer.finish()
    return importer
  }

  /// The exits must come back from a reel as they were.
  private static func check(_ importer: LogImporter) {
    var encoder = BlockEncoder(pageKey: ReelAssembly.pageKey)
    var reel = FileHeader(pageKey: ReelAssembly.pageKey).encoded()
    reel += encoder.block(.metadata, Array("{}".utf8))
    if !importer.exits.isEmpty {
      let block = unsafe importer.exits.withUnsafeBufferPointer {
        unsafe encoder.block($0, firstTime: 0)
      }
      reel += block
    }
    reel += encoder.end(EndRecord(reason: .endOfLog))
    guard let read = try? Reel(MemorySource(reel)) else { preconditionFailure("no reel") }
    var cursor = KernelExitCursor(read)
    for exit in importer.exits {
      precondition((try? cursor.next()) == exit, "an exit must survive its reel")
    }
  }
}
