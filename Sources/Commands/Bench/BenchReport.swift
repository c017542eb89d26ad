internal import Reporting

/// What a bench measures: a name, a unit, and what it is compared with.
struct BenchVariant {
  var name: String
  var unit: BenchUnit
  /// The variant of the same subject its ratio is to.
  var reference: String?
}

/// The units of benches; each has as many decimals as are worth reading.
enum BenchUnit: String {
  case nanosecondsPerEvent = "ns/event"
  case millionEventsPerSecond = "M events/s"
  case bytesPerExit = "bytes/exit"
  case milliseconds = "ms"
  case mebibytes = "MiB"

  var decimals: Int {
    switch self {
    case .millionEventsPerSecond, .mebibytes: 1
    case .nanosecondsPerEvent: 2
    case .bytesPerExit, .milliseconds: 3
    }
  }
}

/// The rounds of one subject, a reel: each variant has one value a round.
struct BenchSamples {
  private var variants: [BenchVariant] = []
  private var values: [String: [Double]] = [:]

  mutating func add(_ variant: BenchVariant, _ value: Double) {
    if values[variant.name] == nil { variants.append(variant) }
    values[variant.name, default: []].append(value)
  }

  /// The medians, in the order the variants came in.
  func measurements(of subject: String, events: UInt64? = nil) -> [BenchMeasurement] {
    variants.map { variant in
      let spread = Spread(values[variant.name] ?? [])
      let reference = variant.reference.flatMap { values[$0] }.map { Spread($0).median }
      let ratio = reference.map { spread.median / $0 }.flatMap { $0.isFinite ? $0 : nil }
      return BenchMeasurement(
        subject: subject, events: events, variant: variant.name, unit: variant.unit.rawValue,
        median: spread.median, minimum: spread.minimum, maximum: spread.maximum, ratio: ratio,
        reference: ratio == nil ? nil : variant.reference, decimals: variant.unit.decimals)
    }
  }
}

/// One figure of a bench.
struct BenchMeasurement: Encodable {
  /// The reel: its size, or its name.
  var subject: String
  /// Events in it.
  var events: UInt64?
  var variant: String
  var unit: String
  var median: Double
  var minimum: Double
  var maximum: Double
  /// The median over that of the reference, measured in the same run.
  var ratio: Double?
  var reference: String?
  var decimals: Int

  private enum CodingKeys: String, CodingKey {
    case subject, events, variant, unit, median, minimum, maximum, ratio, reference
  }

  fileprivate var cells: [String] {
    let figures = [median, minimum, maximum].map { NumberText.fixed($0, decimals: decimals) }
    let ratio = ratio.flatMap { ratio in
      reference.map { "\(NumberText.fixed(ratio, decimals: 2)) x \($0)" }
    }
    return [subject, variant, unit] + figures + [ratio ?? ""]
  }
}

/// A bench's figures as a table or as JSON.
struct BenchReport: Encodable {
  /// `vmreel.bench.NAME/1`.
  var schema: String
  var rounds: Int
  /// The seed of the synthetic reels; `nil` where given reels were measured.
  var seed: UInt64?
  var measurements: [BenchMeasurement]

  init(_ name: String, rounds: Int, seed: UInt64?, _ measurements: [BenchMeasurement]) {
    schema = "vmreel.bench.\(name)/1"
    self.rounds = rounds
    self.seed = seed
    self.measurements = measurements
  }

  var text: String {
    var table = TextTable([
      ("reel", .right), ("variant", .left), ("unit", .left), ("median", .right), ("min", .right),
      ("max", .right), ("ratio", .left),
    ])
    var previous: String?
    for measurement in measurements {
      var cells = measurement.cells
      if measurement.subject == previous { cells[0] = "" }
      previous = measurement.subject
      table.add(cells)
    }
    return table.lines.map { $0 + "\n" }.joined()
  }

  /// Prints it on standard output.
  func print(as format: TextOrJSON) throws {
    switch format {
    case .json:
      StandardOutput.shared.write(bytes: try JSONText.encode(self, pretty: true) + [0x0a])
    case .text: StandardOutput.shared.write(text)
    }
  }
}
