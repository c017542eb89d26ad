internal import ArgumentParser
internal import Trace
internal import TraceIO

/// `vmreel strip`: a reel without the guest's memory.
struct StripCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "strip",
    abstract: "Copy a reel without the guest's memory, to pass it on.",
    discussion: """
      The copy holds everything `info`, `dump`, `stats`, `diff` and `verify` read: events, console, \
      kernel exits, the vCPU's and the board's state at keyframes. It cannot be replayed. The \
      contents of memory pages are left out, and their identities. What the guest printed, what it \
      was given and its registers at keyframes stay in the copy. Equal reels give equal copies.

      Example:
        vmreel strip boot.reel -o boot-stripped.reel
      """)

  @Argument(help: "The reel.")
  var reel: String

  @Option(name: .shortAndLong, help: ArgumentHelp("The copy to write.", valueName: "file"))
  var output: String

  @Flag(name: .long, help: "Overwrite an existing file.")
  var force = false

  mutating func validate() throws {
    guard output != "", output != "-" else {
      throw ValidationError("-o needs the name of a file; a reel cannot be written to a pipe")
    }
  }

  func run() throws {
    let opened = try OpenedReel(path: reel, notesStripping: false)
    let copy: (stripper: ReelStripper, byteCount: UInt64)
    do {
      copy = try write(opened)
    } catch let error as FileError {
      throw CommandFailure(error.description)
    }
    let stripper = copy.stripper
    if stripper.unknownBlockCount + stripper.unknownColumnCount > 0 {
      StandardError.note(
        "note: left out too, as this vmreel does not know them: \(stripper.unknownBlockCount) "
          + "blocks, \(stripper.unknownColumnCount) columns")
    }
    StandardError.note(
      "stripped \(stripper.pageCount) pages: \(output) has \(copy.byteCount) bytes of "
        + "\(opened.reel.byteCount); console, input and registers at keyframes are still in it")
    try opened.requireWhole()
  }

  /// Writes the copy; a damaged block leaves no file behind.
  private func write(_ opened: OpenedReel) throws -> (stripper: ReelStripper, byteCount: UInt64) {
    let file = try ReelOutput(path: output, overwrite: force)
    do {
      let stripper = try opened.reading { reel in
        var stripper = ReelStripper(reel)
        try file.write(stripper.header)
        while let block = try stripper.nextBlock() { try file.write(block) }
        return stripper
      }
      try file.close()
      return (stripper, file.byteCount)
    } catch {
      file.discard()
      throw error
    }
  }
}
