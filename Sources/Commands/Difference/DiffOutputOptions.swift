internal import ArgumentParser

/// How `diff` shows what it found.
struct DiffOutputOptions: ParsableArguments {
  @Flag(name: .shortAndLong, help: "Answer with the exit status alone.")
  var quiet = false

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Stretches that differ, and rows of each table of totals, to show.", valueName: "n"))
  var limit = 20

  @Flag(name: .long, help: "Show all stretches that differ, event by event.")
  var full = false

  @Option(name: .long, help: "text or json.")
  var format: TextOrJSON = .text

  mutating func validate() throws {
    guard limit > 0 else { throw ValidationError("--limit must be at least 1") }
  }
}
