import FoundationEssentials
import ReelFixtures
import Testing
import Trace

extension ProgramTests {
  /// `trim` and `strip` on reels of real guests, replayed on KVM.
  @Suite(.needsKVM) struct Trimming {
    private func recorded(_ guest: String, _ options: String...) throws -> TestDirectory {
      let directory = try TestDirectory()
      try directory.vmreel(["record", "--guest", guest, "-o", "o.reel"] + options).expectSuccess()
      return directory
    }

    private func events(_ directory: TestDirectory, _ name: String) throws -> Reel {
      try Reel(MemorySource(try directory.read(name)))
    }

    /// Ticks and interrupts; pages that come and go; sealed segments.
    @Test(arguments: [("ticker", "20"), ("churn", "10"), ("compute", "40")])
    func aTrimmedReelReplaysFromItsFirstKeyframe(guest: String, every: String) throws {
      let directory = try recorded(guest, "--keyframe-every", every)
      let original = try directory.read("o.reel")
      for range in ["150..200", "..120", "100..140"] {
        try directory.vmreel("trim", "o.reel", "--range", range, "-o", "t.reel", "--force")
          .expectSuccess()
        let copy = try events(directory, "t.reel")
        #expect(copy.eventCount < (try events(directory, "o.reel")).eventCount)
        #expect(copy.end?.reason == .trimmed)
        let replayed = try directory.vmreel("replay", "t.reel", "--no-console")
        #expect(replayed.errors.hasPrefix("identical: "), "\(range): \(replayed.story)")
        #expect(try directory.vmreel("verify", "t.reel").status == 0)
        for pair in [["o.reel", "t.reel"], ["t.reel", "o.reel"]] {
          let difference = try directory.vmreel(["diff"] + pair)
          #expect(difference.status == 0, "\(difference.story)")
          #expect(difference.text.contains("Note: "), "\(difference.story)")
        }
        let bytes = try directory.read("t.reel")
        try directory.vmreel("trim", "o.reel", "--range", range, "-o", "t.reel", "--force")
        #expect(try directory.read("t.reel") == bytes)
      }
      #expect(try directory.read("o.reel") == original)
    }

    @Test func theHistorySaysWhatWasDone() throws {
      let directory = try recorded("ticker", "--keyframe-every", "20")
      try directory.vmreel("trim", "o.reel", "--range", "150..200", "-o", "t.reel").expectSuccess()
      try directory.vmreel("strip", "t.reel", "-o", "s.reel").expectSuccess()
      let info = try directory.vmreel("info", "s.reel").text.split(separator: "\n")
      let history = info.filter { $0.hasPrefix("history") }
      #expect(history.count == 2)
      #expect(history.first?.contains(" trim (vmreel ") == true)
      #expect(history.first?.contains("the events before ") == true)
      #expect(history.first?.hasSuffix(", replay") == true, "replay works on the trimmed one")
      #expect(history.last?.contains("the contents of the guest's memory") == true)
      #expect(history.last?.hasSuffix(", strip") == true, "and not on the stripped one")
    }

    @Test func refusals() throws {
      let directory = try recorded("hello")
      expectTrouble(
        try directory.vmreel("trim", "o.reel", "--range", "5000..", "-o", "t.reel"),
        "o.reel: no event lies in the range; the reel holds the events 0..")
      expectTrouble(
        try directory.vmreel("trim", "o.reel", "--range", "9..3", "-o", "t.reel"), "--range")
      expectTrouble(try directory.vmreel("trim", "o.reel", "-o", "t.reel"), "--range")
      expectTrouble(
        try directory.vmreel("trim", "o.reel", "--range", "1..9", "-o", "o.reel"), "itself")
      try directory.write([1], to: "e.reel")
      expectTrouble(
        try directory.vmreel("trim", "o.reel", "--range", "1..9", "-o", "e.reel"), "--force")
      expectTrouble(
        try directory.vmreel("trim", "o.reel", "--range", "1..9", "-o", "-"), "to a pipe")
      var bytes = try directory.read("o.reel")
      let block = try #require(try events(directory, "o.reel").eventBlocks.first)
      bytes[Int(block.offset) + BlockHeader.byteCount] ^= 1
      try directory.write(bytes, to: "d.reel")
      expectTrouble(
        try directory.vmreel("trim", "d.reel", "--range", "1..9", "-o", "t.reel"),
        "d.reel: the block at offset \(block.offset) is damaged")
      #expect(try directory.files() == ["d.reel", "e.reel", "o.reel"])
    }

