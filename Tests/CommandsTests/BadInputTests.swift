import BuiltInGuests
import Glibc
import Testing
import Trace

extension ProgramTests {
  /// Command lines that cannot be obeyed: one line on standard error, status 2, no file made.
  @Suite struct BadUsage {
    static let lines: [(arguments: [String], says: String)] = [
      (["bogus"], "bogus"),
      (["record"], "exactly one guest"),
      (["record", "--guest", "hello", "--flat", "x", "--at", "0"], "exactly one guest"),
      (["record", "--guest", "hello", "--multiboot", "x"], "exactly one guest"),
      (["record", "--guest", "nosuch"], "there are: hello"),
      (["record", "--flat", "x"], "--at"),
      (["record", "--guest", "hello", "--entry", "long64"], "--entry needs --flat"),
      (["record", "--flat", "x", "--at", "0xzz"], "0xzz"),
      (["record", "--flat", "x", "--at", "-1"], "--at"),
      (["record", "--guest", "hello", "--quantum", "5x"], "5x"),
      (["record", "--guest", "hello", "--quantum", "1us"], "at least 100us"),
      (["record", "--guest", "hello", "--quantum", "nan"], "nan"),
      (["record", "--guest", "hello", "--keyframe-every", "32MB"], "32MB"),
      (["record", "--guest", "hello", "--keyframe-every", "0MiB"], "0MiB"),
      (["record", "--guest", "hello", "--keyframe-every", "5us"], "5us"),
      (["record", "--guest", "hello", "--keyframe-every", "-3"], "--keyframe-every"),
      (["record", "--guest", "hello", "--for", "abc"], "abc"),
      (["record", "--guest", "hello", "--max-exits", "0"], "at least 1"),
      (["record", "--guest", "hello", "-m", "0"], "from 1 to"),
      (["record", "--guest", "hello", "-m", "999999"], "from 1 to"),
      (["record", "--guest", "hello", "-m", "much"], "much"),
      (["record", "--guest", "hello", "--append", "a=1"], "Multiboot"),
      (["record", "--guest", "hello", "-o", ""], "-o"),
      (["record", "--guest", "hello", "--until-console", ""], "--until-console"),
      (["record", "--guest", "hello", "--clock", "wrong"], "warp"),
      (["record", "--guest", "hello", "--tsc", "sundial"], "freeze"),
      (["replay"], "<reel>"),
      (["replay", "x.reel", "--exit-timeout", "0"], "at least 1ms"),
      (["replay", "x.reel", "--format", "json", "--dump-vga"], "--dump-vga"),
      (["replay", "x.reel", "--segment", "0/3"], "0/3"),
      (["replay", "x.reel", "--segment", "4/3"], "4/3"),
      (["replay", "x.reel", "--segment", "1"], "--segment"),
      (["replay", "x.reel", "--segment", "1/2", "--jobs", "2"], "use one of them"),
      (["replay", "x.reel", "--from", "1", "--jobs", "2"], "use one of them"),
      (["replay", "x.reel", "--from", "9", "--until", "3"], "--from 9"),
      (["replay", "x.reel", "--jobs", "0"], "--jobs"),
      (["replay", "x.reel", "--jobs", "2", "--dump-vga"], "--dump-vga"),
      (["replay", "x.reel", "--at", "3"], "--dump-state"),
      (["replay", "x.reel", "--dump-state"], "--at"),
      (["replay", "x.reel", "--memory", "0x10:4"], "--memory"),
      (["replay", "x.reel", "--at", "3", "--dump-state", "--memory", "0x10"], "0x10"),
      (["replay", "x.reel", "--at", "3", "--dump-state", "--memory", "0:9999999"], "9999999"),
      (["replay", "x.reel", "--at", "3", "--dump-state", "--jobs", "2"], "--jobs"),
      (["replay", "x.reel", "--resync", "--jobs", "2"], "--resync"),
      (["join", "x.reel"], "<result>"),
      (["diff", "one.reel"], "a second reel is missing"),
      (["diff", "a", "b", "--ignore", "nothing"], "rip"),
      (["diff", "a", "b", "-U", "-1"], "-U"),
      (["dump", "x.reel", "--range", "5..2"], "5..2"),
      (["dump", "x.reel", "--range", "five"], "five"),
      (["dump", "x.reel", "--format", "xml"], "csv"),
      (["dump", "x.reel", "--console", "--range", "1..2"], "--console"),
      (["stats", "x.reel", "--top", "0"], "--top"),
      (
        ["stats", "x.reel", "--by", "reason,nothing"],
        "there is no 'nothing'; there are reason, port"
      ),
      (["stats", "x.reel", "--by", ""], "there is no ''"),
      (["stats", "x.reel", "--by", "port,port"], "each can be given once"),
      (["stats", "x.reel", "--by", "port,gpa,msr,vcpu,rip"], "at most four"),
      (["stats", "x.reel", "-F", "sample,p98"], "there is no 'p98'; there are sample"),
      (["stats", "x.reel", "-k", "size"], "; please provide one of sample, percent_sample"),
      (["stats", "x.reel", "--event", "irqs"], "; please provide one of vmexit, ioport"),
      (["stats", "x.reel", "--exits", "some"], "; please provide one of 'runner', 'kernel'"),
      (["stats", "x.reel", "--time", "5"], "two times such as 1s,1500ms"),
      (["stats", "x.reel", "--time", "5s,2s"], "ends before it begins"),
      (["stats", "x.reel", "--range", "5..2"], "5..2"),
      (["stats", "x.reel", "--vcpu", "65536"], "65536"),
      (["stats", "x.reel", "--interval", "0ms"], "longer than 0"),
      (["stats", "x.reel", "--interval", "5ms", "--slower-than", "1us"], "one at a time"),
      (
        ["stats", "x.reel", "--format", "json", "--top", "2"],
        "--top has no effect with --format json"
      ),
      (
        ["stats", "x.reel", "--format", "json", "--view", "guest"],
        "--view has no effect with --format json"
      ),
      (
        ["stats", "x.reel", "--interval", "5ms", "--top", "2"],
        "--top has no effect with --interval"
      ),
      (["stats", "x.reel", "--slower-than", "5ms", "--by", "rip"], "--by has no effect"),
      (["stats", "x.reel", "--baseline", "y.reel", "-k", "time"], "-k has no effect"),
      (["stats", "x.reel", "--assert", "hlt < 1", "--view", "guest"], "--view has no effect"),
      (["stats", "x.reel", "--assert", "hlt < 1", "--by", "port"], "--by and --event"),
      (["stats", "x.reel", "--format", "csv", "--histogram"], "--histogram has no effect"),
      (["stats", "x.reel", "--format", "json", "-F", "time"], "-F has no effect"),
      (["stats", "x.reel", "--threshold", "3"], "--threshold is for --baseline"),
      (["stats", "x.reel", "--format", "html"], "; please provide one of 'text', 'json'"),
      (["export", "x.reel"], "--format"),
      (["export", "x.reel", "--format", "xml"], "perfetto"),
      (["export", "x.reel", "--format", "sqlite"], "-o"),
      (["export", "x.reel", "--format", "chrome", "--table", "exits"], "--table"),
      (["export", "x.reel", "--format", "csv", "--range", "5..2"], "5..2"),
      (["strip", "x.reel"], "-o"),
      (["strip", "x.reel", "-o", "-"], "-o"),
      (["bench", "exits", "--rounds", "1"], "--rounds"),
      (["bench", "replay", "--rounds", "1"], "--rounds"),
      (["bench", "replay", "--jobs", "1"], "--jobs"),
    ]

