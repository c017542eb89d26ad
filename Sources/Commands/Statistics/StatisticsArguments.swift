// Public, as the types are that conform.
public import Analysis
public import ArgumentParser
public import Reporting

extension ExitStatistics.Population: ExpressibleByArgument {}

extension ExitFilter: ExpressibleByArgument {}

extension ExitSortKey: ExpressibleByArgument {
  /// The values of -k.
  static let list = allCases.map(\.rawValue).joined(separator: ", ")
}

extension StatisticsText.View: ExpressibleByArgument {}
