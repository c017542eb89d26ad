internal import ArgumentParser
internal import SyntheticReels
internal import Trace
internal import TraceIO

/// `vmreel bench generate`: a synthetic reel as a file.
struct BenchGenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Write a synthetic reel: for reading it, no guest replays it.",
    discussion: """
      The same options give the same reel. --golden writes the reels of traces/golden instead.

      Example:
        vmreel bench generate --events 100k --vcpus 2 -o synthetic.reel
      """)

  @Option(name: .long, help: ArgumentHelp("Events, from 100 to 20m.", valueName: "n"))
  var events = EventCount(10_000)

  @Option(name: .long, help: ArgumentHelp("The seed.", valueName: "n"))
  var seed: UInt64 = 1

  @Option(name: .long, help: ArgumentHelp("vCPUs, from 1 to 64.", valueName: "n"))
  var vcpus = 1

  @Option(
    name: .long, help: ArgumentHelp("Events between keyframes; 0: none.", valueName: "n"))
  var keyframeInterval: UInt64 = 50_000

  @Option(
    name: .long, help: "Add exits as the kernel of such a host traces them: vmx or svm.")
  var kernelExits: InstructionSet?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Change, leave out or repeat so many of a thousand writes: something to diff.",
      valueName: "n"))
  var edits: UInt64 = 0

  @Option(name: .long, help: ArgumentHelp("Edit no event before this one.", valueName: "event"))
  var firstEdit: EventIndex = 0

  @Flag(name: .long, help: "Overwrite an existing file.")
  var force = false

  @Option(name: .shortAndLong, help: ArgumentHelp("The reel to write.", valueName: "file"))
  var output: String?

  @Option(
    name: .long,
    help: ArgumentHelp("Write the golden reels to this directory.", valueName: "directory"))
  var golden: String?

  mutating func validate() throws {
    guard (output == nil) != (golden == nil) else {
      throw ValidationError("give the file to write with -o, or a directory with --golden")
    }
    guard EventCount.fileRange.contains(events.value) else {
      throw ValidationError("--events must be from 100 to 20m")
    }
    guard edits <= 1000 else { throw ValidationError("--edits must be from 0 to 1000") }
    guard (1...64).contains(vcpus) else { throw ValidationError("--vcpus must be from 1 to 64") }
  }

  func run() throws {
    if let golden { try writeGolden(to: golden) }
    guard let output else { return }
    var configuration = SyntheticReel.Configuration()
    configuration.seed = seed
    configuration.eventCount = events.value
    configuration.vcpuCount = vcpus
    configuration.keyframeInterval = keyframeInterval
    configuration.editsPerThousandWrites = edits
    configuration.firstEdit = firstEdit
    configuration.instructionSet = kernelExits?.number ?? 0
    try BenchReel.write(configuration, to: output, overwrite: force, isInBenchDirectory: false)
  }

  private func writeGolden(to directory: String) throws {
    for reel in GoldenReels.all {
      let bytes = reel.bytes(metadataJSON: try JSONText.encode(reel.metadata, pretty: false))
      try BenchReel.failing {
        let file = try ReelOutput(path: "\(directory)/\(reel.name).reel", overwrite: force)
        try file.write(bytes)
        try file.close()
      }
    }
  }
}

/// Whose kernel exits.
enum InstructionSet: String, ExpressibleByArgument, CaseIterable {
  case vmx
  case svm

  /// As KernelExitRecord counts them.
  var number: UInt8 { self == .vmx ? 1 : 2 }
}
