internal import Analysis
internal import ArgumentParser
internal import Reporting
internal import Trace

/// Which exits `stats` counts and what it tells them apart by.
struct StatisticsSelectionOptions: ParsableArguments {
  @Option(
    name: .long,
    help: "Which exits: runner (userspace), kernel (all), handled (by the kernel alone), all.")
  var exits: PopulationChoice?

  @Option(name: .long, help: "Of those: vmexit, ioport, mmio, msr, irq, kick or hlt.")
  var event: EventChoice?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Tell them apart by up to four of: \(DimensionList.names).", valueName: "a,b"),
    transform: DimensionList.init(parsing:))
  var by: DimensionList?

  @Option(name: .long, help: ArgumentHelp("Only the events A..B.", valueName: "a..b"))
  var range: EventRange?

  @Option(
    name: .long,
    help: ArgumentHelp("Only exits from host time A to B, such as 1s,1500ms.", valueName: "a,b"),
    transform: TimeRange.init(parsing:))
  var time: TimeRange?

  @Option(name: .long, help: "Only this vCPU.")
  var vcpu: UInt16?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The guest kernel's vmlinux or System.map; KASLR's offset is found in the reel.",
      valueName: "file"))
  var symbols: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "A phase begins by console text, a port write or an event: kernel=console:Linux, "
        + "boot=port:0x80:0x3c, late=event:9000. Repeatable.", valueName: "name=trigger"))
  var phaseMarker: [String] = []

  @Flag(name: .long, help: "Go on past damaged blocks, count the loss, and exit 2.")
  var skipDamaged = false

  /// Whether one table is asked for instead of the overview.
  var isSpecific: Bool { exits != nil || event != nil || by != nil }

  /// What to ask of a reel.
  ///
  /// - Parameter isGrowing: whether what it asks for may be still to come.
  func query(for opened: OpenedReel, isGrowing: Bool = false) throws -> ExitStatistics.Query {
    var query = ExitStatistics.Query()
    query.population = exits?.population
    query.event = event?.filter
    query.dimensions = by?.dimensions ?? []
    query.selection.range = range.map { $0.lower..<($0.upper ?? .max) }
    query.selection.time = time?.nanoseconds
    query.selection.vcpu = vcpu
    query.selection.skipsDamagedBlocks = skipDamaged
    query.phases = try Self.phases(phaseMarker)
    query.symbols = try symbols.map { try GuestSymbols.read($0, for: opened) }
    if query.symbols == nil, query.dimensions.contains(.symbol) {
      throw CommandFailure("--by symbol needs --symbols: the kernel's vmlinux or System.map")
    }
    if query.phases == nil, query.dimensions.contains(.phase) {
      throw CommandFailure("--by phase needs a --phase-marker, such as init=console:Run")
    }
    if time != nil { try opened.requireTimes("--time") }
    guard !isGrowing else { return query }
    try Self.check(query, opened)
    try Self.checkVCPU(query, opened)
    return query
  }

  /// The phases that markers begin; `nil` without markers.
  static func phases(_ markers: [String]) throws -> PhaseTracker? {
    guard !markers.isEmpty else { return nil }
    do throws(PhaseMarkerError) {
      var parsed: [PhaseMarker] = []
      for text in markers { parsed.append(try PhaseMarker(parsing: text)) }
      return try PhaseTracker(parsed)
    } catch {
      throw CommandFailure("--phase-marker: \(error.description)")
    }
  }

  /// Refuses a vCPU that a reel does not have, which takes a pass over it.
  static func checkVCPU(_ query: ExitStatistics.Query, _ opened: OpenedReel) throws {
    guard let vcpu = query.selection.vcpu else { return }
    var whole = ExitStatistics.Query()
    whole.population = query.population
    whole.selection.skipsDamagedBlocks = query.selection.skipsDamagedBlocks
    var pass = StatisticsPass(opened.reel, whole, metadata: opened.metadata)
    var nobody = NoExitObserver()
    try opened.reading { try pass.run($0, &nobody) }
    guard !pass.vcpus.contains(vcpu) else { return }
    throw CommandFailure(
      "\(opened.path): it has no vCPU \(vcpu); there are "
        + pass.vcpus.sorted().map(String.init).joined(separator: ", "))
  }

  /// Refuses a part that a reel does not have.
  static func check(_ query: ExitStatistics.Query, _ opened: OpenedReel) throws {
    let reel = opened.reel
    guard !reel.eventBlocks.isEmpty || !reel.kernelExitBlocks.isEmpty else {
      throw CommandFailure("\(opened.path): it holds no exits to count")
    }
    if let first = reel.eventBlocks.first, let last = reel.eventBlocks.last {
      let events = first.header.firstEvent..<reel.eventCount
      if let range = query.selection.range, !range.overlaps(events) {
        throw CommandFailure(
          "\(opened.path): no event lies in --range; the reel has events "
            + "\(events.lowerBound)..\(events.upperBound)")
      }
      if let time = query.selection.time, time.lowerBound > last.header.lastTime {
        throw CommandFailure(
          "\(opened.path): no exit lies in --time; the reel's last one is at "
            + "\(last.header.lastTime) ns")
      }
    }
    if query.population == .runner, reel.eventBlocks.isEmpty {
      throw CommandFailure(
        "\(opened.path): it holds no exits of the runner, only the kernel's; leave --exits runner out"
      )
    }
    guard query.population != nil, query.population != .runner else { return }
    if opened.reel.kernelExitBlocks.isEmpty {
      throw CommandFailure(
        "\(opened.path): it holds no exits of the kernel; record with --kernel-exits to have them")
    }
  }
}

