import FoundationEssentials
import Glibc
import ReelFixtures
import Testing
import Trace

extension ProgramTests {
  /// `recover`, on parts of a sample reel: no KVM is needed.
  @Suite struct Recovery {
    static let root = URL(filePath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// A directory with `o.reel`, a sample, and as `p.reel` the same cut in its end record.
    private func partial(_ sample: String = "compute") throws -> TestDirectory {
      let directory = try TestDirectory()
      let original = Self.root.appending(path: "traces/\(sample).reel")
      let bytes = Array(try Data(contentsOf: original))
      try directory.write(bytes, to: "o.reel")
      let blocks = try Reel(MemorySource(bytes)).blocks
      let end = try #require(blocks.last { $0.header.type == .end })
      try directory.write(bytes.prefix(Int(end.offset) + 70), to: "p.reel")
      return directory
    }

    @Test func aCutCopy() throws {
      let directory = try partial()
      let before = try directory.read("p.reel")
      let run = try directory.vmreel("recover", "p.reel", "-o", "r.reel")
      #expect(run.status == 0 && run.output.isEmpty, "\(run.story)")
      #expect(run.errors.contains("lost: "), "\(run.story)")
      #expect(run.errors.contains(" bytes behind the last good block"), "\(run.story)")
      #expect(run.errorLines.last?.hasPrefix("recovered r.reel: ") == true, "\(run.story)")
      #expect(try directory.read("p.reel") == before, "the original was altered")
      #expect(try directory.files() == ["o.reel", "p.reel", "r.reel"])
      for command in ["info", "stats", "dump", "verify"] {
        let read = try directory.vmreel(command, "r.reel")
        #expect(read.status == 0, "\(read.story)")
        #expect(!read.errors.contains("partial"), "\(read.story)")
      }
      let dumps = try ["p.reel", "r.reel"].map { try directory.vmreel("dump", $0).output }
      #expect(dumps[0] == dumps[1] && !dumps[0].isEmpty)
      let difference = try directory.vmreel("diff", "p.reel", "r.reel")
      #expect(difference.status == 2, "the same as far as the partial one goes")
      let again = try directory.vmreel("recover", "r.reel", "-o", "s.reel")
      expectTrouble(again, "r.reel", "whole", "nothing to recover")
    }

    @Test func theHistory() throws {
      let directory = try partial()
      try directory.alterMetadata(of: "p.reel", to: "q.reel") {
        $0.history = [
          Metadata.HistoryEntry(
            tool: "vmreel 9", operation: "trim", removed: "the beginning", works: ["info"])
        ]
      }
      try directory.vmreel("recover", "q.reel", "-o", "r.reel").expectSuccess()
      let text = try directory.vmreel("info", "r.reel").text
      #expect(text.contains("history       trim (vmreel 9): the beginning; works with info\n"))
      #expect(text.contains("history       recover (vmreel "))
      #expect(text.contains("end           recovered\n"))
      struct Info: Decodable { var metadata: Metadata }
      let json = try directory.vmreel("info", "--format", "json", "r.reel")
      let history = try JSONDecoder().decode(Info.self, from: Data(json.output)).metadata.history
      #expect(history?.map(\.operation) == ["trim", "recover"])
      #expect(history?.last?.works.contains("replay") == true)
    }

    /// Keys and numbers that this version does not know stay as they are.
    @Test func unknownMetadataStays() throws {
      let directory = try partial("hello")
      let bytes = try directory.read("p.reel")
      let reel = try Reel(MemorySource(bytes))
      let known = String(decoding: reel.metadataJSON, as: UTF8.self)
      let json =
        #"{"zz":[18446744073709551615,-3,1.5,null,true,{"a":"\u00e4"}],"# + known.dropFirst()
      let first = try #require(reel.blocks.first)
      var encoder = BlockEncoder(pageKey: reel.header.pageKey)
      let end = FileHeader.byteCount + BlockHeader.byteCount + Int(first.header.storedSize)
      let altered =
        bytes.prefix(FileHeader.byteCount) + encoder.block(.metadata, Array(json.utf8))
        + bytes.dropFirst(end)
      try directory.write(altered, to: "q.reel")
      try directory.vmreel("recover", "q.reel", "-o", "r.reel").expectSuccess()
      let recovered = try Reel(MemorySource(try directory.read("r.reel")))
      let text = String(decoding: recovered.metadataJSON, as: UTF8.self)
      #expect(text.contains(#""zz":[18446744073709551615,-3,1.5,null,true,{"a":"ä"}]"#), "\(text)")
    }

    @Test func refusals() throws {
      let directory = try partial()
      let bytes = try directory.read("o.reel")
      let whole = try directory.vmreel("recover", "o.reel", "-o", "r.reel")
      expectTrouble(whole, "o.reel", "whole", "use it as it is")
      try directory.write(bytes.prefix(40), to: "header.reel")
      expectTrouble(
        try directory.vmreel("recover", "header.reel", "-o", "r.reel"), "header.reel",
        "nothing can be recovered")
      try directory.write(bytes.prefix(2000), to: "metadata.reel")
      expectTrouble(
        try directory.vmreel("recover", "metadata.reel", "-o", "r.reel"), "no whole block of events"
      )
      expectTrouble(
        try directory.vmreel("recover", "p.reel", "-o", "p.reel", "--force"),
        "is the reel to recover itself")
      expectTrouble(
        try directory.vmreel("recover", "p.reel", "-o", "o.reel"), "o.reel exists already")
      expectTrouble(try directory.vmreel("recover", "p.reel", "-o", "-"), "-o needs the name")
      #expect(try directory.read("o.reel") == bytes)
      #expect(
        try directory.files() == ["header.reel", "metadata.reel", "o.reel", "p.reel"])
    }

