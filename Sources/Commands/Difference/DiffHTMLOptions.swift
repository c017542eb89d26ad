internal import Analysis
internal import ArgumentParser
internal import Reporting
internal import Trace
internal import TraceIO

/// The page that `diff` writes instead of its text.
struct DiffHTMLOptions: ParsableArguments {
  /// Places that are described where consoles differ.
  private static let maximumConsoleHunks = 100

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Write one HTML file with linked timelines instead; - for standard output.",
      valueName: "file"))
  var html: String?

  @Flag(name: .long, help: "Overwrite an existing file.")
  var force = false

  mutating func validate() throws {
    if html == "" { throw ValidationError("--html needs the name of a file, or -") }
    if force, html == nil { throw ValidationError("--force is for the file of --html") }
  }

  /// Refuses other output besides the page, and reels it is not made for.
  func check(_ output: DiffOutputOptions, _ totals: DiffTotalsOptions) throws {
    guard html != nil else { return }
    if output.quiet { throw ValidationError("--html and -q exclude each other") }
    if output.format == .json {
      throw ValidationError("--html and --format json exclude each other")
    }
    if totals.isOfGroups { throw ValidationError("--html is about two reels, not several") }
  }

  /// Refuses, before the work, a file that cannot be written.
  func open(for first: OpenedReel, _ second: OpenedReel) throws -> ReelOutput? {
    guard let html, html != "-" else { return nil }
    do {
      for reel in [first, second] where try ReelFile(path: reel.path).isSameFile(as: html) {
        throw CommandFailure("\(html) is a reel itself; choose another name with --html")
      }
      return try ReelOutput(path: html, overwrite: force)
    } catch let error as FileError {
      throw CommandFailure(error.description(option: "--html"))
    }
  }

  /// Writes the page.
  ///
  /// - Parameter file: as ``open(for:_:)`` made it; `nil` for standard output.
  func write(
    _ difference: ReelDifference, _ first: OpenedReel, _ second: OpenedReel,
    _ symbols: (a: SymbolTable?, b: SymbolTable?), _ output: DiffOutputOptions,
    to file: ReelOutput?
  ) throws {
    let text = try render(difference, first, second, symbols, output)
    guard let file else {
      StandardOutput.shared.write(text)
      return
    }
    do throws(FileError) {
      try file.write(Array(text.utf8))
      try file.close()
    } catch {
      throw CommandFailure(error.description(option: "--html"))
    }
  }

  private func render(
    _ difference: ReelDifference, _ first: OpenedReel, _ second: OpenedReel,
    _ symbols: (a: SymbolTable?, b: SymbolTable?), _ output: DiffOutputOptions
  ) throws -> String {
    do throws(ReelDifferenceError) {
      let data = try DifferenceReportData(
        first.reel, second.reel, difference, metadata: (first.metadata, second.metadata),
        limit: min(output.limit, Self.maximumConsoleHunks))
      var page = HTMLDifference(data, nameA: first.path, nameB: second.path)
      page.symbols = symbols
      page.isFull = output.full
      return page.render()
    } catch {
      let path = error.side == .a ? first.path : second.path
      throw CommandFailure("\(path): \(error.error.description)")
    }
  }
}
