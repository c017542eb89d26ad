internal import Analysis
internal import ArgumentParser

/// Whether `replay` says why it differs from the recording.
struct ReplayExplanationOptions: ParsableArguments {
  @Flag(
    name: .long,
    help: "After a divergence say why, replaying the stretch again; only what was checked.")
  var explain = false

  @Option(
    name: .long,
    help: ArgumentHelp(
      "For --explain: the guest kernel's vmlinux or System.map.", valueName: "file"))
  var symbols: String?

  mutating func validate() throws {
    guard symbols == nil || explain else { throw ValidationError("--symbols needs --explain") }
  }

  /// The symbols, read before anything is replayed.
  ///
  /// - Throws: ``CommandFailure`` naming the file.
  func readSymbols(for opened: OpenedReel) throws -> SymbolTable? {
    try symbols.map { try GuestSymbols.read($0, for: opened, keeping: .all) }
  }
}