    /// Sealed segments are found without the times that say where to look first.
    @Test func withoutTimesItReplays() throws {
      let directory = try recorded("compute")
      try directory.vmreel("strip", "--times", "o.reel", "-o", "s.reel").expectSuccess()
      let replayed = try directory.vmreel("replay", "s.reel", "--no-console")
      #expect(replayed.errors.contains("identical: "), "\(replayed.story)")
      let statistics = try directory.vmreel("stats", "s.reel")
      #expect(statistics.text.contains("# times: stripped from this reel"))
      #expect(!statistics.text.contains("0.00us"), "\(statistics.story)")
      #expect(statistics.errors == "note: s.reel is stripped: it has no host times\n")
      let plain = try directory.vmreel("dump", "o.reel")
      #expect(try directory.vmreel("dump", "--times", "s.reel").output == plain.output)
      #expect(try directory.vmreel("info", "s.reel").text.contains("duration      stripped"))
    }

    @Test func withoutConsoleNothingTellsTheText() throws {
      let directory = try TestDirectory()
      try directory.shell(
        "echo secret7 | vmreel record --guest echo --until-console sEcrEt7 -o o.reel"
      ).expectSuccess()
      try directory.vmreel("strip", "--console", "o.reel", "-o", "s.reel").expectSuccess()
      let reel = try events(directory, "s.reel")
      for block in reel.blocks where block.header.storedSize > 0 {
        let raw = String(decoding: try reel.uncompressedBytes(of: block), as: UTF8.self)
        #expect(!raw.lowercased().contains("secret7"), "\(block.header.type.name)")
      }
      expectTrouble(try directory.vmreel("replay", "s.reel"), "s.reel", "console text was stripped")
      let console = try directory.vmreel("dump", "--console", "s.reel")
      #expect(console.status == 2 && console.errors.contains("console text was stripped"))
      #expect(try directory.vmreel("verify", "s.reel").status == 0)
      let info = try directory.vmreel("info", "s.reel").text
      #expect(info.contains("; not memory, console output, registers at keyframes, digests"))
      // The same exits with other text: no difference is seen, and it is said that none could be.
      try directory.shell("echo sacred7 | vmreel record --guest echo -o a.reel").expectSuccess()
      #expect(try directory.vmreel("diff", "-q", "o.reel", "a.reel").status == 1)
      let difference = try directory.vmreel("diff", "s.reel", "a.reel", "--ignore", "rip")
      #expect(difference.text.contains("console text and digests were not compared"))
      #expect(!difference.text.lowercased().contains("'s'"), "\(difference.story)")
    }

    @Test func infoOfColumnsAndContents() throws {
      let directory = try recorded("hello")
      let text = try directory.vmreel("info", "o.reel", "--columns").text
      #expect(text.contains(" to 1, index and footer"))
      #expect(text.contains("holds         memory, console output, "))
      for column in ["headers", "ripDelta", "check", "slice"] {
        #expect(text.contains("\n\(column) "), "\(column): \(text)")
      }
      struct Info: Decodable {
        struct Column: Decodable { var storedBytes: UInt64 }
        struct Contents: Decodable { var memory: Bool }
        var columns: [Column]
        var contents: Contents
        var eventBytesPerExit: Double
        var guestMadeExits: UInt64
        var hasIndex: Bool
        var hasFooter: Bool
        var compressionRatio: Double
      }
      let json = try directory.vmreel("info", "o.reel", "--format", "json").output
      let info = try JSONDecoder().decode(Info.self, from: Data(json))
      let bytes = Double(info.columns.reduce(0) { $0 + $1.storedBytes })
      #expect(abs(bytes / Double(info.guestMadeExits) - info.eventBytesPerExit) < 1e-9)
      #expect(info.hasIndex && info.hasFooter && info.contents.memory)
      #expect(info.compressionRatio > 1)
    }
  }
}
