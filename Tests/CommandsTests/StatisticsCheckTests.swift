import FoundationEssentials
import Glibc
import Testing
import Trace

extension ProgramTests {
  /// What `stats` checks for CI, and what it follows: it ends with 1 exactly when a statement does
  /// not hold.
  @Suite struct StatisticsChecks {
    private func stats(_ reel: String, _ arguments: String..., status: Int32) throws -> Run {
      let path = SecondReader.traces + "/" + reel
      let run = try TestDirectory().vmreel(["stats", path] + arguments)
      #expect(run.status == status, "\(run.story)")
      return run
    }

    @Test func assertions() throws {
      let good = try stats(
        "ticker.reel", "--assert", "hlt == 10", "--assert", "irq:0x20 == 10", "--assert",
        "bytes(ioport:0x3f8) == 97B", "--assert", "device:COM1 == 194", status: 0)
      #expect(good.text.split(separator: "\n").count == 4)
      #expect(good.text.split(separator: "\n").allSatisfy { $0.hasPrefix("passed: ") })
      let bad = try stats(
        "ticker.reel", "--assert", "hlt < 10", "--assert", "hlt > 1", "--assert",
        "kernel:EPT_VIOLATION < 5", status: 1)
      #expect(
        bad.text.hasPrefix("failed: hlt < 10: it is 10\npassed: hlt > 1: it is 10\nfailed: kernel"))
      let wrong = try stats("ticker.reel", "--assert", "p99(hlt < 2ms", status: 2)
      #expect(wrong.errors.hasSuffix("\n  p99(hlt < 2ms\n          ^\n"), "\(wrong.errors)")
      #expect(wrong.text.isEmpty)
    }

    /// A misspelt reason is not one that never happened.
    @Test func reasonsThatNoExitCanHave() throws {
      let reel = "golden/kernel-exits-lost.reel"
      let wrong = try stats(
        reel, "--assert", "kernel:EPT_VIOLATOIN == 0", "--assert", "kernel:EPT == 0", status: 2)
      #expect(
        wrong.text == """
          failed: kernel:EPT_VIOLATOIN == 0: no exit of the kernel has that name; \
          near it are EPT_VIOLATION
          failed: kernel:EPT == 0: no exit of the kernel has that name; \
          near it are INVEPT, EPT_MISCONFIG, EPT_VIOLATION

          """)
      // Names of VMX, of SVM, with flags and without a name: any may be seen, none was.
      _ = try stats(
        reel, "--assert", "kernel:NOTIFY == 0", "--assert", "kernel:tlbsync == 0", "--assert",
        "kernel:NOTIFY+FAILED_VMENTRY+0x10000 == 0", "--assert", "kernel:0x23 == 0", status: 0)
    }

    @Test func aBaseline() throws {
      let same = try stats(
        "ticker.reel", "--baseline", SecondReader.traces + "/ticker.reel", "--by", "port", status: 0
      )
      #expect(same.text.contains("no worse: none of 9 rows grew by more than 5.0 %"))
      let worse = try stats(
        "ticker.reel", "--baseline", SecondReader.traces + "/hello.reel", status: 1)
      #expect(worse.text.contains("worse: "))
      #expect(worse.text.split(separator: "\n").contains { $0.hasSuffix("samples") })
      _ = try stats("ticker.reel", "--baseline", "no-such.reel", status: 2)
    }

    @Test func phasesBeginByTextPortAndEvent() throws {
      let run = try stats(
        "linux/static-kvm_amd.reel", "--by", "phase", "--phase-marker", "init=console:init",
        "--phase-marker", "late=event:40000", "--phase-marker", "never=port:0x80:0xfe", "--format",
        "csv", status: 0)
      let rows = run.text.split(separator: "\n").dropFirst().map { $0.split(separator: ",") }
      #expect(Set(rows.map { String($0[1]) }) == ["start", "init", "late"])
      // All exits of the reel, each in one phase.
      #expect(rows.reduce(0) { $0 + (Int($1[2]) ?? 0) } > 0)
      let twice = try stats(
        "ticker.reel", "--by", "phase", "--phase-marker", "a=event:1", "--phase-marker",
        "a=event:2",
        status: 2)
      #expect(twice.errors.contains("two phase markers are called \"a\""))
    }

    @Test func histograms() throws {
      let run = try stats("ticker.reel", "--by", "reason", "--histogram", status: 0)
      // Every row's bars count all its timed samples; the last exit has no time.
      let bars = run.text.split(separator: "\n").filter { $0.contains(" – ") }
      let counts = bars.compactMap { $0.split(separator: " ").last { Int($0) != nil } }
      #expect(counts.compactMap { Int($0) }.reduce(0, +) == 227, "\(run.text)")
    }

    @Test func followingAWholeReelCountsItOnce() throws {
      let path = SecondReader.traces + "/ticker.reel"
      let directory = try TestDirectory()
      let followed = try directory.vmreel(["stats", path, "--follow"])
      let counted = try directory.vmreel(["stats", path])
      #expect(followed.status == 0 && followed.text == counted.text, "\(followed.story)")
    }

    @Test func followingAPartialReelThatNobodyRecordsEnds() throws {
      let directory = try TestDirectory()
      let whole = try Data(contentsOf: URL(filePath: SecondReader.traces + "/compute.reel"))
      try directory.write(whole.prefix(whole.count / 2), to: "cut.reel")
      let run = try directory.vmreel(["stats", "cut.reel", "--follow"])
      #expect(run.status == 2 && run.errors.contains("nobody records"), "\(run.story)")
      #expect(run.text.contains("VM-EXIT"))
    }

    @Test(.needsKVM) func followingARecording() throws {
      let directory = try TestDirectory()
      let reel = directory.path + "/compute.reel"
      let recorder = try directory.start("record", "--guest", "compute", "-o", "compute.reel")
      for _ in 0..<500 {
        let names = [reel, reel + ".part"]
        if names.contains(where: { FileManager.default.fileExists(atPath: $0) }) { break }
        usleep(10_000)
      }
      let followed = try directory.vmreel(["stats", reel, "--follow", "--by", "reason"])
      let end = recorder.wait()
      #expect(end.status == 0, "\(end.story)")
      let counted = try directory.vmreel(["stats", reel, "--by", "reason"])
      // Read block by block while it grew, or at once when it was done: the same counts.
      #expect(followed.status == 0 && followed.text == counted.text, "\(followed.story)")
    }
  }
}
