internal import Analysis
internal import ArgumentParser

/// What `diff` compares of each event.
struct DiffComparisonOptions: ParsableArguments {
  @Option(
    name: [.customShort("U"), .customLong("context")],
    help: ArgumentHelp("Common events to show.", valueName: "n"))
  var context = 3

  @Option(
    name: .long,
    help: ArgumentHelp(
      "A field not to compare, such as rip or check; may be repeated.", valueName: "field"))
  var ignore: [String] = []

  var ignoredFields: Set<EventField> { Set(ignore.compactMap(EventField.init(rawValue:))) }

  mutating func validate() throws {
    guard (0...10_000).contains(context) else {
      throw ValidationError("-U must be from 0 to 10000")
    }
    let known = EventField.allCases.map(\.rawValue)
    if let unknown = ignore.first(where: { !known.contains($0) }) {
      throw ValidationError(
        "--ignore \(unknown): there are \(known.joined(separator: ", "))")
    }
  }
}
