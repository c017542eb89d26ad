internal import ArgumentParser

/// How a command prints its data.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
  case text
  case json
  case csv
}

/// The formats of commands whose result is no table.
enum TextOrJSON: String, ExpressibleByArgument, CaseIterable {
  case text
  case json
}
