import Testing
import Trace
import TraceIO

extension ProgramTests {
  /// `vmreel import` as a user runs it.
  @Suite struct Import {
    /// Two machines under perf, with a line that is nobody's and a loss.
    private static let log = """
      qemu 10/11 [000] 100.000001: kvm:kvm_entry: vcpu 0, rip 0x10
      qemu 10/11 [000] 100.000002: kvm:kvm_exit: vcpu 0 reason io rip 0x10 info1 0x3f80010 info2 0x12 intr_info 0x0 error_code 0x0
      qemu 10/11 [000] 100.000003: kvm:kvm_pio: pio_write at 0x3f8 size 1 count 1 val 0x41\u{20}
      qemu 10/11 [000] 100.000004: kvm:kvm_userspace_exit: reason KVM_EXIT_IO (2)
      qemu 10/11 [000] 100.000005: kvm:kvm_entry: vcpu 0, rip 0x12
      who \u{1b}[31m knows
      chv 20/21 [001] 100.000006: kvm:kvm_entry: vcpu 0, rip 0x20
      chv 20/21 [001] 100.000007: kvm:kvm_exit: vcpu 0 reason hlt rip 0x20 info1 0x0 info2 0x0 intr_info 0x0 error_code 0x0
      chv 20/21 [001] 100.000008: kvm:kvm_fpu: load

      """

    @Test("A log becomes a sound reel, the same one each time, that says where it comes from")
    func works() throws {
      let directory = try TestDirectory()
      try directory.write(Self.log.utf8, to: "perf.txt")
      let run = try directory.vmreel("import", "perf.txt", "-o", "a.reel")
      run.expectSuccess()
      #expect(run.errors.contains("2 exits of 2 vCPUs"), "\(run.story)")
      #expect(run.errors.contains("vCPU 1: thread 21 of process 20 (chv), its vCPU 0, 1 exits"))
      #expect(run.errors.contains("1 events tell of no exit: kvm_fpu 1"))
      #expect(run.errors.contains("1 line could not be read: no event 1"))
      // What it shows of the log is made harmless.
      #expect(!run.errors.contains("\u{1b}") && run.errors.contains("knows"))
      try directory.vmreel("verify", "a.reel").expectSuccess()
      let dump = try directory.vmreel("dump", "--kernel-exits", "--times", "a.reel")
      #expect(dump.text.contains("io ") && dump.text.contains("value=0x41"), "\(dump.story)")
      #expect(dump.text.contains("to runner entry=0ns exit=1000ns"))
      let info = try directory.vmreel("info", "a.reel", "--format", "json")
      for part in [#""perf-script""#, #""thread" : 21"#, #""kvm_fpu" : 1"#, #""kvm_amd""#] {
        #expect(info.text.contains(part), "\(part): \(info.story)")
      }
      let first = try directory.read("a.reel")
      try directory.vmreel("import", "perf.txt", "-o", "a.reel", "--force").expectSuccess()
      // But for --force on the command line.
      #expect(try directory.read("a.reel").count - first.count < 64)
      try directory.shell("vmreel import - -o - <perf.txt >b.reel").expectSuccess()
      try directory.vmreel("verify", "b.reel").expectSuccess()
    }

    @Test("Assertions on an imported reel are about the kernel's exits, never about none")
    func assertions() throws {
      let directory = try TestDirectory()
      try directory.write(Self.log.utf8, to: "perf.txt")
      try directory.vmreel("import", "perf.txt", "-o", "a.reel").expectSuccess()
      let run = try directory.vmreel(
        "stats", "a.reel", "--assert", "ioport:0x3f8 < 1", "--assert", "kernel:hlt == 1")
      #expect(run.status == 1, "\(run.story)")
      #expect(run.text.contains("failed: ioport:0x3f8 < 1: it is 1"), "\(run.story)")
      #expect(run.text.contains("passed: kernel:hlt == 1"), "\(run.story)")
      let unknown = try directory.vmreel("stats", "a.reel", "--assert", "hlt < 1")
      #expect(unknown.status == 2 && unknown.text.contains("kernel:NAME"), "\(unknown.story)")
      for arguments in [["--vcpu", "7"], ["--exits", "runner"]] {
        let refused = try directory.vmreel(["stats", "a.reel"] + arguments)
        #expect(refused.status == 2 && refused.text.isEmpty, "\(refused.story)")
      }
    }

