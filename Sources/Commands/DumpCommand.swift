internal import Analysis
internal import ArgumentParser
internal import Reporting
internal import Trace

/// `vmreel dump`: the events of a reel, one a line.
struct DumpCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dump",
    abstract: "Print the events of a reel, one a line.",
    discussion: """
      The output is the same for equal guests unless --times asks for host times, so that plain \
      text tools can compare it.

      Example:
        vmreel dump ticker.reel --range 100..120
      """)

  @Argument(help: "The reel.")
  var reel: String

  @Option(
    name: .long,
    help: ArgumentHelp("Events A..B, B excluded; either may be left out.", valueName: "a..b"))
  var range: EventRange?

  @Option(name: .long, help: "text, json (one object a line) or csv.")
  var format: OutputFormat = .text

  @Flag(
    name: .long,
    help: "Add the exits the kernel saw, each after the event it came after (text or json).")
  var kernelExits = false

  @Flag(name: .long, help: "Print the console transcript instead of events.")
  var console = false

  @Flag(name: .long, help: "Add the host times of each exit, unless they were stripped.")
  var times = false

  mutating func validate() throws {
    guard !console || (range == nil && format == .text && !times) else {
      throw ValidationError(
        "--console prints the whole transcript as it is; it takes no --range, --format or --times")
    }
    guard !kernelExits || (!console && format != .csv) else {
      throw ValidationError(
        "--kernel-exits adds lines to the events as text or json; use one of these")
    }
  }

  func run() throws {
    let opened = try OpenedReel(path: reel)
    if !kernelExits { try opened.requireRecording(to: "show events or a console of") }
    let times = times && !opened.strippedParts.contains(.times)
    if console, !opened.reel.header.hasConsole {
      throw CommandFailure("\(reel): the console text was stripped from this reel")
    }
    try opened.reading { reel in
      if console {
        try ConsoleTranscript.forEachChunk(of: reel) { _, bytes in
          StandardOutput.shared.write(bytes: bytes)
        }
      } else {
        try dumpEvents(reel, KernelExitName(opened.metadata), times: times)
      }
    }
    try opened.requireWhole()
  }

  private func dumpEvents(_ reel: Reel, _ names: KernelExitName, times: Bool) throws {
    if format == .csv {
      StandardOutput.shared.write(EventDescription.csvHeading(times: times) + "\n")
    }
    var cursor = EventCursor(reel, from: range?.lower ?? 0)
    var observed = KernelExitCursor(reel, from: range?.lower ?? 0)
    var exit = kernelExits ? try observed.next() : nil
    while let event = try cursor.next() {
      if let upper = range?.upper, cursor.index >= upper { return }
      let record = EventRecord(
        index: cursor.index, event: event, payload: cursor.payload(of: event))
      let description = EventDescription(record, times: times)
      let line =
        switch format {
        case .text: description.line
        case .json: description.jsonLine
        case .csv: description.csvRow
        }
      StandardOutput.shared.write(line + "\n")
      while let due = exit, due.anchor <= cursor.index {
        write(due, names)
        exit = try observed.next()
      }
      if StandardOutput.shared.hasFailed { return }
    }
    // What was seen after the last event; of an import without events, all there is.
    while let due = exit, due.anchor < range?.upper ?? .max, !StandardOutput.shared.hasFailed {
      write(due, names)
      exit = try observed.next()
    }
  }

  private func write(_ exit: KernelExitRecord, _ names: KernelExitName) {
    let description = KernelExitDescription(exit, names: names, times: times)
    StandardOutput.shared.write((format == .json ? description.jsonLine : description.line) + "\n")
  }
}

/// A range of events: `100..120`, `100..`, `..120` or the single event `100`.
struct EventRange: ExpressibleByArgument {
  var lower: EventIndex
  var upper: EventIndex?

  init?(argument: String) {
    guard let dots = argument.firstRange(of: "..") else {
      guard let single = EventIndex(argument), single < .max else { return nil }
      lower = single
      upper = single + 1
      return
    }
    let left = argument[..<dots.lowerBound]
    let right = argument[dots.upperBound...]
    guard let lower = left.isEmpty ? 0 : EventIndex(left) else { return nil }
    self.lower = lower
    if right.isEmpty { return }
    guard let upper = EventIndex(right), upper >= lower else { return nil }
    self.upper = upper
  }
}
