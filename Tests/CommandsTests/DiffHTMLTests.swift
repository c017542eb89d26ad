import FoundationEssentials
import Testing

extension ProgramTests {
  /// `vmreel diff --html`, and its file in a real browser.
  @Suite struct DiffHTML {
    private static let traces = SecondReader.traces
    static let pairs = [
      ["echo-hello.reel", "echo-hullo.reel"],
      ["linux/static-kvm_amd.reel", "linux/static-kvm_intel.reel"],
      ["mmio.reel", "mmio.reel"],
      ["golden/two-vcpus.reel", "golden/trimmed.reel"],
    ]

    private static func paths(_ pair: [String]) -> [String] { pair.map { "\(traces)/\($0)" } }

    private let echo = paths(pairs[0])

    @Test(arguments: pairs) func equalReelsMakeEqualFiles(_ pair: [String]) throws {
      let directory = try TestDirectory()
      let reels = Self.paths(pair)
      let text = try directory.vmreel(["diff"] + reels)
      for file in ["one.html", "two.html"] {
        let run = try directory.vmreel(["diff"] + reels + ["--html", file])
        #expect(run.status == text.status && run.output.isEmpty, "\(run.story)")
      }
      let one = try directory.read("one.html")
      #expect(try one == directory.read("two.html"))
      #expect(try directory.vmreel(["diff"] + reels + ["--html", "-"]).output == one)
    }

    @Test(
      .enabled(
        if: browserUnavailable == nil, Comment(rawValue: browserUnavailable ?? "Chromium is there")),
      arguments: pairs)
    func browserFollowsBandsAndComplainsOfNothing(_ pair: [String]) throws {
      let directory = try TestDirectory()
      try directory.vmreel(
        ["diff", "--streams", "apart"] + Self.paths(pair) + ["--html", "diff.html"])
      let script = SecondReader.root.appending(path: "tools/browse-report").path
      let run = directory.finish(
        try SecondReader.python([script, "diff.html"], in: directory), "browse-report",
        #_sourceLocation)
      #expect(run.status == 0, "\(String(decoding: run.output, as: UTF8.self))")
    }

    @Test func existingFilesAndReelsStay() throws {
      let directory = try TestDirectory()
      try directory.write("mine".utf8, to: "kept.html")
      let refused = try directory.vmreel(["diff"] + echo + ["--html", "kept.html"])
      #expect(refused.status == 2, "\(refused.story)")
      // `diff` has no -o to choose another name with.
      #expect(
        refused.errors.contains("kept.html exists already; choose another name with --html,"))
      #expect(try directory.read("kept.html") == Array("mine".utf8))
      let forced = try directory.vmreel(["diff"] + echo + ["--html", "kept.html", "--force"])
      #expect(forced.status == 1, "\(forced.story)")
      let reel = Array(try Data(contentsOf: URL(filePath: echo[1])))
      try directory.write(reel, to: "mine.reel")
      let run = try directory.vmreel(
        ["diff", echo[0], "mine.reel", "--html", "mine.reel", "--force"])
      #expect(run.status == 2, "\(run.story)")
      #expect(try directory.read("mine.reel") == reel)
      let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
      #expect(!names.contains { $0.hasSuffix(".part") })
    }

    @Test(arguments: [["-q"], ["--format", "json"]])
    func otherOutputIsRefused(_ options: [String]) throws {
      let directory = try TestDirectory()
      let run = try directory.vmreel(["diff"] + echo + ["--html", "x.html"] + options)
      #expect(run.status == 2 && run.errors.contains("exclude each other"), "\(run.story)")
      let idle = try directory.vmreel(["diff"] + echo + ["--force"])
      #expect(idle.status == 2 && idle.errors.contains("--html"), "\(idle.story)")
    }
  }
}
