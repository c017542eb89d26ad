import Trace

@testable import Analysis

extension ExitStatistics.Query {
  /// Asks for one table.
  init(
    by dimensions: [ExitDimension], _ event: ExitFilter? = nil,
    of population: ExitStatistics.Population? = nil
  ) {
    self.init()
    self.dimensions = dimensions
    self.event = event
    self.population = population
  }
}

extension ExitTable {
  /// The rows by name; two of one name are a mistake.
  var byName: [String: ExitRow] {
    Dictionary(uniqueKeysWithValues: rows.map { ($0.name, $0) })
  }

  /// The samples by name.
  var counts: [String: UInt64] { byName.mapValues(\.samples) }
}
