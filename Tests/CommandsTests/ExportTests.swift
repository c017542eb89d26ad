import FoundationEssentials
import Glibc
import ReelFixtures
import Testing
import Trace

/// The readers of exports: sqlite3, DuckDB and Perfetto's published descriptors, all in a Python.
enum ExportReaders {
  /// Why they cannot run, or `nil` when they can.
  static let unavailable =
    interpreter == nil ? "no Python with the modules duckdb and perfetto: run tools/setup" : nil

  /// The Python tools/setup made, or another one that has the modules.
  static let interpreter = [
    SecondReader.root.appending(path: ".build/python/bin/python3").path, "python3",
    "/usr/bin/python3",
  ].first { name in
    guard let directory = try? TestDirectory() else { return false }
    let program = try? Program(name, ["-c", "import duckdb, perfetto"], in: directory)
    return program?.wait().status == 0
  }
}

extension Trait where Self == ConditionTrait {
  /// Skips, with the reason, where exports cannot be opened.
  static var needsExportReaders: Self {
    .enabled(
      if: ExportReaders.unavailable == nil,
      Comment(rawValue: ExportReaders.unavailable ?? "the readers of exports run"))
  }
}

extension TestDirectory {
  /// Runs tools/check-export here: exports a reel in every format and opens each.
  func checkExport(
    _ reel: String, _ options: String..., location: SourceLocation = #_sourceLocation
  ) throws -> Run {
    let script = SecondReader.root.appending(path: "tools/check-export").path
    let program = try Program(
      ExportReaders.interpreter ?? "python3",
      ["-B", script, try Executable.find(), reel, "."] + options, in: self)
    return finish(program, "check-export \(reel)", location)
  }
}

extension ProgramTests {
  /// Exports as the programs read them that they are made for.
  @Suite(.needsExportReaders) struct ExportContents {
    /// SQL gives what `stats` counts, and every format holds what `dump` prints.
    @Test(arguments: SecondReader.sampleReels) func sampleReels(_ name: String) throws {
      let directory = try TestDirectory()
      let run = try directory.checkExport(SecondReader.traces + "/" + name)
      #expect(run.status == 0 && run.text.contains(": agrees: "), "\(run.story)")
    }

    @Test func aRange() throws {
      let directory = try TestDirectory()
      for range in ["100..300", "..40", "47000..", "46000..46001"] {
        let run = try directory.checkExport(
          SecondReader.traces + "/linux/static-kvm_amd.reel", "--range", range)
        #expect(run.status == 0 && run.text.contains(": agrees: "), "\(run.story)")
      }
    }

    @Test(arguments: [["--times"], ["--console"]]) func aStrippedReel(options: [String]) throws {
      let directory = try TestDirectory()
      try directory.vmreel(
        ["strip", SecondReader.traces + "/ticker.reel", "-o", "s.reel"] + options
      ).expectSuccess()
      let run = try directory.checkExport("s.reel")
      #expect(run.status == 0 && run.text.contains(": agrees: "), "\(run.story)")
    }

    @Test func aPartialReel() throws {
      let directory = try TestDirectory()
      try directory.vmreel(
        "bench", "generate", "--events", "60k", "--vcpus", "3", "--kernel-exits", "vmx", "-o",
        "whole.reel"
      ).expectSuccess()
      let whole = try directory.read("whole.reel")
      try directory.write(whole.prefix(whole.count * 2 / 3), to: "cut.reel")
      let run = try directory.checkExport("cut.reel")
      #expect(run.status == 0 && run.text.contains(": agrees: "), "\(run.story)")
      #expect(!run.text.contains("agrees: 0 events"), "\(run.story)")
    }

