internal import ArgumentParser
internal import Import
internal import Reporting
internal import Trace
internal import TraceIO

/// `vmreel import`: a statistics-only reel of a log that another tool made, of any VMM.
struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Make a reel of what perf, trace-cmd or ftrace logged of any VMM's exits.",
    discussion: """
      Reads the text of `perf script`, of `trace-cmd report` or of tracefs's `trace` file with \
      events of KVM's (kvm_entry, kvm_exit, kvm_pio, kvm_mmio, kvm_msr, kvm_page_fault, \
      kvm_userspace_exit), of Intel and AMD and of kernels old and new. The reel has exits and \
      no recording: `stats`, `info`, `verify` and `dump --kernel-exits` read it. Lines that \
      cannot be read are counted and the first ones shown. Several logs are read as one, in \
      their order.

      Example:
        perf record -a -e 'kvm:*' -- sleep 10 && perf script | vmreel import - -o qemu.reel
        vmreel stats qemu.reel
      """)

  @Argument(help: ArgumentHelp("The logs; - is standard input.", valueName: "log"))
  var logs: [String]

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The reel to write; - is standard output.", valueName: "file"))
  var output: String

  @Flag(name: .long, help: "Overwrite an existing file.")
  var force = false

  @Option(
    name: .long,
    help: "What printed the log; told from its lines where it is not given.")
  var format: Format?

  /// ``LogFormat`` on the command line.
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case perfScript = "perf-script"
    case traceCmdReport = "trace-cmd-report"
    case ftrace
  }

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Only this process; in a log without processes, such as perf script's own, only this thread.",
      valueName: "n"))
  var pid: UInt32?

  mutating func validate() throws {
    guard !output.isEmpty else { throw ValidationError("-o needs the name of a file") }
    guard logs.count(where: { $0 == "-" }) <= 1 else {
      throw ValidationError("standard input can be read once only")
    }
  }

  func run() throws {
    do {
      guard output != StreamedReel.argument else {
        try write(to: try StreamedReel.open())
        return
      }
      for log in logs where InputFile.isSame(log, output) {
        throw CommandFailure("\(output) is a log to read; choose another name with -o")
      }
      let file = try ReelOutput(path: output, overwrite: force)
      do {
        try UnfinishedOutput.removed(file.partPath) { try write(to: file) }
      } catch {
        file.discard()
        throw error
      }
    } catch let error as FileError {
      throw CommandFailure(error.description)
    }
  }

  private func write(to destination: any ReelDestination) throws {
    let required = format.flatMap { LogFormat(rawValue: $0.rawValue) }
    var session = try ImportSession(LogImporter(format: required, process: pid))
    for log in logs { try session.read(log) }
    try session.finish()
    guard session.exitCount > 0 else { throw CommandFailure(nothing(session.importer.summary)) }
    let metadata = try session.metadata(commandLine: CommandLine.arguments, process: pid)
    try session.write(destination, metadataJSON: JSONText.encode(metadata, pretty: false))
    note(session, destination.byteCount)
  }

  /// Why there is no reel.
  private func nothing(_ summary: LogSummary) -> String {
    let name = logs.joined(separator: ", ")
    if summary.leftOut > 0, let pid {
      return "\(name) has no kvm_exit of process or thread \(pid); it has "
        + "\(summary.leftOut) events of others"
    }
    let sample = summary.unknownSamples.first.map {
      "; the first line that is none of its: " + EscapedText.terminal($0)
    }
    return "\(name) has no kvm_exit in \(NumberText.count(summary.lines, "line")): expected the "
      + "text of perf script, trace-cmd report or tracefs's trace" + (sample ?? "")
  }

  // MARK: What is said of it

  private func note(_ session: ImportSession, _ byteCount: UInt64) {
    let summary = session.importer.summary
    let vcpus = session.importer.vcpus
    StandardError.note(
      "imported \(output): \(session.exitCount) exits of "
        + NumberText.count(UInt64(vcpus.count), "vCPU")
        + " in \(NumberText.duration(summary.durationNanoseconds)), from "
        + "\(NumberText.count(summary.lines, "line")) of \(summary.format?.rawValue ?? "unknown"); "
        + "\(byteCount) bytes")
    noteOwners(vcpus)
    noteOthers(summary)
    if summary.losses > 0 {
      StandardError.note(
        "warning: the tracer lost \(summary.lostEvents) events in \(summary.losses) places; "
          + "exits are missing")
    }
    let unnamedReasons = session.importer.unnamedReasons
    for unnamed in unnamedReasons.prefix(8) {
      StandardError.note(
        "note: no code is known for the exit reason \(EscapedText.terminal(unnamed.name)); it has "
          + "\(NumberText.hex(unnamed.code)) in the reel")
    }
    if unnamedReasons.count > 8 {
      StandardError.note("  and \(unnamedReasons.count - 8) more, in the metadata")
    }
    guard summary.unknownLineCount > 0 else { return }
    StandardError.note(
      "warning: \(NumberText.count(summary.unknownLineCount, "line")) could not be read: "
        + Self.list(summary.unknownLines))
    for sample in summary.unknownSamples {
      StandardError.note("  " + EscapedText.terminal(sample))
    }
  }

  /// Which thread is which vCPU, where numbers alone would mislead.
  private func noteOwners(_ vcpus: [LogVCPU]) {
    guard vcpus.contains(where: { $0.logNumber != UInt64($0.number) }) else { return }
    StandardError.note(
      "note: several virtual machines, or vCPUs the log does not number; --pid chooses one:")
    for vcpu in vcpus.prefix(20) {
      let own = vcpu.logNumber.map { "its vCPU \($0)" } ?? "no number in the log"
      StandardError.note(
        "  vCPU \(vcpu.number): thread \(vcpu.thread)"
          + (vcpu.process.map { " of process \($0)" } ?? "")
          + " (\(EscapedText.terminal(vcpu.command))), \(own), \(vcpu.exits) exits")
    }
    if vcpus.count > 20 { StandardError.note("  and \(vcpus.count - 20) more, in the metadata") }
  }

  private func noteOthers(_ summary: LogSummary) {
    let others = summary.otherEvents.values.reduce(0, &+)
    if others > 0 {
      StandardError.note(
        "note: \(others) events tell of no exit: "
          + Self.list(summary.otherEvents, limit: 4))
    }
    if summary.leftOut > 0 {
      StandardError.note("note: \(summary.leftOut) events of other processes are left out")
    }
    if summary.backwardTimes > 0 {
      StandardError.note(
        "note: time runs backwards at \(summary.backwardTimes) events; times there are not used")
    }
  }

  /// `kvm_fpu 12, kvm_cpuid 3`, most first.
  private static func list(_ counts: [String: UInt64], limit: Int = 8) -> String {
    let sorted = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    let shown = sorted.prefix(limit).map { "\(EscapedText.terminal($0.key)) \($0.value)" }
    return shown.joined(separator: ", ") + (sorted.count > limit ? ", …" : "")
  }
}
