internal import Analysis
internal import ArgumentParser
internal import Reporting

/// `vmreel info`: what a reel is and holds.
struct InfoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info",
    abstract: "Say what a reel is, what it holds, and how it was recorded.",
    discussion: """
      Example:
        vmreel info ticker.reel
      """)

  @Argument(help: "The reel.")
  var reel: String

  @Option(name: .long, help: "text or json.")
  var format: TextOrJSON = .text

  func run() throws {
    let opened = try OpenedReel(path: reel, notesStripping: false)
    let summary = ReelSummary(opened.reel, metadata: opened.metadata)
    switch format {
    case .text: StandardOutput.shared.write(SummaryText.render(summary))
    case .json:
      StandardOutput.shared.write(bytes: try JSONText.encode(summary, pretty: true) + [0x0a])
    }
    try opened.requireWhole()
  }
}
