internal import ArgumentParser
internal import FoundationEssentials
internal import Trace
internal import TraceIO

/// Where the copy goes that `trim` or `strip` makes of a reel.
struct DerivedReel: ParsableArguments {
  /// The commands that work on any copy.
  static let readers = ["info", "dump", "stats", "diff", "verify", "trim", "strip"]

  @Option(name: .shortAndLong, help: ArgumentHelp("The copy to write.", valueName: "file"))
  var output: String

  @Flag(name: .long, help: "Overwrite an existing file.")
  var force = false

  mutating func validate() throws {
    guard output != "", output != "-" else {
      throw ValidationError("-o needs the name of a file; a reel cannot be written to a pipe")
    }
  }

  /// Writes a copy of a reel that can be read.
  ///
  /// - Parameter copy: hands the copy's bytes to the closure it is given.
  /// - Returns: what `copy` returns, and the bytes of the copy.
  func write<Result>(
    of opened: OpenedReel, _ copy: (Reel, (_ part: [UInt8]) throws -> Void) throws -> Result
  ) throws -> (result: Result, byteCount: UInt64) {
    do {
      try refuse(try ReelFile(path: opened.path), to: "copy")
      return try write { file in
        try opened.reading { reel in try copy(reel) { try file.write($0) } }
      }
    } catch let error as FileError {
      throw CommandFailure(error.description)
    }
  }

  /// Refuses to write over what is copied.
  func refuse(_ source: ReelFile, to verb: String) throws {
    guard source.isSameFile(as: output) else { return }
    throw CommandFailure("\(output) is the reel to \(verb) itself; choose another name with -o")
  }

  /// Writes the parts of a copy; a failure leaves no file behind.
  ///
  /// The part file has a name of its own: `x.reel.part` may be what is copied to `x.reel`.
  ///
  /// - Parameter copy: writes the parts to the file it is given.
  /// - Throws: what `copy` throws, and `FileError`.
  func write<Result>(
    _ copy: (ReelOutput) throws -> Result
  ) throws -> (result: Result, byteCount: UInt64) {
    let file = try ReelOutput(path: output, overwrite: force, partSuffix: ".copy.part")
    do {
      return try UnfinishedOutput.removed(file.partPath) {
        let result = try copy(file)
        try file.close()
        return (result, file.byteCount)
      }
    } catch {
      file.discard()
      throw error
    }
  }

  /// The copy's metadata: the original's, with what was done to it added.
  ///
  /// - Parameter path: the original's, for errors.
  static func metadataJSON(
    of reel: Reel, at path: String, operation: String, removed: String, works: [String],
    keepsCommandLine: Bool = true
  ) throws -> [UInt8] {
    let entry = Metadata.HistoryEntry(
      tool: "vmreel \(VMReel.version)", operation: operation, removed: removed, works: works)
    do {
      let json = try MetadataJSON.adding(entry, to: reel.metadataJSON)
      return keepsCommandLine ? json : try MetadataJSON.withoutCommandLine(json)
    } catch {
      throw CommandFailure("\(path): the metadata block is not what vmreel writes: \(error)")
    }
  }
}

extension MetadataJSON {
  /// The same metadata with an empty command line: it may name text that the console printed.
  fileprivate static func withoutCommandLine(_ json: [UInt8]) throws -> [UInt8] {
    var object = try JSONDecoder().decode([String: JSONValue].self, from: Data(json))
    object["commandLine"] = .array([])
    return try JSONText.encode(object, pretty: false)
  }
}
