import FoundationEssentials
import ReelFixtures
import Testing
import Trace

extension ProgramTests {
  /// `strip`, on sample reels: no KVM is needed.
  @Suite struct Stripping {
    private static let traces = URL(filePath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "traces")

    private func stripped(_ sample: String = "compute") throws -> TestDirectory {
      let directory = try TestDirectory()
      let original = Self.traces.appending(path: "\(sample).reel")
      try directory.write(try Data(contentsOf: original), to: "o.reel")
      let run = try directory.vmreel("strip", "o.reel", "-o", "s.reel")
      #expect(run.status == 0 && run.errorLines.count == 1, "\(run.story)")
      return directory
    }

    @Test(arguments: ["compute", "strings", "echo-hello"])
    func whatIsReadStaysTheSame(sample: String) throws {
      let directory = try stripped(sample)
      for arguments in [
        ["dump"], ["dump", "--format", "json", "--times"], ["dump", "--console"], ["stats"],
        ["stats", "--format", "json"],
      ] {
        let original = try directory.vmreel(arguments + ["o.reel"])
        let copy = try directory.vmreel(arguments + ["s.reel"])
        #expect(copy.output == original.output && copy.status == 0, "\(arguments): \(copy.story)")
        #expect(copy.errorLines.count == 1 && copy.errors.contains("s.reel is stripped: "))
      }
      let difference = try directory.vmreel("diff", "o.reel", "s.reel")
      #expect(difference.status == 0 && difference.errorLines.count == 1, "\(difference.story)")
      let verified = try directory.vmreel("verify", "s.reel")
      #expect(verified.status == 0 && verified.errors.isEmpty, "\(verified.story)")
      #expect(verified.text.contains("no pages (stripped"), "\(verified.story)")
      let info = try directory.vmreel("info", "s.reel")
      #expect(info.status == 0 && info.errors.isEmpty, "\(info.story)")
      #expect(info.text.contains("pages         stripped: can be read, not replayed"))
    }

    @Test func replayRefuses() throws {
      let run = try stripped().vmreel("replay", "s.reel")
      expectTrouble(run, "s.reel", "stripped", "use the original, or record again")
      #expect(run.output.isEmpty)
    }

    /// A boot of Linux as users find it: read anywhere, refused by replay before KVM is looked for.
    @Test(arguments: ["kvm_amd", "kvm_intel"])
    func theLinuxSamples(module: String) throws {
      let directory = try TestDirectory()
      let reel = Self.traces.appending(path: "linux/static-\(module).reel").path
      expectTrouble(try directory.vmreel("replay", reel), reel, "stripped")
      let statistics = try directory.vmreel("stats", reel)
      #expect(statistics.text.contains("Kernel exits: tracepoint, "), "\(statistics.story)")
      #expect(statistics.text.contains(" recorded, 0 lost"), "\(statistics.story)")
      let reasons = module == "kvm_amd" ? ["npf", "cpuid", "io"] : ["EPT_VIOLATION", "CPUID"]
      let dump = try directory.vmreel("dump", "--kernel-exits", "--range", "..3000", reel)
      for reason in reasons {
        #expect(statistics.text.contains(" \(reason) "))
        #expect(dump.text.contains("       + \(reason) "))
      }
      #expect(try directory.vmreel("verify", reel).status == 0)
      #expect(try directory.vmreel("diff", "-q", reel, reel).status == 0)
    }

    @Test func nothingIsOverwrittenUnasked() throws {
      let directory = try stripped()
      let copy = try directory.read("s.reel")
      expectTrouble(
        try directory.vmreel("strip", "o.reel", "-o", "s.reel"), "exists already", "--force")
      #expect(try directory.read("s.reel") == copy)
      let part = "t.reel.copy.part"
      try directory.write([1, 2, 3], to: part)
      expectTrouble(try directory.vmreel("strip", "o.reel", "-o", "t.reel"), part)
      #expect(try directory.read(part) == [1, 2, 3])
      // A copy of a copy has the same bytes.
      try directory.vmreel("strip", "s.reel", "-o", "t.reel", "--force").expectSuccess()
      #expect(try directory.read("t.reel") == copy)
      #expect(try directory.files() == ["o.reel", "s.reel", "t.reel"])
    }

    @Test(arguments: [["strip"], ["trim", "--range", "0.."]])
    func theOriginalIsNeverOverwritten(command: [String]) throws {
      let directory = try stripped()
      let original = try directory.read("o.reel")
      let itself = try directory.vmreel(command + ["o.reel", "-o", "o.reel", "--force"])
      #expect(itself.status == 2 && itself.errorLines.count == 1, "\(itself.story)")
      #expect(itself.errors.contains("o.reel is the reel to copy itself"), "\(itself.story)")
      #expect(try directory.read("o.reel") == original)
      // What a killed recorder left, copied to the name that it would have got.
      let part = Array(original.dropLast(100))
      try directory.write(part, to: "k.reel.part")
      let copied = try directory.vmreel(command + ["k.reel.part", "-o", "k.reel", "--force"])
      #expect(copied.status == 2 && copied.errors.contains("is partial"), "\(copied.story)")
      #expect(try directory.read("k.reel.part") == part)
      #expect(try directory.vmreel("info", "k.reel").status == 0)
    }

    @Test func aDamagedReelLeavesNoCopy() throws {
      let directory = try stripped()
      var bytes = try directory.read("o.reel")
      let reel = try Reel(MemorySource(bytes))
      let pages = try #require(reel.blocks.first { $0.header.type == .pages })
      for block in [reel.eventBlocks[0], pages] {
        let place = Int(block.offset) + BlockHeader.byteCount
        bytes[place] ^= 1
        try directory.write(bytes, to: "d.reel")
        bytes[place] ^= 1
        let run = try directory.vmreel("strip", "d.reel", "-o", "x.reel")
        expectTrouble(run, "d.reel", "the block at offset \(block.offset) is damaged")
      }
      #expect(try directory.files() == ["d.reel", "o.reel", "s.reel"])
    }

    /// A part of a reel is stripped as far as it goes, and stays a part.
    @Test func aPartialReel() throws {
      let directory = try stripped()
      let bytes = try directory.read("o.reel")
      try directory.write(bytes.prefix(bytes.count * 2 / 3), to: "p.reel")
      let run = try directory.vmreel("strip", "p.reel", "-o", "q.reel")
      #expect(run.status == 2 && run.errors.contains("note: p.reel is partial"), "\(run.story)")
      let verified = try directory.vmreel("verify", "q.reel")
      #expect(verified.text.contains("without its end record"), "\(verified.story)")
      #expect(!verified.text.contains("damage"), "\(verified.story)")
    }
  }
}
