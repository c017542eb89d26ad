internal import Analysis
internal import ArgumentParser
internal import Reporting
internal import Trace
internal import TraceIO

/// `vmreel report`: what a reel's exits were, as one HTML file.
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Write what a reel's exits were and cost as one HTML file.",
    discussion: """
      The file is complete: it needs no network and no other file, and its text can be read \
      without its script. It tells what `stats` does, and adds a timeline, a heat map of handling \
      times, each port and address by itself, the slowest exits and the console, linked with each \
      other. Equal reels make equal files.

      Example:
        vmreel report ticker.reel -o ticker.html
      """)

  @Argument(help: "The reel.")
  var reel: String

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The report to write; - for standard output.", valueName: "file"))
  var output: String

  @Flag(name: .long, help: "Overwrite an existing file.")
  var force = false

  @Option(
    name: .long, help: ArgumentHelp("The heading instead of the guest's name.", valueName: "text"))
  var title: String?

  @OptionGroup(title: "What to tell of") var part: ReelPartOptions

  mutating func validate() throws {
    guard output != "" else { throw ValidationError("-o needs the name of a file, or -") }
  }

  func run() throws {
    let opened = try OpenedReel(path: reel)
    let query = try part.query(for: opened)
    try ReelPartOptions.check(query, opened)
    guard output != "-" else {
      let (text, lost) = try render(opened, query)
      StandardOutput.shared.write(text)
      try requireAll(opened, lost)
      return
    }
    var lost: UInt64 = 0
    do {
      guard try !ReelFile(path: opened.path).isSameFile(as: output) else {
        throw CommandFailure("\(output) is the reel itself; choose another name with -o")
      }
      let file = try ReelOutput(path: output, overwrite: force)
      do {
        lost = try UnfinishedOutput.removed(file.partPath) {
          let (text, lost) = try render(opened, query)
          try file.write(Array(text.utf8))
          try file.close()
          return lost
        }
      } catch {
        file.discard()
        throw error
      }
    } catch let error as FileError {
      throw CommandFailure(error.description)
    }
    try requireAll(opened, lost)
  }

  /// Ends with trouble what was made of a part of a reel.
  private func requireAll(_ opened: OpenedReel, _ lost: UInt64) throws {
    try opened.requireWhole()
    guard lost > 0 else { return }
    StandardError.note("note: \(lost) events or kernel exits were lost to damaged blocks")
    throw ExitStatus.trouble
  }

  /// The report, and how much of the reel is not in it.
  private func render(
    _ opened: OpenedReel, _ query: ExitStatistics.Query
  ) throws -> (text: String, lost: UInt64) {
    let progress = ProgressLine(label: "reading", total: opened.reel.eventCount)
    defer { progress.clear() }
    let data = try opened.reading(hint: "--skip-damaged tells of the rest") {
      try ReportData($0, query, metadata: opened.metadata) { progress.update($0) }
    }
    let totals = data.statistics.totals
    return (
      HTMLReport(data, title: title).render(), totals.lostEvents &+ totals.lostKernelExits
    )
  }
}
