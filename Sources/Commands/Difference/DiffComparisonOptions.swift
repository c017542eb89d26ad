internal import Analysis
internal import ArgumentParser

/// The values of --streams.
enum StreamChoice: String, ExpressibleByArgument, CaseIterable {
  case together
  case apart
}

/// What `diff` compares of each event.
struct DiffComparisonOptions: ParsableArguments {
  @Option(
    name: [.customShort("U"), .customLong("context")],
    help: ArgumentHelp("Common events to show.", valueName: "n"))
  var context = 3

  @Option(
    name: .long,
    help: ArgumentHelp(
      "What not to compare: fields such as rip or registers, a field at a place (value@0x71, "
        + "value@mmio:0xfee00390), or the events at a place (port@0x40-0x43, msr@0x10, vector@0x20); "
        + "separated by commas. Host times never are.", valueName: "what"))
  var ignore: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Fields to compare that would be left out, since the guests or the kinds of KVM differ.",
      valueName: "rip,registers"))
  var compare: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The guest kernel's vmlinux or System.map; given twice, A's and B's.", valueName: "file"))
  var symbols: [String] = []

  @Option(
    name: .long,
    help: "Tell of exits, interrupts and consoles together, or of each apart.")
  var streams: StreamChoice = .together

  mutating func validate() throws {
    guard (0...10_000).contains(context) else {
      throw ValidationError("-U must be from 0 to 10000")
    }
    _ = try ignoredByRequest
    _ = try compared
    guard symbols.count <= 2 else {
      throw ValidationError("--symbols is given once for both reels, or twice: for A, then for B")
    }
  }

  /// The symbols of both reels' kernels.
  func symbols(
    for a: OpenedReel, _ b: OpenedReel
  ) throws -> (a: SymbolTable?, b: SymbolTable?) {
    guard let first = symbols.first, let last = symbols.last else { return (nil, nil) }
    return (try GuestSymbols.read(first, for: a), try GuestSymbols.read(last, for: b))
  }

  /// What is left out of the comparison of two reels.
  func mask(for a: OpenedReel, _ b: OpenedReel) throws -> DifferenceMask {
    var mask = try ignoredByRequest
    mask.addStandard(for: a.metadata, b.metadata, comparing: try compared)
    return mask
  }

  /// Whether a field, of all events or at a place, is to be left out.
  var ignoresFields: Bool {
    get throws {
      let mask = try ignoredByRequest
      return mask != mask.ofPlaces
    }
  }

  private var ignoredByRequest: DifferenceMask {
    get throws {
      var mask = DifferenceMask()
      for text in ignore {
        do throws(DifferenceMaskError) {
          try mask.add(parsing: text)
        } catch {
          throw ValidationError("--ignore: \(error.description)")
        }
      }
      return mask
    }
  }

  private var compared: Set<EventField> {
    get throws {
      try compare.flatMap { $0.split(separator: ",") }.reduce(into: []) { fields, name in
        guard let named = EventField.named(String(name)) else {
          throw ValidationError("--compare: there is no field '\(name)'")
        }
        fields.formUnion(named)
      }
    }
  }
}
