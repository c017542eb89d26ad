internal import ArgumentParser
internal import KVM

/// `vmreel doctor`: what this host can do.
struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Say what this host can do for vmreel, and how to mend what it cannot.",
    discussion: """
      Exit status: 0 when guests can be recorded here, 2 when not.

      Example:
        vmreel doctor --format json
      """)

  @Option(name: .long, help: "text or json.")
  var format: TextOrJSON = .text

  private struct Report: Encodable {
    let schema = "vmreel.doctor/1"
    var facts: [Row]
  }

  private struct Row: Encodable {
    var name: String
    var value: String
    var verdict: String
    var meaning: String
    var mend: String?
  }

  func run() throws {
    let facts = HostProbe.report()
    switch format {
    case .json:
      let rows = facts.map {
        Row(
          name: $0.name, value: $0.value, verdict: $0.verdict.rawValue, meaning: $0.meaning,
          mend: $0.mend)
      }
      StandardOutput.shared.write(
        bytes: try JSONText.encode(Report(facts: rows), pretty: true) + [0x0a])
    case .text:
      for fact in facts { StandardOutput.shared.write(Self.text(fact)) }
    }
    if facts.contains(where: { $0.verdict == .fatal }) { throw ExitStatus.trouble }
  }

  private static func text(_ fact: HostFact) -> String {
    let mark =
      switch fact.verdict {
      case .good: "ok     "
      case .limited: "limited"
      case .fatal: "NO     "
      }
    var text = "\(mark)  \(fact.name): \(fact.value)\n           \(fact.meaning)\n"
    if let mend = fact.mend { text += "           mend: \(mend)\n" }
    return text
  }
}