/// How `stats` shows what it counted.
struct StatisticsPresentationOptions: ParsableArguments {
  @Option(
    name: [.customShort("k"), .customLong("sort")],
    help: "Sort by: \(SortChoice.list); sample unless given.")
  var key: SortChoice?

  @Option(
    name: [.customShort("F"), .customLong("fields")],
    help: ArgumentHelp("The columns: \(FieldList.names).", valueName: "a,b"),
    transform: FieldList.init(parsing:))
  var fields: FieldList?

  @Option(name: .long, help: "Whose time: handling (unless given) or guest.")
  var view: ViewChoice?

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
    let sortKey = key.flatMap { ExitSortKey(rawValue: $0.rawValue) } ?? .sample
    let view = view.flatMap { StatisticsText.View(rawValue: $0.rawValue) } ?? .handling
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

/// The values of --exits; the raw values are ``Analysis/ExitStatistics/Population``'s.
enum PopulationChoice: String, ExpressibleByArgument, CaseIterable {
  case runner
  case kernel
  case handled
  case all

  var population: ExitStatistics.Population {
    ExitStatistics.Population(rawValue: rawValue) ?? .runner
  }
}

/// The values of --event; the raw values are ``Analysis/ExitFilter``'s.
enum EventChoice: String, ExpressibleByArgument, CaseIterable {
  case vmexit
  case ioport
  case mmio
  case msr
  case irq
  case kick
  case hlt

  var filter: ExitFilter { ExitFilter(rawValue: rawValue) ?? .vmexit }
}

/// The values of -k; the raw values are ``Analysis/ExitSortKey``'s.
enum SortChoice: String, ExpressibleByArgument, CaseIterable {
  case sample
  case percentSample = "percent_sample"
  case time
  case percentTime = "percent_time"
  case minimum = "min_t"
  case maximum = "max_t"
  case mean = "mean_t"
  case p50
  case p90
  case p99
  case p999
  case bytes
  case name

  static let list = allCases.map(\.rawValue).joined(separator: ", ")
}

/// The values of --view; the raw values are ``Reporting/StatisticsText/View``'s.
enum ViewChoice: String, ExpressibleByArgument, CaseIterable {
  case handling
  case guest
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

/// Two durations, separated by a comma; either may be left out.
struct TimeRange {
  var nanoseconds: Range<UInt64>

  /// - Throws: `ValidationError` that says what is wrong.
  init(parsing argument: String) throws {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    let bounds = parts.map { $0.isEmpty ? nil : Duration(argument: String($0)) }
    guard parts.count == 2, zip(parts, bounds).allSatisfy({ $0.isEmpty || $1 != nil }) else {
      throw ValidationError("write two times such as 1s,1500ms, either of which can be left out")
    }
    let (lower, upper) = (bounds[0]?.nanoseconds ?? 0, bounds[1]?.nanoseconds ?? .max)
    guard lower < upper else { throw ValidationError("it ends before it begins") }
    nanoseconds = lower..<upper
  }
}

extension OpenedReel {
  /// Refuses a reel without host times for something that is made of them.
  ///
  /// - Throws: ``CommandFailure``.
  func requireTimes(_ option: String) throws {
    guard !strippedParts.contains(.times) else {
      throw CommandFailure(
        "\(path): \(option) needs host times, and this reel was stripped of them")
    }
  }
}

/// The symbols of a guest's kernel, put where the kernel ran.
enum GuestSymbols {
  /// Reads a file of symbols and says which offset they got.
  ///
  /// - Throws: ``CommandFailure`` naming the file.
  static func read(
    _ path: String, for opened: OpenedReel, keeping selection: SymbolTable.Selection = .code
  ) throws -> SymbolTable {
    let bytes = try InputFile.read(path)
    do throws(SymbolTableError) {
      let table = try SymbolTable(parsing: bytes, keeping: selection)
      do throws(KernelSlide.Failure) {
        let slide = try KernelSlide(in: opened.reel, symbols: table)
        if slide.offset != 0 { StandardError.note("note: \(slide.description)") }
        return table.slid(by: slide.offset)
      } catch {
        StandardError.note("note: \(error.description); symbols are taken as they stand")
        return table
      }
    } catch {
      throw CommandFailure("\(path): \(error.description)")
    }
  }
}
