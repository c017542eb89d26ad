internal import ArgumentParser
internal import Glibc
internal import TraceIO

/// Where an export goes: a file, written beside its place and renamed, or standard output.
struct ExportDestination: ParsableArguments {
  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The file to write; - is standard output, the default.", valueName: "file"))
  var output = "-"

  @Flag(name: .long, help: "Overwrite an existing file.")
  var force = false

  var isStandardOutput: Bool { output == "-" }

  mutating func validate() throws {
    guard output != "" else { throw ValidationError("-o needs the name of a file, or -") }
  }

  /// Refuses to write what is no text to a terminal.
  func refuseTerminal(_ format: String) throws {
    guard isStandardOutput, isatty(STDOUT_FILENO) != 0 else { return }
    throw CommandFailure(
      "\(format) is not for a terminal: send standard output into a pipe or a file, or name one with -o"
    )
  }

  /// Hands the body what takes the chunks; a failure leaves no file behind.
  func withSink<Result>(
    for opened: OpenedReel, _ body: (@escaping ([UInt8]) throws -> Void) throws -> Result
  ) throws -> Result {
    guard isStandardOutput else {
      return try withFile(for: opened) { file in try body { try file.write($0) } }
    }
    return try body { chunk in
      StandardOutput.shared.write(bytes: chunk)
      // Nobody reads on: the rest would be made for nothing.
      if StandardOutput.shared.hasFailed { try StandardOutput.shared.flush() }
    }
  }

  /// Hands the body the part file, which gets its final name when the body returns.
  func withFile<Result>(
    for opened: OpenedReel, _ body: (ReelOutput) throws -> Result
  ) throws -> Result {
    do {
      guard try !ReelFile(path: opened.path).isSameFile(as: output) else {
        throw CommandFailure("\(output) is the reel to export itself; choose another name with -o")
      }
      let file = try ReelOutput(
        path: output, overwrite: force, partSuffix: ".export.part", keepsLeftover: false)
      do {
        return try UnfinishedOutput.removed(file.partPath) {
          let result = try body(file)
          try file.close()
          return result
        }
      } catch {
        file.discard()
        throw error
      }
    } catch let error as FileError {
      throw CommandFailure(error.description)
    }
  }
}
