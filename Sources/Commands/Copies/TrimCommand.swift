internal import ArgumentParser
internal import Trace

/// `vmreel trim`: a range of a reel's events as a reel of its own.
struct TrimCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trim",
    abstract: "Cut a range of events out of a reel, as a reel that can be replayed by itself.",
    discussion: """
      The copy begins at the last keyframe before the range from which a replay can begin, and \
      ends with the range, or with the answer or the seal that belongs to its last event. Events \
      and keyframes keep their numbers. Its end reads `trimmed`, unless the range reaches the \
      recording's own end. A stripped reel can be trimmed too. The original stays as it is. Equal \
      reels give equal copies.

      Example:
        vmreel trim boot.reel --range 100000..120000 -o piece.reel
      """)

  @Argument(help: "The reel.")
  var reel: String

  @Option(
    name: .long,
    help: ArgumentHelp("Events A..B, B excluded; either may be left out.", valueName: "a..b"))
  var range: EventRange

  @OptionGroup var copy: DerivedReel

  func run() throws {
    let opened = try OpenedReel(path: reel)
    try opened.requireRecording(to: "trim")
    var trimmer: ReelTrimmer
    do throws(TrimRefusal) {
      trimmer = try ReelTrimmer(opened.reel, from: range.lower, to: range.upper)
    } catch {
      throw CommandFailure("\(reel): \(error.description)")
    }
    let metadata = try DerivedReel.metadataJSON(
      of: opened.reel, at: opened.path, operation: "trim",
      removed: Self.removed(opened.reel, trimmer.range),
      works: DerivedReel.readers + (opened.isReplayable ? ["replay"] : []))
    let byteCount = try copy.write(of: opened) { _, write in
      try trimmer.forEachPart(metadataJSON: metadata, write)
    }.byteCount
    if trimmer.unknownBlockCount > 0 {
      StandardError.note(
        "note: left out too, as this vmreel does not know them: \(trimmer.unknownBlockCount) blocks"
      )
    }
    StandardError.note(
      "trimmed: \(copy.output) holds the events \(trimmer.range.lowerBound)"
        + "..\(trimmer.range.upperBound) from keyframe \(trimmer.firstKeyframe) on, "
        + "\(trimmer.end.keyframeCount) keyframes, \(byteCount) bytes of "
        + "\(opened.reel.byteCount)")
    try opened.requireWhole()
  }

  private static func removed(_ reel: Reel, _ range: Range<EventIndex>) -> String {
    let first = reel.eventBlocks.first?.header.firstEvent ?? 0
    var parts: [String] = []
    if range.lowerBound > first { parts.append("the events before \(range.lowerBound)") }
    if range.upperBound < reel.eventCount { parts.append("the events from \(range.upperBound) on") }
    return parts.isEmpty ? "no event" : parts.joined(separator: " and ")
  }
}
