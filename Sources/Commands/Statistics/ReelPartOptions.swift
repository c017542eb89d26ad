internal import Analysis
internal import ArgumentParser
internal import Trace

/// Which part of a reel `stats` and `report` are about, and what gives it names.
struct ReelPartOptions: ParsableArguments {
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

  /// What to ask of a reel, as far as these options say it.
  ///
  /// - Throws: ``CommandFailure``; see ``check(_:_:)`` for parts that the reel does not have.
  func query(for opened: OpenedReel) throws -> ExitStatistics.Query {
    if time != nil { try opened.requireTimes("--time") }
    var query = ExitStatistics.Query()
    query.selection.range = range.map { $0.lower..<($0.upper ?? .max) }
    query.selection.time = time?.nanoseconds
    query.selection.vcpu = vcpu
    query.selection.skipsDamagedBlocks = skipDamaged
    query.phases = try Self.phases(phaseMarker)
    query.symbols = try symbols.map { try GuestSymbols.read($0, for: opened) }
    return query
  }

  /// The phases that markers begin; `nil` without markers.
  private static func phases(_ markers: [String]) throws -> PhaseTracker? {
    guard !markers.isEmpty else { return nil }
    do throws(PhaseMarkerError) {
      var parsed: [PhaseMarker] = []
      for text in markers { parsed.append(try PhaseMarker(parsing: text)) }
      return try PhaseTracker(parsed)
    } catch {
      throw CommandFailure("--phase-marker: \(error.description)")
    }
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
    if let population = query.population, population != .runner, reel.kernelExitBlocks.isEmpty {
      throw CommandFailure(
        "\(opened.path): it holds no exits of the kernel; record with --kernel-exits to have them")
    }
    try checkVCPU(query, opened)
  }

  /// Refuses a vCPU that a reel does not have, which takes a pass over it.
  private static func checkVCPU(_ query: ExitStatistics.Query, _ opened: OpenedReel) throws {
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