    /// A reel with its end, but not all before it.
    @Test func damage() throws {
      let directory = try partial()
      var bytes = try directory.read("o.reel")
      let reel = try Reel(MemorySource(bytes))
      let end = try #require(reel.blocks.lastIndex { $0.header.type == .end })
      let block = reel.blocks[end - 1]
      let lost = UInt64(bytes.count) - block.offset
      bytes[Int(block.offset) + BlockHeader.byteCount + 3] ^= 1
      try directory.write(bytes, to: "d.reel")
      let run = try directory.vmreel("recover", "d.reel", "-o", "r.reel")
      #expect(run.status == 0, "\(run.story)")
      #expect(
        run.errors.contains(
          "lost: \(lost) bytes behind the last good block: the block at offset \(block.offset) is "
            + "damaged"), "\(run.story)")
      try directory.vmreel("verify", "r.reel").expectSuccess()
    }
  }

  /// What killed recorders leave.
  @Suite(.needsKVM) struct KilledRecorders {
    @Test func recoverWhatIsBeingRecorded() throws {
      let directory = try TestDirectory()
      let program = try directory.start("record", "--guest", "spin", "-o", "s.reel")
      #expect(program.waitForOutput("for ever\n"), "nothing is printed before the end")
      let early = try directory.vmreel("recover", "s.reel.part", "-o", "r.reel")
      expectTrouble(early, "s.reel.part is still being recorded")
      // What the guest has done is on the disk soon, though it never exits again.
      usleep(900_000)
      program.send(SIGKILL)
      let run = program.wait()
      #expect(run.signal == SIGKILL)
      // The natural name, whose part file is the original.
      try directory.vmreel("recover", "s.reel.part", "-o", "s.reel").expectSuccess()
      let replayed = try directory.vmreel("replay", "s.reel")
      #expect(replayed.status == 0 && replayed.output == run.output, "\(replayed.story)")
      #expect(replayed.errors.contains("identical: "), "\(replayed.story)")
      #expect(replayed.errors.contains("s.reel was recovered"), "\(replayed.story)")
      #expect(try directory.files() == ["s.reel", "s.reel.part"])
    }

    /// A guest that sleeps for input for ever: what came before must not wait with it.
    @Test func aSleepingGuest() throws {
      let directory = try TestDirectory()
      let terminal = try PseudoTerminal()
      let program = try Program(
        try Executable.find(), ["record", "--guest", "echo", "-o", "e.reel"], in: directory,
        input: .file(terminal.path))
      #expect(program.waitForOutput("type a line\n"), "the guest does not ask")
      usleep(900_000)
      program.send(SIGKILL)
      let run = program.wait()
      try directory.vmreel("recover", "e.reel.part", "-o", "e.reel").expectSuccess()
      let replayed = try directory.vmreel("replay", "e.reel")
      #expect(replayed.status == 0 && replayed.output == run.output, "\(replayed.story)")
    }

    /// A hundred kills at random moments; `tools/kill-recorder` by itself makes a thousand.
    @Test(.enabled(if: isPythonThere, "no /usr/bin/python3 for tools/kill-recorder"))
    func killedAtRandomMoments() throws {
      let directory = try TestDirectory()
      let tool = Recovery.root.appending(path: "tools/kill-recorder").path
      let program = try Program(
        "/usr/bin/python3",
        [tool, "--runs", "100", "--window", "0.8", "--binary", try Executable.find()],
        in: directory, limitSeconds: 240)
      let run = program.wait()
      #expect(run.status == 0, "\(run.story)")
      #expect(run.text.contains("failed: 0"), "\(run.story)")
    }
  }
}

private let isPythonThere = unsafe access("/usr/bin/python3", X_OK) == 0
