internal import ArgumentParser

/// A number of events such as `5000`, `10k` or `1m`.
struct EventCount: ExpressibleByArgument, Equatable {
  static let range: ClosedRange<UInt64> = 100...10_000_000
  /// Of a reel as a file: 15.5 million events have 10 million exits.
  static let fileRange: ClosedRange<UInt64> = 100...20_000_000
  var value: UInt64

  init?(argument: String) {
    let suffixes: [Character: UInt64] = ["k": 1000, "m": 1_000_000]
    let scale = argument.lowercased().last.flatMap { suffixes[$0] }
    guard let number = UInt64(scale == nil ? argument : String(argument.dropLast())),
      case let (value, overflow) = number.multipliedReportingOverflow(by: scale ?? 1), !overflow
    else { return nil }
    self.value = value
  }

  init(_ value: UInt64) { self.value = value }

  var defaultValueDescription: String { String(value) }
}

/// Sizes of reels: `10k,100k,1m`.
struct EventCounts: ExpressibleByArgument {
  var values: [UInt64]

  init?(argument: String) {
    let counts = argument.split(separator: ",", omittingEmptySubsequences: false)
      .map { EventCount(argument: String($0)) }
    guard !counts.isEmpty, counts.allSatisfy({ $0 != nil }) else { return nil }
    values = counts.compactMap { $0?.value }.sorted()
  }

  init(_ values: [UInt64]) { self.values = values }

  var defaultValueDescription: String { values.map(String.init).joined(separator: ",") }
}

/// What all benches on reels take.
struct BenchRounds: ParsableArguments {
  @Option(name: .long, help: ArgumentHelp("Rounds of each variant, alternated.", valueName: "n"))
  var rounds = 5

  @Option(
    name: .long,
    help: ArgumentHelp("Where temporary reels go; else TMPDIR.", valueName: "directory"))
  var directory: String?

  @Option(name: .long, help: "text or json.")
  var format: TextOrJSON = .text

  mutating func validate() throws {
    guard (1...1000).contains(rounds) else {
      throw ValidationError("--rounds must be from 1 to 1000")
    }
  }
}

/// What benches on synthetic reels of several sizes take.
struct SyntheticBenchOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Events in the reels, from 100 to 10m (default: 10k,100k,1m,10m).", valueName: "n,n…"))
  var sizes: EventCounts?

  @Option(name: .long, help: ArgumentHelp("The seed of the reels.", valueName: "n"))
  var seed: UInt64 = 1

  @OptionGroup var common: BenchRounds

  var counts: [UInt64] { sizes?.values ?? [10_000, 100_000, 1_000_000, 10_000_000] }

  mutating func validate() throws {
    guard counts.allSatisfy(EventCount.range.contains) else {
      throw ValidationError("--sizes must be from 100 to 10m")
    }
  }
}
