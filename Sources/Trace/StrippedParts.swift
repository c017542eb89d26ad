/// What `strip` leaves out of a copy.
public struct StrippedParts: OptionSet, Sendable {
  /// The bits.
  public let rawValue: Int
  /// Makes a set from bits.
  public init(rawValue: Int) { self.rawValue = rawValue }
  /// The contents of guest memory, their identities and the key of those.
  public static let pages = StrippedParts(rawValue: 1)
  /// When anything happened on the host.
  public static let times = StrippedParts(rawValue: 2)
  /// What went through the guest's consoles, in either direction, and all that would confirm a
  /// guess of it: digests, arithmetic flags, the states at keyframes, and the pages.
  public static let console = StrippedParts(rawValue: 4)

  /// The parts with their names as options, in the order they are named in.
  public static let names: [(part: StrippedParts, name: String)] = [
    (.pages, "--pages"), (.times, "--times"), (.console, "--console"),
  ]

  /// With the parts that must go too: guest memory holds the console's text.
  public var closure: StrippedParts { contains(.console) ? union(.pages) : self }

  /// The command that leaves these parts out: `strip --pages --times`.
  public var operation: String {
    (["strip"] + Self.names.filter { contains($0.part) }.map(\.name)).joined(separator: " ")
  }

  /// The parts that an entry of a reel's history names.
  public init(operation: String) {
    let words = operation.split(separator: " ").map(String.init)
    self = []
    guard words.first == "strip" else { return }
    for (part, name) in Self.names where words.contains(name) { insert(part) }
  }
}

extension Metadata {
  /// What was stripped, as the history has it.
  public var strippedParts: StrippedParts {
    (history ?? []).reduce(into: []) { $0.formUnion(StrippedParts(operation: $1.operation)) }
  }
}
