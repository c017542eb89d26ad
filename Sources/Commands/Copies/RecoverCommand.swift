internal import ArgumentParser
internal import Reporting
internal import Trace
internal import TraceIO

/// `vmreel recover`: a whole reel of a partial or damaged one.
struct RecoverCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recover",
    abstract: "Make a whole reel of a partial or damaged one.",
    discussion: """
      What a killed recorder, a full disk or a cut copy leaves is copied block by block up to the \
      first block that is not good, and gets an end record. The copy can be replayed; its end \
      reads `recovered`. What is lost is said as far as it is known. The original stays as it is. \
      Exit status: 0 recovered, 2 refused: a whole reel, or one of which nothing is left.

      Example:
        vmreel recover boot.reel.part -o boot.reel
      """)

  @Argument(help: "The partial or damaged reel.")
  var reel: String

  @Option(name: .shortAndLong, help: ArgumentHelp("The reel to write.", valueName: "file"))
  var output: String

  @Flag(name: .long, help: "Overwrite an existing file.")
  var force = false

  mutating func validate() throws {
    guard output != "", output != "-" else {
      throw ValidationError("-o needs the name of a file; a reel cannot be written to a pipe")
    }
  }

  func run() throws {
    let byteCount: UInt64
    let recovery: ReelRecovery
    do {
      let source = try ReelFile(path: reel)
      guard !source.isBeingWritten else {
        throw CommandFailure("\(reel) is still being recorded; recover it when that has ended")
      }
      guard !source.isSameFile(as: output) else {
        throw CommandFailure("\(output) is the reel to recover itself; choose another name with -o")
      }
      recovery = try ReelRecovery(source)
      byteCount = try write(recovery)
    } catch let error as FileError {
      throw CommandFailure(error.description)
    } catch let error as RecoveryRefusal {
      throw CommandFailure("\(reel): \(error.description)")
    } catch let error as TraceError {
      throw CommandFailure("\(reel): \(error.description)")
    }
    for sentence in RecoveryText.losses(recovery) { StandardError.note("lost: \(sentence)") }
    StandardError.note(
      "recovered \(output): \(RecoveryText.gains(recovery)), \(byteCount) bytes of "
        + "\(recovery.reel.byteCount)")
  }

  /// Writes the copy; a failure leaves no file behind.
  ///
  /// The part file has a name of its own: `x.reel.part` may be what is recovered into `x.reel`.
  private func write(_ recovery: ReelRecovery) throws -> UInt64 {
    let metadata = try metadataJSON(recovery)
    let file = try ReelOutput(path: output, overwrite: force, partSuffix: ".recovered.part")
    do {
      try recovery.forEachPart(metadataJSON: metadata) { try file.write($0) }
      try file.close()
      return file.byteCount
    } catch {
      file.discard()
      throw error
    }
  }

  private func metadataJSON(_ recovery: ReelRecovery) throws -> [UInt8] {
    let entry = Metadata.HistoryEntry(
      tool: "vmreel \(VMReel.version)", operation: "recover",
      removed: RecoveryText.losses(recovery).joined(separator: "; "),
      works: DerivedReel.readers + ["replay"])
    do {
      return try MetadataJSON.adding(entry, to: recovery.reel.metadataJSON)
    } catch {
      throw CommandFailure("\(reel): the metadata block is not what vmreel writes: \(error)")
    }
  }
}
