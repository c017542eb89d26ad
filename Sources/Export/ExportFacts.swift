/// What an export says about the reel it was made of: names and values in a fixed order.
public struct ExportFacts: Sendable {
  /// The facts in order; names are `snake_case`.
  public private(set) var all: [(name: String, value: String)] = []
  /// What the guest is called.
  public let guest: String
  /// Whether the reel's times mean anything.
  public let hasTimes: Bool
  /// Whether what went through the consoles is in the reel.
  public let hasConsole: Bool

  /// Makes facts.
  public init(guest: String, hasTimes: Bool, hasConsole: Bool) {
    self.guest = guest
    self.hasTimes = hasTimes
    self.hasConsole = hasConsole
  }

  /// Adds a fact.
  public mutating func add(_ name: String, _ value: String) {
    all.append((name, value))
  }
}
