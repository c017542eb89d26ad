internal import ArgumentParser
internal import FoundationEssentials
internal import Glibc
internal import KVM
internal import Machine
internal import Replay
internal import Trace

/// `vmreel bench replay`: what replaying in several processes gains, against what the machine allows.
struct BenchReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "The speed-up of replay --jobs, as a share of what bare KVM loops reach.",
    discussion: """
      Four variants alternate, each in processes of their own: one bare KVM_RUN loop, as many at a \
      time as there are jobs, one replay, and the replay with --jobs. The ceiling is how much more \
      the loops get done together than one does alone; the share is the replay's speed-up over it. \
      Without a reel the built-in guest compute is recorded first.

      Example:
        vmreel bench replay --jobs 2 --rounds 7 --format json
      """)

  @Argument(help: "The reel; one that takes seconds to replay and has keyframes in between.")
  var reel: String?

  @Option(name: .long, help: ArgumentHelp("Processes at a time.", valueName: "n"))
  var jobs = 2

  @Option(name: .long, help: ArgumentHelp("Rounds of each variant, at least 3.", valueName: "n"))
  var rounds = 7

  @Option(name: .long, help: ArgumentHelp("Exits of each bare loop.", valueName: "n"))
  var exits = 300_000

  @Option(name: .long, help: "text, json or csv.")
  var format: OutputFormat = .text

  @Flag(help: .hidden)
  var runBareLoop = false

  mutating func validate() throws {
    guard (3...1000).contains(rounds) else {
      throw ValidationError("--rounds must be from 3 to 1000")
    }
    guard (2...1024).contains(jobs) else { throw ValidationError("--jobs must be from 2 to 1024") }
    guard (1000...10_000_000).contains(exits) else {
      throw ValidationError("--exits must be from 1000 to 10000000")
    }
  }

  func run() throws {
    if runBareLoop { return try Self.bareLoop(exits: exits) }
    // Removed when a signal ends the bench, too.
    let directory = try reel == nil ? BenchDirectory(in: nil) : nil
    let path = reel ?? (directory?.path ?? "") + "/compute.reel"
    if directory != nil {
      try ReplayBench.vmreel(["record", "--guest", "compute", "-o", path])
    }
    let result = try withExtendedLifetime(directory) {
      try ReplayBench(reel: path, jobs: jobs, rounds: rounds, exits: exits).run()
    }
    switch format {
    case .json:
      StandardOutput.shared.write(bytes: try JSONText.encode(result, pretty: true) + [0x0a])
    case .csv: StandardOutput.shared.write(result.csv)
    case .text: StandardOutput.shared.write(result.text)
    }
  }

  private static func bareLoop(exits: Int) throws {
    do {
      let (processor, _) = try ExitBench.makeGuest(exits: exits)
      _ = try processor.runBare(exits: exits)
    } catch let error as ProcessorError {
      throw CommandFailure(error.sentence)
    }
  }
}

/// Measures a reel's replay in one process and in several, and bare loops in as many.
struct ReplayBench {
  var reel: String
  var jobs: Int
  var rounds: Int
  var exits: Int

  /// - Throws: ``CommandFailure`` when a replay does not end identical, or a process fails.
  func run() throws -> ReplayBenchResult {
    var (oneLoop, loops, one, parallel): ([Double], [Double], [Double], [Double]) = ([], [], [], [])
    let loop = ["bench", "replay", "--run-bare-loop", "--exits", "\(exits)"]
    let replay = ["replay", reel, "--no-console", "--format", "json"]
    for round in 1...rounds {
      StandardError.note("round \(round) of \(rounds)")
      oneLoop.append(try Self.seconds([loop]))
      one.append(try Self.seconds([replay], isReplay: true))
      loops.append(try Self.seconds([[String]](repeating: loop, count: jobs)))
      parallel.append(try Self.seconds([replay + ["--jobs", "\(jobs)"]], isReplay: true))
    }
    return ReplayBenchResult(
      reel: reel, jobs: jobs, rounds: rounds, bareLoop: Spread(oneLoop), bareLoops: Spread(loops),
      replay: Spread(one), parallelReplay: Spread(parallel))
  }

  /// Runs vmreel once, for what it leaves behind.
  static func vmreel(_ arguments: [String]) throws { _ = try seconds([arguments]) }

  /// How long processes take that run at the same time, their start included.
  private static func seconds(_ commands: [[String]], isReplay: Bool = false) throws -> Double {
    let pipe = try ParentPipe()
    defer { pipe.closeBoth() }
    let start = BenchClock.elapsed()
    let children = try commands.map { try ChildProcess(arguments: $0, input: pipe.readingEnd) }
    let ends = children.map { $0.wait() }
    let duration = BenchClock.elapsed() - start
    for (command, end) in zip(commands, ends) {
      guard end.status == 0 else {
        let errors = String(decoding: end.errors, as: UTF8.self)
        throw CommandFailure(
          "`vmreel \(command.joined(separator: " "))` failed, so its time means nothing: \(errors)")
      }
      guard isReplay else { continue }
      let report = try? JSONDecoder().decode(VerdictReport.self, from: Data(end.output))
      guard report?.outcome == .identical else {
        throw CommandFailure(
          "the replay did not end identical, so its time means nothing; replay the reel with "
            + "`vmreel replay` and look at its verdict")
      }
    }
    return Double(duration) / 1e9
  }
}

/// The figures of a replay bench.
struct ReplayBenchResult: Encodable {
  let schema = "vmreel.bench.replay/1"
  let unit = "seconds"
  var reel: String
  var jobs: Int
  var rounds: Int
  /// One bare loop alone.
  var bareLoop: Spread
  /// ``jobs`` bare loops at the same time, each as long as the one.
  var bareLoops: Spread
  var replay: Spread
  var parallelReplay: Spread
  /// How much more bare loops get done together than one alone.
  var ceiling: Double
  /// How much faster the replay is with ``jobs``.
  var speedup: Double
  /// The speed-up as a share of the ceiling.
  var share: Double

  init(
    reel: String, jobs: Int, rounds: Int, bareLoop: Spread, bareLoops: Spread, replay: Spread,
    parallelReplay: Spread
  ) {
    self.reel = reel
    self.jobs = jobs
    self.rounds = rounds
    self.bareLoop = bareLoop
    self.bareLoops = bareLoops
    self.replay = replay
    self.parallelReplay = parallelReplay
    ceiling = Double(jobs) * bareLoop.median / bareLoops.median
    speedup = replay.median / parallelReplay.median
    share = speedup / ceiling
  }

  private var rows: [(name: String, spread: Spread)] {
    [
      ("bare loop", bareLoop), ("\(jobs) bare loops", bareLoops), ("replay", replay),
      ("replay --jobs \(jobs)", parallelReplay),
    ]
  }

  private var table: BenchTable { BenchTable(unit: "seconds", decimals: 3, rows: rows) }

  var text: String {
    table.text
      + "\(rounds) rounds, variants alternated, times with the processes' start; medians\n"
      + "ceiling \(rounded(ceiling)), speed-up \(rounded(speedup)), share \(rounded(share))\n"
  }

  var csv: String { table.csv(suffix: "s") }

  private func rounded(_ value: Double) -> String {
    guard value.isFinite, value < 1e6 else { return "-" }
    let thousandths = Int((value * 1000).rounded())
    let fraction = String(thousandths % 1000)
    return "\(thousandths / 1000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
  }
}
