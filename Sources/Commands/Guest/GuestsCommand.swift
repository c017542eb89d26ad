internal import ArgumentParser
internal import BuiltInGuests

/// `vmreel guests`: the built-in sample guests.
struct GuestsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "guests",
    abstract: "List the built-in sample guests.",
    discussion: """
      Example:
        vmreel guests --format json
      """)

  @Option(name: .long, help: "text, json or csv.")
  var format: OutputFormat = .text

  private struct Listing: Encodable {
    let schema = "vmreel.guests/1"
    var guests: [Row]
  }

  private struct Row: Encodable {
    var name: String
    var memoryMiB: Int
    var readsInput: Bool
    var summary: String
  }

  func run() throws {
    let rows = BuiltInGuest.all.map {
      Row(
        name: $0.name, memoryMiB: $0.memoryMiB, readsInput: $0.isInteractive,
        summary: $0.summary)
    }
    switch format {
    case .json:
      StandardOutput.shared.write(
        bytes: try JSONText.encode(Listing(guests: rows), pretty: true) + [0x0a])
    case .csv:
      StandardOutput.shared.write("name,memory_mib,reads_input,summary\n")
      for row in rows {
        StandardOutput.shared.write(
          "\(row.name),\(row.memoryMiB),\(row.readsInput),\"\(row.summary)\"\n")
      }
    case .text:
      let width = rows.map(\.name.count).max() ?? 0
      for row in rows {
        let padding = String(repeating: " ", count: width - row.name.count)
        StandardOutput.shared.write("\(row.name)\(padding)  \(row.summary)\n")
      }
    }
  }
}