    @Test(arguments: lines.indices)
    func isOneSentence(index: Int) throws {
      let directory = try TestDirectory()
      let (arguments, says) = Self.lines[index]
      let run = try directory.vmreel(arguments)
      expectTrouble(run, says)
      #expect(run.output.isEmpty)
      #expect(try directory.files().isEmpty)
    }
  }

  /// Files that are not reels, for every command that opens one.
  @Suite struct NotReels {
    static let commands = ["info", "stats", "dump", "verify", "replay"]

    private func expectRefused(
      _ directory: TestDirectory, _ path: String, _ words: String,
      location: SourceLocation = #_sourceLocation
    ) throws {
      for command in Self.commands {
        let run = try directory.vmreel(command, path)
        #expect(run.status == 2, "\(command): \(run.story)", sourceLocation: location)
        // `verify` reports findings about a file's content as its result.
        let said = run.errors + run.text
        #expect(said.contains(words), "\(command): \(run.story)", sourceLocation: location)
        if command != "verify" { expectTrouble(run, path, words, location: location) }
      }
      expectTrouble(try directory.vmreel("diff", path, path), path, words, location: location)
      let before = try directory.files()
      expectTrouble(
        try directory.vmreel("strip", path, "-o", "copy.reel"), path, words, location: location)
      expectTrouble(
        try directory.vmreel("export", path, "--format", "sqlite", "-o", "copy.db"), path, words,
        location: location)
      #expect(try directory.files() == before, sourceLocation: location)
    }

