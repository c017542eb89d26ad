internal import ArgumentParser
internal import KVM
internal import Machine

/// `vmreel bench`: what recording and reading cost, as ratios within one run.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure what recording and reading cost on this machine.",
    discussion: """
      Example:
        vmreel bench exits
      """,
    subcommands: [
      BenchExitsCommand.self, BenchGuestCommand.self, BenchWriteCommand.self,
      BenchReadCommand.self, BenchStatsCommand.self, BenchDiffCommand.self,
      BenchSeekCommand.self, BenchSizeCommand.self, BenchGenerateCommand.self,
      BenchReplayCommand.self,
    ])
}

/// `vmreel bench exits`: the cost of an exit bare, run and recorded.
struct BenchExitsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exits",
    abstract: "Nanoseconds per exit: bare KVM_RUN, the runner, the runner recording.",
    discussion: """
      One guest makes the same port write again and again. The variants alternate; a round set \
      in which the bare loop varies by more than 10 % is measured again.

      Example:
        vmreel bench exits --rounds 9 --format json
      """)

  @Option(name: .long, help: ArgumentHelp("Exits per round.", valueName: "n"))
  var exits = 100_000

  @Option(name: .long, help: ArgumentHelp("Rounds of each variant, at least 3.", valueName: "n"))
  var rounds = 7

  @Option(name: .long, help: "text, json or csv.")
  var format: OutputFormat = .text

  mutating func validate() throws {
    guard (1000...10_000_000).contains(exits) else {
      throw ValidationError("--exits must be from 1000 to 10000000")
    }
    guard (3...1000).contains(rounds) else {
      throw ValidationError("--rounds must be from 3 to 1000")
    }
  }

  func run() throws {
    let bench = ExitBench(exits: exits, rounds: rounds)
    let result: ExitBenchResult
    do {
      result = try bench.run()
    } catch let error as ProcessorError {
      throw CommandFailure(error.sentence)
    }
    switch format {
    case .json:
      StandardOutput.shared.write(bytes: try JSONText.encode(result, pretty: true) + [0x0a])
    case .csv: StandardOutput.shared.write(result.csv)
    case .text: StandardOutput.shared.write(result.text)
    }
    if !result.isSteady {
      StandardError.note("note: the machine is noisy: the bare loop varied by more than 10 %")
    }
  }
}

/// `vmreel bench guest`: a whole run not recorded, recorded and replayed.
struct BenchGuestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "guest",
    abstract: "Seconds a guest takes: not recorded, recorded, replayed.",
    discussion: """
      The guest gets no input and should end by itself. The three alternate; ratios are to the \
      median run without recording. Loading the guest is not counted.

      Example:
        vmreel bench guest --guest compute --rounds 3
      """)

  @OptionGroup var guestOptions: GuestOptions
  @OptionGroup var policyOptions: PolicyOptions

  @Option(name: .long, help: ArgumentHelp("Rounds of each variant.", valueName: "n"))
  var rounds = 5

  @Option(name: .long, help: "text, json or csv.")
  var format: OutputFormat = .text

  mutating func validate() throws {
    guard (1...1000).contains(rounds) else {
      throw ValidationError("--rounds must be from 1 to 1000")
    }
  }

  func run() throws {
    let bench = GuestBench(
      image: try GuestImage.read(guestOptions), options: policyOptions, rounds: rounds)
    let result = try bench.run()
    switch format {
    case .json:
      StandardOutput.shared.write(bytes: try JSONText.encode(result, pretty: true) + [0x0a])
    case .csv: StandardOutput.shared.write(result.csv)
    case .text: StandardOutput.shared.write(result.text)
    }
  }
}