    /// The checker is worth nothing if it agrees with anything.
    @Test func aChangedExport() throws {
      let directory = try TestDirectory()
      let reel = SecondReader.traces + "/ticker.reel"
      #expect(try directory.checkExport(reel).status == 0)
      let changes = [
        "sqlite3 all.db 'DELETE FROM exits WHERE event = 50'",
        "sqlite3 all.db 'UPDATE places SET name = 1 WHERE address = 1016'",
        "sed -i 's/^50,[a-z]*,/50,hlt,/' events.csv", "sed -i '50d' exits.jsonl",
        #"sed -i '0,/"dur":/s//"dur":1/' all.chrome"#,
        "printf '\\312\\002\\001x' >> all.perfetto",
      ]
      for change in changes {
        try directory.shell("rm -rf saved && mkdir saved && cp all.* *.csv *.jsonl saved")
          .expectSuccess()
        let changed = try directory.shell(change.replacing("sqlite3 ", with: Self.sqlite))
        #expect(changed.status == 0, "\(changed.story)")
        let differences = try directory.shell(
          "cd saved; for f in *; do cmp -s $f ../$f || echo $f; done")
        #expect(differences.text.split(separator: "\n").count == 1, "\(change)")
        let run = try directory.checkExport(reel, "--keep")
        #expect(run.status != 0, "not noticed: \(change): \(run.story)")
        try directory.shell("cp saved/* .").expectSuccess()
      }
      #expect(try directory.checkExport(reel, "--keep").status == 0)
    }

    /// SQLite's shell need not be there; Python's module is.
    private static let sqlite = """
      python3 -c 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); \
      c.commit()' \

      """
  }

  /// What `export` makes of its destination and of reels that are not whole.
  @Suite struct Exports {
    private static let ticker = SecondReader.traces + "/ticker.reel"
    private static let formats = ["csv", "jsonl", "sqlite", "perfetto", "chrome"]

    @Test(arguments: formats) func equalReelsGiveEqualBytes(format: String) throws {
      let directory = try TestDirectory()
      for name in ["one", "two"] {
        let run = try directory.vmreel(
          "export", Self.ticker, "--format", format, "-o", name)
        #expect(run.status == 0 && run.text.isEmpty, "\(run.story)")
        #expect(run.errorLines.count == 1 && run.errors.hasPrefix("exported 337 events"))
      }
      #expect(try directory.read("one") == directory.read("two"))
      #expect(try directory.files() == ["one", "two"])
      if format != "sqlite" {
        let streamed = try directory.vmreel("export", Self.ticker, "--format", format)
        #expect(streamed.output == (try directory.read("one")) && streamed.errors.isEmpty)
      }
    }

    @Test(arguments: formats) func doesNotOverwrite(format: String) throws {
      let directory = try TestDirectory()
      try directory.write("mine".utf8, to: "out")
      let arguments = ["export", Self.ticker, "--format", format, "-o", "out"]
      expectTrouble(try directory.vmreel(arguments), "out exists already", "--force")
      #expect(try directory.read("out") == Array("mine".utf8))
      try directory.vmreel(arguments + ["--force"]).expectSuccess()
      #expect(try directory.read("out") != Array("mine".utf8))
      // What a killed export left is in nobody's way.
      try directory.write("left".utf8, to: "new.export.part")
      try directory.vmreel("export", Self.ticker, "--format", format, "-o", "new").expectSuccess()
      #expect(try directory.read("new") == directory.read("out"))
      #expect(try directory.files() == ["new", "out"])
    }

    @Test func refusals() throws {
      let directory = try TestDirectory()
      let terminal = try PseudoTerminal()
      expectTrouble(
        try directory.shell("vmreel export \(Self.ticker) --format perfetto >\(terminal.path)"),
        "not for a terminal")
      try directory.write(try read("ticker.reel"), to: "t.reel")
      expectTrouble(
        try directory.vmreel("export", "t.reel", "--format", "csv", "-o", "t.reel", "--force"),
        "the reel to export itself")
      expectTrouble(
        try directory.vmreel("export", "t.reel", "--format", "csv", "--range", "400.."),
        "begins at event 400", "0..<337")
      expectTrouble(
        try directory.vmreel("export", "t.reel", "--format", "sqlite", "-o", "no/such/place"),
        "cannot create no/such/place", "-o")
      try directory.vmreel("strip", "--times", "t.reel", "-o", "s.reel").expectSuccess()
      for format in ["perfetto", "chrome"] {
        let run = try directory.vmreel("export", "s.reel", "--format", format, "-o", "x")
        #expect(run.status == 2 && run.errorLines.count == 2, "\(run.story)")
        #expect(run.errors.contains("a timeline is made of them; export csv"), "\(run.story)")
      }
      #expect(try directory.files() == ["s.reel", "t.reel"])
    }

