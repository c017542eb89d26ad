public import ArgumentParser
internal import Trace

/// The command line: `vmreel SUBCOMMAND`.
public struct VMReel: ParsableCommand {
  /// The program's version.
  public static let version = "0.1.0"
  private static let format = "\(FileHeader.currentMajor).\(FileHeader.currentMinor)"

  /// The subcommands, in the order of a working day.
  public static let configuration = CommandConfiguration(
    commandName: "vmreel",
    abstract: "Record and replay KVM virtual machines, and look at what they did.",
    discussion: """
      Exit status: 0 fine, 1 a difference or divergence was found, 2 trouble (bad file, bad \
      usage, partial reel, no KVM). SIGINT (Ctrl-C), SIGTERM and SIGHUP end with 130, 143 and 129; \
      what `record` has written by then is a valid reel.

      Example:
        vmreel record --guest ticker -o ticker.reel
        vmreel replay ticker.reel
      """,
    version: "vmreel \(version) (trace format \(format))",
    subcommands: [
      RecordCommand.self, ReplayCommand.self, JoinCommand.self, InfoCommand.self, DumpCommand.self,
      StatsCommand.self, ReportCommand.self, ExportCommand.self, DiffCommand.self,
      VerifyCommand.self, RecoverCommand.self,
      TrimCommand.self,
      StripCommand.self, ImportCommand.self,
      GuestsCommand.self, DoctorCommand.self, BenchCommand.self,
    ])

  /// Makes the root command.
  public init() {}

  /// Parses the process's arguments, runs the command and ends the process with its status.
  public static func runAndExit() -> Never {
    occupyStandardDescriptors()
    ignoreWriteSignals()
    do {
      var command = try parseAsRoot()
      try command.run()
      try StandardOutput.shared.flush()
      endProcess(.success)
    } catch let status as ExitStatus {
      // What was printed before a non-zero status must still arrive.
      endProcess(StandardOutput.shared.flushQuietly() ? status : .trouble)
    } catch let failure as CommandFailure {
      _ = StandardOutput.shared.flushQuietly()
      StandardError.write("vmreel: \(failure.message)\n")
      endProcess(.trouble)
    } catch {
      endParsing(error)
    }
  }

  /// Help and version go to standard output with status 0; usage errors are trouble.
  private static func endParsing(_ error: any Error) -> Never {
    guard exitCode(for: error) == .success else {
      StandardError.write("vmreel: \(usageSentence(error))\n")
      endProcess(.trouble)
    }
    StandardOutput.shared.write(fullMessage(for: error) + "\n")
    endProcess(StandardOutput.shared.flushQuietly() ? .success : .trouble)
  }

  /// What is wrong with the command line and where help is, in one line.
  ///
  /// The parser's own text has the usage line between the two.
  private static func usageSentence(_ error: any Error) -> String {
    var what = message(for: error)
      // The list of values that an argument can have.
      .replacing("Please provide one of the following:\n  - ", with: "please provide one of ")
      .replacing(". Please provide", with: "; please provide")
      .replacing("\n  - ", with: ", ")
      .split(separator: "\n").joined(separator: "; ")
    what = what.prefix(1).lowercased() + what.dropFirst()
    what = what.replacing("'. ", with: "'; ")
    if let last = what.last, ".?".contains(last) { what.removeLast() }
    let pointer = fullMessage(for: error).split(separator: "\n").last { $0.contains("See '") }
    guard let command = pointer?.split(separator: "'").dropFirst().first else { return what }
    return "\(what); see '\(command)'"
  }
}
