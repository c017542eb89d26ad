internal import Analysis
internal import ArgumentParser
internal import Reporting
internal import TraceIO

/// `vmreel verify`: every checksum of a reel.
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check every byte of a reel: checksums, structure, page identities, totals.",
    discussion: """
      Whether the guest does the same again is what `replay` checks; `verify` needs no KVM. \
      Exit status: 0 sound, 2 damaged or incomplete.

      Example:
        vmreel verify ticker.reel
      """)

  @Argument(help: "The reel.")
  var reel: String

  @Option(name: .long, help: "text or json.")
  var format: TextOrJSON = .text

  func run() throws {
    let file: ReelFile
    do {
      file = try ReelFile(path: reel)
    } catch {
      throw CommandFailure(error.description)
    }
    let verification = ReelVerification(file)
    switch format {
    case .text: StandardOutput.shared.write(VerificationText.render(verification))
    case .json:
      StandardOutput.shared.write(bytes: try JSONText.encode(verification, pretty: true) + [0x0a])
    }
    if !verification.isSound { throw ExitStatus.trouble }
  }
}
