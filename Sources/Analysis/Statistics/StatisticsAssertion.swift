/// A statement about a reel's statistics that holds or does not, such as `p99(hlt) < 2ms`.
///
///     assertion  = ( [ "guest." ] function "(" subject ")" | subject ) operator number [ unit ] ;
///     function   = "count" | "total" | "mean" | "min" | "max" | "p50" | "p90" | "p99" | "p99.9"
///                | "share" | "rate" | "bytes" ;
///     subject    = "vmexit" | reason | "kick" | "irq" | "kernel" | "ioport" | "mmio" | "msr"
///                | "ioport:" address [ ":POUT" | ":PIN" ]
///                | ( "mmio:" | "gpa:" | "msr:" ) address [ ":W" | ":R" ]
///                | "irq:" address | ( "kernel:" | "symbol:" | "device:" | "phase:" ) name ;
///     reason     = "out" | "in" | "mmio-write" | "mmio-read" | "wrmsr" | "rdmsr" | "hlt"
///                | "shutdown" | "irq-window" | "system-event" | "failure" ;
///     address    = "0x" hex digits | decimal digits ;
///     name       = characters but blanks, quotes and ( ) < > = ! | '"' characters but quotes '"' ;
///     operator   = "<" | "<=" | ">" | ">=" | "==" | "!=" ;
///     number     = digits [ "." digits ] ;
///     unit       = "ns" | "us" | "ms" | "s" | "%" | "k" | "M" | "G"
///                | "B" | "kB" | "MB" | "GB" | "KiB" | "MiB" | "GiB", for a rate with "/s" after it ;
///
/// Blanks may stand between any two of these. Without a function it is the count. A time needs a unit
/// unless it is 0; the others do not.
public struct StatisticsAssertion: Equatable, Sendable {
  /// The longest expression that is read, in characters.
  public static let maximumLength = 1000

  /// How two values compare.
  public enum Comparison: String, Sendable, CaseIterable {
    /// Below.
    case less = "<"
    /// At most.
    case lessOrEqual = "<="
    /// Above.
    case greater = ">"
    /// At least.
    case greaterOrEqual = ">="
    /// Equal.
    case equal = "=="
    /// Other than.
    case notEqual = "!="

    /// Whether it is so.
    func holds(_ left: Double, _ right: Double) -> Bool {
      switch self {
      case .less: left < right
      case .lessOrEqual: left <= right
      case .greater: left > right
      case .greaterOrEqual: left >= right
      case .equal: left == right
      case .notEqual: left != right
      }
    }
  }

  /// What is asked of the statistics.
  public let query: StatisticsQuery
  /// How it is compared.
  public let comparison: Comparison
  /// With what, in the quantity's base unit: nanoseconds, a fraction of 1, bytes or a number.
  public let bound: Double
  /// The expression as it was given, in one line and, without quotes, with single blanks.
  public let text: String

  /// Reads an expression.
  public init(parsing text: String) throws(StatisticsAssertionError) {
    var parser = AssertionParser(text)
    (query, comparison, bound) = try parser.parse()
    let line = AssertionParser.printable(text)
    // Within quotes blanks count.
    self.text =
      line.contains("\"") ? line : line.split(separator: " ").joined(separator: " ")
  }

  /// Compares with the statistics.
  ///
  /// - Parameter lookup: what the statistics say of a query.
  public func evaluate(_ lookup: (StatisticsQuery) throws -> StatisticsReading) rethrows -> Outcome
  {
    switch try lookup(query) {
    case .value(let value, let samples):
      let holds = comparison.holds(value, bound)
      return outcome(holds, "it is \(amount(value))\(note(samples))")
    case .absent where query.function.isKnownOfNothing:
      return outcome(comparison.holds(0, bound), "it is \(amount(0)), as there is none")
    case .absent:
      return outcome(false, "there is none, so it has no \(query.function.rawValue)")
    case .unavailable(let reason):
      return Outcome(holds: false, isKnown: false, text: "failed: \(text): \(reason)")
    }
  }

  /// What became of an assertion.
  public struct Outcome: Equatable, Sendable {
    /// Whether it holds.
    public let holds: Bool
    /// Whether the reel tells: what cannot be judged does not hold either.
    public let isKnown: Bool
    /// A line: `failed: p99(hlt) < 2ms: it is 3.412 ms (118 samples)`.
    public let text: String
  }

  private func outcome(_ holds: Bool, _ reason: String) -> Outcome {
    Outcome(
      holds: holds, isKnown: true,
      text: "\(holds ? "passed" : "failed"): \(text): \(reason)")
  }

  /// The number of samples, where it is not the value itself.
  private func note(_ samples: UInt64) -> String {
    guard query.function != .count else { return "" }
    return samples == 1 ? " (1 sample)" : " (\(samples) samples)"
  }

  /// The value as text, with enough digits to tell it from the bound.
  private func amount(_ value: Double) -> String {
    let quantity = query.function.quantity
    for places in [3, 6] {
      let text = quantity.text(value, places: places)
      if value == bound || text != quantity.text(bound, places: places) { return text }
    }
    return quantity.text(value, places: 9)
  }
}

/// What the statistics say of a query.
public enum StatisticsReading: Equatable, Sendable {
  /// A value in the quantity's base unit, and the number of exits it is made of.
  case value(Double, samples: UInt64)
  /// The subject did not occur.
  case absent
  /// It cannot be known, by a sentence without a full stop: `the reel has no host times`.
  case unavailable(String)
}

/// What is wrong with an expression, and where.
public struct StatisticsAssertionError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The expression.
  public let expression: String
  /// What is wrong.
  public let message: String
  /// Where, in characters from the expression's beginning; up to its length.
  public let offset: Int

  /// The message, the expression and a caret below the place, in three lines.
  public var description: String {
    let line = AssertionParser.printable(expression)
    return "\(message)\n  \(line)\n  \(String(repeating: " ", count: min(offset, line.count)))^"
  }
}
