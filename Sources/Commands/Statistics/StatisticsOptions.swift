internal import Analysis
internal import ArgumentParser
internal import Reporting

/// Which exits `stats` counts and what it tells them apart by.
struct StatisticsSelectionOptions: ParsableArguments {
  @Option(
    name: .long,
    help: "Which exits: runner (userspace), kernel (all), handled (by the kernel alone), all.")
  var exits: ExitStatistics.Population?

  @Option(name: .long, help: "Of those: vmexit, ioport, mmio, msr, irq, kick or hlt.")
  var event: ExitFilter?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Tell them apart by up to four of: \(DimensionList.names).", valueName: "a,b"),
    transform: DimensionList.init(parsing:))
  var by: DimensionList?

  @OptionGroup var part: ReelPartOptions

  /// Whether one table is asked for instead of the overview.
  var isSpecific: Bool { exits != nil || event != nil || by != nil }

  /// What to ask of a reel.
  ///
  /// - Parameter isGrowing: whether what it asks for may be still to come.
  func query(for opened: OpenedReel, isGrowing: Bool = false) throws -> ExitStatistics.Query {
    var query = try part.query(for: opened)
    query.population = exits
    query.event = event
    query.dimensions = by?.dimensions ?? []
    if query.symbols == nil, query.dimensions.contains(.symbol) {
      throw CommandFailure("--by symbol needs --symbols: the kernel's vmlinux or System.map")
    }
    if query.phases == nil, query.dimensions.contains(.phase) {
      throw CommandFailure("--by phase needs a --phase-marker, such as init=console:Run")
    }
    if !isGrowing { try ReelPartOptions.check(query, opened) }
    return query
  }
}

/// How `stats` shows what it counted.
struct StatisticsPresentationOptions: ParsableArguments {
  @Option(
    name: [.customShort("k"), .customLong("sort")],
    help: "Sort by: \(ExitSortKey.list); sample unless given.")
  var key: ExitSortKey?

  @Option(
    name: [.customShort("F"), .customLong("fields")],
    help: ArgumentHelp("The columns: \(FieldList.names).", valueName: "a,b"),
    transform: FieldList.init(parsing:))
  var fields: FieldList?

  @Option(name: .long, help: "Whose time: handling (unless given) or guest.")
  var view: StatisticsText.View?

  @Option(name: .long, help: ArgumentHelp("Only the first N rows.", valueName: "n"))
  var top: Int?

  @Flag(name: .long, help: "Add a histogram of each row's handling times.")
  var histogram = false

  @Option(name: .long, help: "text, json, csv or md.")
  var format: StatisticsFormat = .text

  /// Whether bytes moved are shown.
  var showsBytes: Bool {
    format == .json || format == .csv || key == .bytes || fields?.fields.contains(.bytes) == true
  }

  mutating func validate() throws {
    guard top.map({ $0 > 0 }) ?? true else { throw ValidationError("--top must be positive") }
    if format == .json { try refuse([.key, .fields], with: "--format json, which has all fields") }
    if format == .csv { try refuse([.fields, .histogram], with: "--format csv") }
  }

  /// An option that some outputs have no use for.
  enum Unused: String {
    case key = "-k"
    case fields = "-F"
    case view = "--view"
    case top = "--top"
    case histogram = "--histogram"
  }

  /// Refuses options that would be ignored.
  ///
  /// - Throws: `ValidationError` naming the first one that was given.
  func refuse(_ options: [Unused], with what: String) throws {
    let given: [Unused: Bool] = [
      .key: key != nil, .fields: fields != nil, .view: view != nil, .top: top != nil,
      .histogram: histogram,
    ]
    guard let option = options.first(where: { given[$0] == true }) else { return }
    throw ValidationError("\(option.rawValue) has no effect with \(what): leave one of them out")
  }

  /// Prints statistics on standard output.
  func show(_ statistics: ExitStatistics, isTableOnly: Bool) throws {
    let sortKey = key ?? .sample
    let view = view ?? .handling
    switch format {
    case .json: try json(statistics)
    case .csv:
      StandardOutput.shared.write(
        StatisticsCSV.render(statistics.table, sortKey: sortKey, limit: top, view: view))
    case .text, .md:
      var text = StatisticsText()
      text.sortKey = sortKey
      text.fields = fields?.fields
      text.view = view
      text.limit = top
      text.isTableOnly = isTableOnly
      text.isMarkdown = format == .md
      StandardOutput.shared.write(text.render(statistics))
    }
  }

  func json(_ value: some Encodable) throws {
    StandardOutput.shared.write(bytes: try JSONText.encode(value, pretty: true) + [0x0a])
  }
}

/// The formats of `stats`.
enum StatisticsFormat: String, ExpressibleByArgument, CaseIterable {
  case text
  case json
  case csv
  case md
}

/// Dimensions, separated by commas.
struct DimensionList {
  static let names = ExitDimension.allCases.map(\.rawValue).joined(separator: ", ")
  var dimensions: [ExitDimension]

  /// - Throws: `ValidationError` that says which part is wrong and what there is.
  init(parsing argument: String) throws {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    dimensions = try parts.map { part in
      guard let dimension = ExitDimension(rawValue: part) else {
        throw ValidationError("there is no '\(part)'; there are \(Self.names)")
      }
      return dimension
    }
    guard Set(dimensions).count == dimensions.count else {
      throw ValidationError("each can be given once")
    }
    guard dimensions.count <= 4 else { throw ValidationError("at most four can be combined") }
  }
}

/// Columns, separated by commas.
struct FieldList {
  static let names = StatisticsField.allCases.map(\.rawValue).joined(separator: ", ")
  var fields: [StatisticsField]

  /// - Throws: `ValidationError` that says which part is wrong and what there is.
  init(parsing argument: String) throws {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    fields = try parts.map { part in
      guard let field = StatisticsField(rawValue: part) else {
        throw ValidationError("there is no '\(part)'; there are \(Self.names)")
      }
      return field
    }
  }
}
