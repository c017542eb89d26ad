internal import Analysis
internal import ArgumentParser
internal import Reporting

/// `vmreel info`: what a reel is and holds.
struct InfoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info",
    abstract: "Say what a reel is, what it holds, and how it was recorded.",
    discussion: """
      Bytes for each exit are those of the event blocks with their headers, for each exit the \
      guest made. --columns says what each column of the events takes.

      Example:
        vmreel info ticker.reel --columns
      """)

  @Argument(help: "The reel.")
  var reel: String

  @Flag(name: .long, help: "Add a table of what each column takes; json always has it.")
  var columns = false

  @Option(name: .long, help: "text or json.")
  var format: TextOrJSON = .text

  func run() throws {
    let opened = try OpenedReel(path: reel, notesStripping: false)
    let summary = ReelSummary(opened.reel, metadata: opened.metadata)
    switch format {
    case .text: StandardOutput.shared.write(SummaryText.render(summary, showsColumns: columns))
    case .json:
      StandardOutput.shared.write(bytes: try JSONText.encode(summary, pretty: true) + [0x0a])
    }
    try opened.requireWhole()
  }
}