    @Test(arguments: ["csv", "jsonl", "perfetto", "chrome"])
    func aReaderThatLeaves(format: String) throws {
      let directory = try TestDirectory()
      try directory.vmreel("bench", "generate", "--events", "50k", "-o", "r.reel").expectSuccess()
      let run = try directory.shell(
        "vmreel export r.reel --format \(format) | head -c 100 >/dev/null; echo ${PIPESTATUS[0]}")
      #expect(run.text == "2\n", "\(run.story)")
      #expect(run.errorLines.count == 1, "\(run.story)")
      #expect(run.errors.contains("standard output could not be written"), "\(run.story)")
    }

    @Test(arguments: formats) func placesWithoutRoom(format: String) throws {
      let directory = try TestDirectory()
      try directory.vmreel("bench", "generate", "--events", "50k", "-o", "r.reel").expectSuccess()
      let run = try directory.shell("ulimit -f 200; vmreel export r.reel --format \(format) -o x")
      expectTrouble(run, "cannot write x.export.part")
      #expect(try directory.files() == ["r.reel"])
    }

    @Test(arguments: formats) func partialReels(format: String) throws {
      let directory = try TestDirectory()
      try directory.vmreel("bench", "generate", "--events", "60k", "-o", "w.reel").expectSuccess()
      let whole = try directory.read("w.reel")
      try directory.write(whole.prefix(whole.count / 2), to: "cut.reel")
      let run = try directory.vmreel("export", "cut.reel", "--format", format, "-o", "x")
      #expect(run.status == 2, "\(run.story)")
      #expect(run.errors.contains("cut.reel is partial"), "\(run.story)")
      #expect(run.errors.contains("exported ") && run.errorLines.count == 2, "\(run.story)")
      #expect(try directory.files().contains("x"))
    }

    /// A damaged block ends the export, or is left out and counted.
    @Test(arguments: formats) func damagedBlocks(format: String) throws {
      let directory = try TestDirectory()
      try directory.vmreel(
        "bench", "generate", "--events", "60k", "--kernel-exits", "svm", "-o", "w.reel"
      ).expectSuccess()
      var bytes = try directory.read("w.reel")
      let reel = try Reel(MemorySource(bytes))
      try #require(reel.eventBlocks.count > 2 && reel.kernelExitBlocks.count > 1)
      let lost = [reel.eventBlocks[1], reel.kernelExitBlocks[0]]
      for block in lost { bytes[Int(block.endOffset) - 9] ^= 1 }
      try directory.write(bytes, to: "d.reel")
      expectTrouble(
        try directory.vmreel("export", "d.reel", "--format", format, "-o", "x"),
        "d.reel: ", "--skip-damaged")
      #expect(try directory.files() == ["d.reel", "w.reel"])
      let run = try directory.vmreel(
        "export", "d.reel", "--format", format, "--skip-damaged", "-o", "x")
      #expect(run.status == 2, "\(run.story)")
      let kernelExits = ["csv", "jsonl"].contains(format) ? 0 : lost[1].header.eventCount
      #expect(
        run.errors.contains(
          "lost in damaged blocks: \(lost[0].header.eventCount) events, \(kernelExits) kernel exits"
        ), "\(run.story)")
      let left = UInt64(60_000) - UInt64(lost[0].header.eventCount)
      #expect(run.errors.contains("exported \(left) events"), "\(run.story)")
    }

    private func read(_ name: String) throws -> [UInt8] {
      Array(try Data(contentsOf: URL(filePath: SecondReader.traces + "/" + name)))
    }
  }
}