    @Test("An import that fails leaves no file, and none overwrites its log")
    func keepsFiles() throws {
      let directory = try TestDirectory()
      try directory.write(Self.log.utf8, to: "perf.txt")
      let same = try directory.vmreel("import", "perf.txt", "-o", "perf.txt", "--force")
      #expect(same.status == 2 && same.errors.contains("is a log to read"), "\(same.story)")
      #expect(try directory.read("perf.txt") == Array(Self.log.utf8))
      try directory.write("no log".utf8, to: "other.txt")
      #expect(try directory.vmreel("import", "other.txt", "-o", "b.reel").status == 2)
      let left = try directory.shell("ls")
      #expect(!left.text.contains("b.reel"), "\(left.story)")
    }

    @Test("One process can be chosen", arguments: ["10", "20"])
    func process(number: String) throws {
      let directory = try TestDirectory()
      try directory.write(Self.log.utf8, to: "perf.txt")
      let run = try directory.vmreel("import", "perf.txt", "--pid", number, "-o", "a.reel")
      #expect(run.errors.contains("1 exits of 1 vCPU "), "\(run.story)")
      #expect(!run.errors.contains("several virtual machines"))
    }

    @Test(.needsSecondReader)
    func theSecondReaderFindsItSound() throws {
      let directory = try TestDirectory()
      try directory.write(Self.log.utf8, to: "perf.txt")
      try directory.vmreel("import", "perf.txt", "-o", "a.reel").expectSuccess()
      let check = try directory.secondReader("check", "a.reel")
      #expect(check.status == 0 && check.text.contains("2 kernel exits"), "\(check.story)")
    }

    @Test("Two imports are compared by the counts of their exits; a recording without them is not")
    func differences() throws {
      let directory = try TestDirectory()
      try directory.write(Self.log.utf8, to: "perf.txt")
      let other = Self.log.replacing("pio_write at 0x3f8", with: "pio_write at 0x3f9")
      try directory.write(other.utf8, to: "other.txt")
      try directory.vmreel("import", "perf.txt", "-o", "a.reel").expectSuccess()
      try directory.vmreel("import", "other.txt", "-o", "b.reel").expectSuccess()
      let same = try directory.vmreel("diff", "a.reel", "a.reel")
      #expect(same.status == 0 && same.text.contains("The counts are equal."), "\(same.story)")
      let different = try directory.vmreel("diff", "a.reel", "b.reel")
      #expect(different.status == 1 && different.text.contains("The counts differ."))
      for place in ["0x3f8:POUT", "0x3f9:POUT"] {
        #expect(different.text.contains(place), "\(different.story)")
      }
      #expect(try directory.vmreel("diff", "-q", "a.reel", "b.reel").status == 1)
      let mixed = try directory.vmreel("diff", "a.reel", SecondReader.traces + "/hello.reel")
      #expect(mixed.status == 2 && mixed.errors.contains("no exits of the kernel"))
    }

    @Test(
      "What needs a recording says that this is none, and makes nothing",
      arguments: [
        ["replay", "a.reel"], ["trim", "a.reel", "--range", "0..1", "-o", "x.reel"],
        ["dump", "a.reel"], ["dump", "--console", "a.reel"],
      ])
    func refusals(command: [String]) throws {
      let directory = try TestDirectory()
      try directory.write(Self.log.utf8, to: "perf.txt")
      try directory.vmreel("import", "perf.txt", "-o", "a.reel").expectSuccess()
      let run = try directory.vmreel(command)
      #expect(run.status == 2 && run.errors.contains("imported from a log"), "\(run.story)")
      #expect(run.errors.split(separator: "\n").count == 1)
      #expect(try directory.files().sorted() == ["a.reel", "perf.txt"])
    }

    @Test(
      "A log of nothing leaves no reel, and says what was expected",
      arguments: [
        ("", "has no kvm_exit in 0 lines"), ("\u{0}\u{1}binary\n", "the first line that is none"),
        ("q 1 [0] 1.000001: kvm:kvm_entry: vcpu 0, rip 0x1\n", "has no kvm_exit in 1 line"),
      ])
    func nothing(text: String, sentence: String) throws {
      let directory = try TestDirectory()
      try directory.write(text.utf8, to: "log")
      let run = try directory.vmreel("import", "log", "-o", "a.reel")
      #expect(run.status == 2 && run.errors.contains(sentence), "\(run.story)")
      #expect(try directory.files().filter { $0.hasSuffix(".reel") } == [])
    }

    @Test("Stripping the console takes the values of accesses along")
    func strip() throws {
      let directory = try TestDirectory()
      try directory.write(Self.log.utf8, to: "perf.txt")
      try directory.vmreel("import", "perf.txt", "-o", "a.reel").expectSuccess()
      try directory.vmreel("strip", "--console", "a.reel", "-o", "b.reel").expectSuccess()
      let dump = try directory.vmreel("dump", "--kernel-exits", "b.reel")
      #expect(dump.text.contains("value=0x0") && !dump.text.contains("0x41"), "\(dump.story)")
    }
  }
}
