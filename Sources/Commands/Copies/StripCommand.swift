internal import ArgumentParser
internal import Trace

/// `vmreel strip`: a reel without some of what it tells.
struct StripCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "strip",
    abstract: "Copy a reel without the guest's memory, times or console, to pass it on.",
    discussion: """
      The copy says what was left out, in its metadata and to whoever opens it; `info`, `dump`, \
      `stats`, `diff` and `verify` read it. A copy without pages cannot be replayed, one without \
      times alone can. --console takes --pages with it, since the guest's memory holds the same \
      text; with it go the digests, which could confirm a guess of the text, and the states at \
      keyframes. Without --console what the guest printed and was given stays in the copy. Equal \
      reels give equal copies.

      Example:
        vmreel strip --pages --times boot.reel -o boot-stripped.reel
      """)

  @Argument(help: "The reel.")
  var reel: String

  @Flag(name: .long, help: "Leave out the guest's memory: the default.")
  var pages = false

  @Flag(name: .long, help: "Leave out all host times.")
  var times = false

  @Flag(name: .long, help: "Leave out what went through the consoles, and the memory.")
  var console = false

  @OptionGroup var copy: DerivedReel

  private var parts: StrippedParts {
    var parts: StrippedParts = []
    if pages || (!times && !console) { parts.insert(.pages) }
    if times { parts.insert(.times) }
    if console { parts.insert(.console) }
    return parts.closure
  }

  func run() throws {
    let opened = try OpenedReel(path: reel, notesStripping: false)
    let metadata = try metadataJSON(opened)
    let (stripper, byteCount) = try copy.write(of: opened) { reel, write in
      var stripper = ReelStripper(reel, without: parts, metadataJSON: metadata)
      try write(stripper.header)
      while let block = try stripper.nextBlock() { try write(block) }
      return stripper
    }
    if stripper.unknownBlockCount + stripper.unknownColumnCount > 0 {
      StandardError.note(
        "note: left out too, as this vmreel does not know them: \(stripper.unknownBlockCount) "
          + "blocks, \(stripper.unknownColumnCount) columns")
    }
    let remains = Self.remains(parts.union(opened.strippedParts))
    StandardError.note(
      "stripped \(Self.list(removed(stripper))): \(copy.output) has \(byteCount) bytes of "
        + "\(opened.reel.byteCount); \(remains) still in it")
    try opened.requireWhole()
  }

  /// The original's metadata with an entry for what it did not lack already.
  private func metadataJSON(_ opened: OpenedReel) throws -> [UInt8]? {
    let new = parts.subtracting(opened.strippedParts)
    guard !new.isEmpty else { return nil }
    let all = parts.union(opened.strippedParts)
    var removed: [String] = []
    if new.contains(.pages) { removed.append("the contents of the guest's memory") }
    if new.contains(.times) { removed.append("all host times") }
    if new.contains(.console) {
      removed.append(
        "what went through the guest's consoles with digests, arithmetic flags, states at "
          + "keyframes and the command line")
    }
    return try DerivedReel.metadataJSON(
      of: opened.reel, at: opened.path, operation: new.operation, removed: Self.list(removed),
      works: DerivedReel.readers + (all.contains(.pages) ? [] : ["replay"]),
      keepsCommandLine: !parts.contains(.console))
  }

  private func removed(_ stripper: ReelStripper) -> [String] {
    var removed: [String] = []
    if parts.contains(.pages) { removed.append("\(stripper.pageCount) pages") }
    if parts.contains(.times) { removed.append("host times") }
    if parts.contains(.console) { removed.append("console text") }
    return removed
  }

  /// What may hold secrets all the same.
  private static func remains(_ parts: StrippedParts) -> String {
    if parts.contains(.console) { return "which exits the guest made and its other input are" }
    let rest = "console, input and registers at keyframes are"
    return parts.contains(.pages) ? rest : "memory, \(rest)"
  }

  /// `a`, `a and b`, `a, b and c`.
  private static func list(_ words: [String]) -> String {
    guard let last = words.last, words.count > 1 else { return words.first ?? "nothing" }
    return words.dropLast().joined(separator: ", ") + " and " + last
  }
}
