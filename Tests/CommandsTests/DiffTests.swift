import FoundationEssentials
import Testing

extension ProgramTests {
  /// `diff` on the sample reels: what it prints, refuses and returns.
  @Suite struct Diff {
    private static let traces = SecondReader.traces
    private let pair = ["\(traces)/echo-hello.reel", "\(traces)/echo-hullo.reel"]
    private let linux = [
      "\(traces)/linux/static-kvm_amd.reel", "\(traces)/linux/static-kvm_intel.reel",
    ]

    private func diff(_ arguments: String...) throws -> Run {
      try TestDirectory().vmreel(["diff"] + pair + arguments)
    }

    /// What was typed differs, and what the guest echoed of it, two events in all.
    @Test func tellsWhatDiffersAndOfWhatKindItIs() throws {
      let run = try diff()
      #expect(run.status == 1, "\(run.story)")
      #expect(run.text.contains("A       78 input          = 0x65"), "\(run.story)")
      #expect(run.text.contains(" *  value    0x65   0x75"), "\(run.story)")
      #expect(run.text.contains("Changed: 1 event with other data in B."), "\(run.story)")
      #expect(run.text.contains("2 stretches differ"), "\(run.story)")
      #expect(!run.text.contains("\u{1b}"), "colours are for terminals")
    }

    @Test func masksHideWhatTheyName() throws {
      let equal = try diff("--ignore", "value@0x3f8")
      #expect(equal.status == 0, "\(equal.story)")
      #expect(
        equal.text.contains("value@port:0x3f8; digests of the registers, since they cover"),
        "\(equal.story)")
      let gone = try diff("--ignore", "port@0x3f8-0x3ff")
      #expect(gone.status == 0, "\(gone.story)")
      let other = try diff("--ignore", "value@0x3fd", "-q")
      #expect(other.status == 1 && other.text.isEmpty, "\(other.story)")
    }

    @Test func consolesApart() throws {
      let run = try diff("--streams", "apart")
      #expect(run.text.contains("Exits and answers:"), "\(run.story)")
      #expect(run.text.contains("\n  - hEllO\n  + hUllO\n"), "\(run.story)")
      #expect(run.text.contains("devices wrote, by their places among those:\n  the same: "))
    }

    @Test func allEvents() throws {
      let run = try diff("--full", "-U", "1")
      let lines = run.text.split(separator: "\n").map(String.init)
      let start = try #require(lines.firstIndex { $0.hasPrefix("@@ A 78") }, "\(run.story)")
      #expect(lines[start + 1].contains("77 in"))
      #expect(lines[start + 2].hasPrefix("  - ") && lines[start + 2].contains("78 input"))
      #expect(lines[start + 3].hasPrefix("  + ") && lines[start + 3].contains("= 0x75"))
    }

    /// Two kinds of KVM: what cannot be compared is left out with the reason.
    @Test func twoKindsOfKVM() throws {
      let run = try TestDirectory().vmreel(["diff", "--streams", "apart"] + linux)
      #expect(run.status == 1, "\(run.story)")
      #expect(run.text.contains("digests of the registers, since different kinds of KVM recorded"))
      #expect(run.text.contains("port@0xe4, since rewritten RDTSC instructions"), "\(run.story)")
      #expect(run.text.contains("host: host.kvmModule\n    A  kvm_amd\n    B  kvm_intel\n"))
      #expect(run.text.contains("machine: cpu.cpuidTable[0x0.0].ebx"), "\(run.story)")
      #expect(!run.text.contains("guest.sha256") && !run.text.contains("guest.append"))
      #expect(run.text.contains("0 lines only in A, 1 only in B, 22 in both"), "\(run.story)")
      #expect(run.text.contains("  + [    0.000000] RETBleed: WARNING"), "\(run.story)")
      let compared = try TestDirectory().vmreel(["diff", "--compare", "registers"] + linux)
      #expect(!compared.text.contains("since different kinds of KVM"), "\(compared.story)")
    }

    @Test func symbolsNameTheFunction() throws {
      let directory = try TestDirectory()
      try directory.write(
        Array("0000000000010000 T start\n0000000000010150 T readLine\n".utf8), to: "map")
      let run = try directory.vmreel(["diff", "--symbols", "map"] + pair)
      #expect(run.text.contains("rip=0x10163 readLine+0x13"), "\(run.story)")
      let absent = try directory.vmreel(["diff", "--symbols", "none"] + pair)
      #expect(absent.status == 2 && absent.errors.contains("none"), "\(absent.story)")
    }

    @Test(arguments: [
      (["--ignore", "value@port"], "value@port"), (["--ignore", "port@3-1"], "a range 0x40-0x43"),
      (["--compare", "all"], "'all'"), (["--streams", "some"], "together"),
      (["--symbols", "a", "--symbols", "b", "--symbols", "c"], "twice"),
    ])
    func refusals(arguments: [String], word: String) throws {
      let run = try TestDirectory().vmreel(["diff"] + pair + arguments)
      #expect(run.status == 2 && run.text.isEmpty, "\(run.story)")
      #expect(run.errors.contains(word), "\(run.story)")
    }
  }
}
