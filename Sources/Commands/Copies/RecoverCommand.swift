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

  @OptionGroup var copy: DerivedReel

  func run() throws {
    let byteCount: UInt64
    let recovery: ReelRecovery
    do {
      let source = try ReelFile(path: reel)
      guard !source.isBeingWritten else {
        throw CommandFailure("\(reel) is still being recorded; recover it when that has ended")
      }
      try copy.refuse(source, to: "recover")
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
      "recovered \(copy.output): \(RecoveryText.gains(recovery)), \(byteCount) bytes of "
        + "\(recovery.reel.byteCount)")
  }

  private func write(_ recovery: ReelRecovery) throws -> UInt64 {
    let metadata = try DerivedReel.metadataJSON(
      of: recovery.reel, at: reel, operation: "recover",
      removed: RecoveryText.losses(recovery).joined(separator: "; "),
      works: DerivedReel.readers + ["replay"])
    return try copy.write { file in
      try recovery.forEachPart(metadataJSON: metadata) { try file.write($0) }
    }.byteCount
  }
}
