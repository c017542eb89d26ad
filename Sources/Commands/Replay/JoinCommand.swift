internal import ArgumentParser
internal import FoundationEssentials
internal import Replay
internal import Trace

/// `vmreel join`: one verdict of the results of a reel's segments.
struct JoinCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "join",
    abstract: "Join the results of a reel's segments, replayed anywhere, to one verdict.",
    discussion: """
      The results are what `vmreel replay --segment I/N --format json` printed. The verdict and \
      the exit status are those of a replay in one process. A result that is missing before the \
      first divergence, is there twice, or is of another reel is refused, with exit status 2.

      Example:
        seq 8 | parallel 'vmreel replay boot.reel --segment {}/8 --format json > {}.json'
        vmreel join boot.reel *.json
      """)

  /// No result is larger than a divergence report with its payloads.
  private static let byteLimit = 16 << 20

  @Argument(help: "The reel.")
  var reel: String

  @Argument(help: ArgumentHelp("The results, in any order.", valueName: "result"))
  var results: [String]

  @Option(name: .long, help: "text: the verdict on standard error; json: on standard output.")
  var format: TextOrJSON = .text

  func run() throws {
    let opened = try OpenedReel(path: reel, notesStripping: false)
    let reports = try results.map { (try Self.report($0), $0) }
    let count = reports.first { $0.0.segment != nil }?.0.segment?.count ?? 1
    guard (1...SegmentJoin.maximumCount).contains(count) else {
      throw CommandFailure(
        "\(results[0]) is of a split in \(count) segments; there are 1 to \(SegmentJoin.maximumCount)"
      )
    }
    var join = SegmentJoin(opened, plan: try opened.reading { try SegmentPlan($0, count: count) })
    for (report, name) in reports { try join.add(report, from: name) }
    try JoinedVerdict(try join.verdict(), opened).print(format)
  }

  private static func report(_ path: String) throws -> VerdictReport {
    let bytes = try InputFile.read(path)
    guard bytes.count <= byteLimit,
      let report = try? JSONDecoder().decode(VerdictReport.self, from: Data(bytes))
    else {
      throw CommandFailure(
        bytes.isEmpty
          ? "\(path) is empty: that replay has not ended, or was killed; replay the segment again"
          : "\(path) is not a result of `vmreel replay --format json`")
    }
    return report
  }
}
