import BuiltInGuests
import FoundationEssentials
import Testing

extension ProgramTests {
  /// Each built-in guest from its recording to every command that reads the reel.
  @Suite(.needsKVM) struct Guests {
    /// All but those that never end or take long, which have tests of their own.
    static let quick = BuiltInGuest.all.map(\.name).filter { $0 != "spin" && $0 != "compute" }

    /// How the test knows: the verdict compares every exit, and the three consoles are compared
    /// here byte by byte.
    @Test(arguments: quick)
    func replaysIdentically(guest: String) throws {
      let directory = try TestDirectory()
      let recorded = try directory.vmreel(
        "record", "--guest", guest, "-o", "g.reel", input: .text("hello 42\n"))
      #expect(recorded.status == 0, "\(recorded.story)")
      #expect(recorded.errorLines.last?.hasPrefix("recorded g.reel: ") == true)
      #expect(!recorded.output.isEmpty)
      for _ in 0..<3 {
        let replayed = try directory.vmreel("replay", "g.reel")
        #expect(replayed.status == 0, "\(replayed.story)")
        #expect(replayed.errorLines.last?.hasPrefix("identical: ") == true, "\(replayed.story)")
        #expect(replayed.output == recorded.output)
      }
      let dumped = try directory.vmreel("dump", "--console", "g.reel")
      #expect(dumped.output == recorded.output)
      let verified = try directory.vmreel("verify", "g.reel")
      #expect(verified.status == 0 && verified.text.hasPrefix("sound: "), "\(verified.story)")
    }

    /// Without kicks, which fall where a busy host lets them, equal guests make equal recordings.
    @Test(arguments: ["hello", "ticker", "ticker64", "multiboot"])
    func warpRecordingsAreEqual(guest: String) throws {
      let directory = try TestDirectory()
      for name in ["a.reel", "b.reel"] {
        try directory.vmreel("record", "--guest", guest, "--placement", "exit", "-o", name)
      }
      let difference = try directory.vmreel("diff", "a.reel", "b.reel")
      #expect(difference.status == 0, "\(difference.story)")
    }

    private static let record = "vmreel record --guest echo --placement exit -o"

    /// The input differs in its third letter; the first event that differs must be the input
    /// that handed it over, and the console texts show that the guest noticed.
    @Test func differentInputIsNamed() throws {
      let directory = try TestDirectory()
      let first = try directory.shell("echo hello | \(Self.record) a.reel")
      let second = try directory.shell("echo hexlo | \(Self.record) b.reel")
      try directory.shell("echo hello | \(Self.record) c.reel").expectSuccess()
      #expect(first.output != second.output)
      let difference = try directory.vmreel("diff", "a.reel", "b.reel")
      #expect(difference.status == 1, "\(difference.story)")
      #expect(difference.text.contains("input"), "\(difference.story)")
      #expect(difference.text.contains("0x6c") && difference.text.contains("0x78"))
      #expect(difference.text.contains("Changed: 1 event with other data in B."))
      let apart = try directory.vmreel("diff", "--streams", "apart", "a.reel", "b.reel")
      #expect(apart.text.contains("\n  - hEllO\n  + hExlO\n"), "\(apart.story)")
      try directory.vmreel("diff", "a.reel", "a.reel").expectSuccess()
      try directory.vmreel("diff", "a.reel", "c.reel").expectSuccess()
      let quiet = try directory.vmreel("diff", "-q", "a.reel", "b.reel")
      #expect(quiet.status == 1 && quiet.output.isEmpty && quiet.errors.isEmpty)
    }

    @Test func shapesOfMachineOutput() throws {
      let directory = try TestDirectory()
      try directory.vmreel("record", "--guest", "ticker", "-o", "t.reel").expectSuccess()
      for command in ["info", "stats", "verify"] {
        let run = try directory.vmreel(command, "t.reel", "--format", "json")
        #expect(try jsonSchema(run).hasPrefix("vmreel.\(command)/"))
      }
      let difference = try directory.vmreel("diff", "t.reel", "t.reel", "--format", "json")
      #expect(try jsonSchema(difference).hasPrefix("vmreel.diff/"))
      let verdict = try directory.vmreel("replay", "t.reel", "--format", "json")
      #expect(try jsonSchema(verdict).hasPrefix("vmreel.replay/") && verdict.errors.isEmpty)
      let lines = try directory.vmreel("dump", "t.reel", "--format", "json")
      struct Line: Decodable { var index: UInt64 }
      let indices = try lines.text.split(separator: "\n").map {
        try JSONDecoder().decode(Line.self, from: Data($0.utf8)).index
      }
      #expect(indices == Array(0..<UInt64(indices.count)))
      #expect(indices.count > 300)
    }
  }
}

extension Run {
  /// Fails the test unless the run ended with status 0.
  func expectSuccess(location: SourceLocation = #_sourceLocation) {
    #expect(status == 0, "\(story)", sourceLocation: location)
  }
}