    @Test func missing() throws {
      try expectRefused(try TestDirectory(), "nosuch.reel", "No such file")
    }

    @Test func directoryOrDevice() throws {
      let directory = try TestDirectory()
      try expectRefused(directory, "/tmp", "Is a directory")
      try expectRefused(directory, "/dev/null", "not a regular file")
    }

    @Test func fifo() throws {
      let directory = try TestDirectory()
      try directory.shell("mkfifo pipe.reel").expectSuccess()
      try expectRefused(directory, "pipe.reel", "not a regular file")
    }

    @Test func textOrNothing() throws {
      let directory = try TestDirectory()
      try directory.write(
        "some text, longer than a header would be, and then some".utf8, to: "text")
      try directory.write([], to: "empty")
      try expectRefused(directory, "text", "not a reel")
      try expectRefused(directory, "empty", "not a reel")
    }

    /// A header that is right in all but its version, as a newer vmreel would write it.
    @Test func newerMajorVersion() throws {
      let directory = try TestDirectory()
      var header = FileHeader(pageKey: [UInt8](repeating: 7, count: 16))
      header.major = FileHeader.currentMajor + 1
      try directory.write(header.encoded() + [UInt8](repeating: 0, count: 200), to: "new.reel")
      try expectRefused(directory, "new.reel", "use a newer vmreel")
    }
  }

  /// Images that cannot be loaded; what KVM has made for them is thrown away, no file is left.
  @Suite(.needsKVM) struct BadImages {
    private func expectRefused(
      _ image: [UInt8], _ arguments: [String], _ words: String,
      location: SourceLocation = #_sourceLocation
    ) throws {
      let directory = try TestDirectory()
      try directory.write(image, to: "image")
      let run = try directory.vmreel(["record", "-o", "x.reel"] + arguments)
      expectTrouble(run, words, location: location)
      #expect(try directory.files() == ["image"], sourceLocation: location)
    }

    @Test func notMultiboot() throws {
      try expectRefused(
        [UInt8](repeating: 0x90, count: 10_000), ["--multiboot", "image"], "Multiboot 1 kernel")
    }

    @Test func truncatedKernel() throws {
      let kernel = try #require(BuiltInGuest.named("multiboot")).image
      try expectRefused(Array(kernel.prefix(kernel.count / 3)), ["--multiboot", "image"], "image")
    }

    @Test func memoryTooSmall() throws {
      let kernel = try #require(BuiltInGuest.named("multiboot")).image
      try expectRefused(kernel, ["--multiboot", "image", "-m", "1"], "use -m")
      try expectRefused(
        [UInt8](repeating: 0x90, count: 2 << 20),
        ["--flat", "image", "--at", "0x100000", "--entry", "long64", "-m", "2"], "use -m 3")
    }

    @Test func emptyOrMisplaced() throws {
      try expectRefused([], ["--flat", "image", "--at", "0x7c00"], "empty")
      try expectRefused([0xf4], ["--flat", "image", "--at", "0x1000000"], "choose an address")
    }

    @Test func missingImageOrModule() throws {
      try expectRefused([], ["--flat", "nosuch", "--at", "0x7c00"], "nosuch")
      let kernel = try #require(BuiltInGuest.named("multiboot")).image
      try expectRefused(kernel, ["--multiboot", "image", "--module", "nosuch"], "nosuch")
      try expectRefused([], ["--guest", "echo", "--input", "nosuch"], "nosuch")
    }

    /// It is refused before it is read, which would take its size in memory.
    @Test func larger() throws {
      let directory = try TestDirectory()
      try directory.write([], to: "image")
      try #require(unsafe truncate(directory.path + "/image", 8 << 30) == 0)
      for arguments in [["--kernel", "image"], ["--guest", "echo", "--input", "image"]] {
        let run = try directory.vmreel(["record", "-o", "x.reel"] + arguments)
        expectTrouble(run, "larger than any guest's RAM")
      }
    }
  }
}
