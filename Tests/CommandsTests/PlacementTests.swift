import FoundationEssentials
import Testing

extension ProgramTests {
  /// Recordings with kicks, without them, and by the host's clock.
  @Suite(.needsKVM) struct Placement {
    /// The seals a verdict line counts: `N sealed segments re-executed`, or `N of M` of them.
    struct Seals {
      var reexecuted: Int
      var all: Int

      init?(_ verdict: Substring) {
        let words = verdict.split(separator: " ")
        guard let place = words.firstIndex(of: "sealed"), place >= 3,
          let count = Int(words[place - 1])
        else { return nil }
        all = count
        reexecuted = words[place - 2] == "of" ? Int(words[place - 3]) ?? -1 : count
      }
    }

    /// The quantum decides how long a segment replay must find its way through; at least nine of
    /// ten must be reached exactly, and a jump must not be called identical.
    @Test(arguments: ["1ms", "5ms", "20ms"])
    func kickedComputeIsReexecuted(quantum: String) throws {
      let directory = try TestDirectory()
      let recorded = try directory.vmreel(
        "record", "--guest", "compute", "--quantum", quantum, "--until-console", "round 3",
        "-o", "k.reel")
      #expect(recorded.status == 0, "\(recorded.story)")
      let replayed = try directory.vmreel("replay", "k.reel")
      #expect(replayed.status == 0, "\(replayed.story)")
      #expect(replayed.output == recorded.output)
      let verdict = try #require(replayed.errorLines.last)
      let seals = try #require(Seals(verdict), "no count of seals in: \(verdict)")
      #expect(seals.all > 0, "nothing was kicked: \(verdict)")
      #expect(seals.reexecuted * 10 >= seals.all * 9, "\(verdict)")
      let word = seals.reexecuted == seals.all ? "identical: " : "consistent: "
      #expect(verdict.hasPrefix(word), "\(verdict)")
    }

    @Test func exitPlacementNeedsNoSeals() throws {
      let directory = try TestDirectory()
      for guest in ["ticker", "compute"] {
        try directory.vmreel(
          "record", "--guest", guest, "--placement", "exit", "-o", "\(guest).reel"
        ).expectSuccess()
        let replayed = try directory.vmreel("replay", "--no-console", "\(guest).reel")
        #expect(replayed.errors.contains("identical: "), "\(replayed.story)")
        #expect(replayed.errors.contains(" 0 sealed segments"), "\(replayed.story)")
        #expect(replayed.output.isEmpty)
        // A window is exact on some KVMs only; these reels must replay on all.
        let info = try directory.vmreel("info", "\(guest).reel")
        #expect(info.text.contains("irq-window none"), "\(info.story)")
        let events = try directory.vmreel("dump", "\(guest).reel")
        #expect(!events.text.contains("window"), "\(guest)")
      }
    }

    /// Ten ticks of 100 Hz take a tenth of a second by the host's clock, and the reel says so.
    @Test func realClock() throws {
      let directory = try TestDirectory()
      try directory.vmreel("record", "--guest", "ticker", "--clock", "real", "-o", "t.reel")
        .expectSuccess()
      let replayed = try directory.vmreel("replay", "t.reel")
      #expect(replayed.status == 0, "\(replayed.story)")
      #expect(replayed.text.hasSuffix("tick 10\n"))
      let summary = try directory.vmreel("info", "t.reel")
      #expect(summary.text.contains("clock real"))
    }

    /// A terminal implies the host's clock; a line typed a second after the start must reach the
    /// guest, and the reel must hold it.
    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/script")))
    func typingOnATerminal() throws {
      let directory = try TestDirectory()
      let run = try directory.shell(
        "(sleep 0.7; printf 'hello 5\\n'; sleep 0.7) | "
          + "script -qec 'vmreel record --guest echo -o e.reel' /dev/null")
      #expect(run.text.contains("hEllO 5"), "\(run.story)")
      let summary = try directory.vmreel("info", "e.reel")
      #expect(summary.text.contains("clock real"), "\(summary.story)")
      let replayed = try directory.vmreel("replay", "e.reel")
      #expect(replayed.status == 0 && replayed.text.contains("hEllO 5"), "\(replayed.story)")
    }

    @Test func timeLimitEndsAGuestThatNeverEnds() throws {
      let directory = try TestDirectory()
      let recorded = try directory.vmreel(
        "record", "--guest", "spin", "--for", "1", "-o", "s.reel")
      #expect(recorded.status == 0 && recorded.errors.contains("ended by"), "\(recorded.story)")
      let replayed = try directory.vmreel("replay", "s.reel")
      #expect(replayed.status == 0, "\(replayed.story)")
      #expect(replayed.output == recorded.output)
    }

    @Test func exitLimit() throws {
      let directory = try TestDirectory()
      try directory.vmreel("record", "--guest", "hello", "--max-exits", "7", "-o", "h.reel")
        .expectSuccess()
      let replayed = try directory.vmreel("replay", "h.reel")
      #expect(replayed.errors.contains("identical: "), "\(replayed.story)")
    }

    @Test func guestStatusIsPassedOn() throws {
      let directory = try TestDirectory()
      let run = try directory.vmreel("record", "--guest", "hello", "--guest-status", "-o", "h.reel")
      #expect(run.status == 1, "isa-debug-exit makes 1 of the guest's 0: \(run.story)")
    }
  }
}
