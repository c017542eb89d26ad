import Glibc
import Testing

extension ProgramTests {
  /// Recordings and replays that the user or the system ends.
  @Suite(.needsKVM) struct Signals {
    static let signals: [(number: Int32, status: Int32)] = [
      (SIGINT, 130), (SIGTERM, 143), (SIGHUP, 129),
    ]

    /// How the test knows that nothing was lost: `verify` finds the reel sound, and its replay
    /// prints what the recording printed.
    @Test(arguments: signals.indices)
    func recordingOfASpinningGuest(index: Int) throws {
      let (number, status) = Self.signals[index]
      let directory = try TestDirectory()
      let program = try directory.start("record", "--guest", "spin", "-o", "s.reel")
      #expect(program.waitForOutput("for ever\n"), "nothing is printed before the end")
      program.send(number)
      let run = program.wait()
      #expect(run.status == status, "\(run.story)")
      #expect(run.errors.contains("signal \(number)"), "\(run.story)")
      try directory.vmreel("verify", "s.reel").expectSuccess()
      let replayed = try directory.vmreel("replay", "s.reel")
      #expect(replayed.status == 0 && replayed.output == run.output, "\(replayed.story)")
    }

    /// The guest sleeps in HLT between its ticks, waiting for the host's clock.
    @Test(arguments: signals.indices)
    func recordingOfASleepingGuest(index: Int) throws {
      let (number, status) = Self.signals[index]
      let directory = try TestDirectory()
      let program = try directory.start(
        "record", "--guest", "ticker", "--clock", "real", "-o", "t.reel")
      #expect(program.waitForOutput("tick 2\n"), "no tick is printed")
      program.send(number)
      let run = program.wait()
      #expect(run.status == status, "\(run.story)")
      try directory.vmreel("verify", "t.reel").expectSuccess()
      let replayed = try directory.vmreel("replay", "t.reel")
      #expect(replayed.status == 0 && replayed.output == run.output, "\(replayed.story)")
    }

    /// The last segment of this reel takes seconds to land in: time enough to interrupt it.
    @Test func replay() throws {
      let directory = try TestDirectory()
      try directory.vmreel("record", "--guest", "spin", "--for", "1", "-o", "s.reel")
        .expectSuccess()
      let program = try directory.start("replay", "s.reel")
      #expect(program.waitForOutput("for ever\n"), "the replay prints nothing before its end")
      program.send(SIGINT)
      let run = program.wait()
      #expect(run.status == 130, "\(run.story)")
      #expect(run.errors.contains("interrupted: "), "\(run.story)")
    }

    /// The search for the cause steps 100,000 instructions in each guest.
    ///
    /// What the logs tell is shown all the same.
    @Test(arguments: signals.indices)
    func explanation(index: Int) throws {
      let (number, status) = Self.signals[index]
      let directory = try TestDirectory()
      // Prints A, counts to 1,000,000 in ECX, executes RDTSC, prints AL, and ends.
      let image: [UInt8] = [
        0xb0, 0x41, 0x66, 0xba, 0xe9, 0x00, 0xee, 0x31, 0xc9, 0xff, 0xc1, 0x81, 0xf9, 0x40, 0x42,
        0x0f, 0x00, 0x75, 0xf6, 0x0f, 0x31, 0x66, 0xba, 0xe9, 0x00, 0xee, 0x66, 0xba, 0xf4, 0x00,
        0x31, 0xc0, 0xef,
      ]
      try directory.write(image, to: "counter.bin")
      for name in ["one.reel", "two.reel"] {
        try directory.vmreel(
          "record", "--flat", "counter.bin", "--at", "0x10000", "--entry", "long64", "--tsc",
          "none",
          "-o", name
        ).expectSuccess()
      }
      let program = try directory.start("diff", "--explain", "one.reel", "two.reel")
      #expect(program.waitForVCPU(), "no guest is run")
      program.send(number)
      let run = program.wait()
      #expect(run.status == status, "\(run.story)")
      #expect(run.text.contains("First difference") && run.errors.contains("interrupted: "))
      #expect(!run.text.contains("Not looked further"), "the search went on: \(run.story)")
    }

    /// nohup(1) ignores SIGHUP for what it starts.
    @Test func anIgnoredHangupStaysIgnored() throws {
      let directory = try TestDirectory()
      let program = try Program(
        "/usr/bin/nohup",
        ["vmreel", "record", "--guest", "spin", "--for", "2", "-o", "s.reel"], in: directory)
      #expect(program.waitForOutput("for ever\n"), "nothing is printed before the end")
      program.send(SIGHUP)
      let run = program.wait()
      #expect(run.status == 0 && run.errors.contains("ended by time limit"), "\(run.story)")
    }

    /// What can be made again leaves nothing behind, so that the next one is not refused.
    @Test(arguments: signals.indices)
    func unfinishedOutput(index: Int) throws {
      let (number, status) = Self.signals[index]
      let directory = try TestDirectory()
      let program = try directory.start(
        "bench", "generate", "--events", "10m", "-o", "g.reel")
      while try directory.files() != ["g.reel.part"] { usleep(1000) }
      // The first block is written while the file is watched.
      while try directory.read("g.reel.part").count < 100_000 { usleep(1000) }
      program.send(number)
      let run = program.wait()
      #expect(run.status == status, "\(run.story)")
      #expect(try directory.files().isEmpty)
    }

    @Test func followedCounts() throws {
      let directory = try TestDirectory()
      let recorder = try directory.start("record", "--guest", "spin", "-o", "s.reel")
      #expect(recorder.waitForOutput("for ever\n"), "nothing is printed before the end")
      let program = try directory.start("stats", "--follow", "s.reel")
      usleep(1_000_000)
      program.send(SIGINT)
      let run = program.wait()
      #expect(run.status == 130 && !run.output.isEmpty, "\(run.story)")
      recorder.send(SIGINT)
      #expect(recorder.wait().status == 130)
    }

    /// SIGKILL leaves no time to close the reel: what was put out until then must be readable.
    @Test func killedRecorder() throws {
      let directory = try TestDirectory()
      let program = try directory.start("record", "--guest", "spin", "-o", "s.reel")
      #expect(program.waitForOutput("for ever\n"), "nothing is printed before the end")
      usleep(1_600_000)
      program.send(SIGKILL)
      let run = program.wait()
      #expect(run.signal == SIGKILL)
      #expect(try directory.files() == ["s.reel.part"])
      try expectReadable(directory, "s.reel.part", console: run.output)
      let again = try directory.vmreel("record", "--guest", "spin", "-o", "s.reel")
      expectTrouble(again, "unfinished recording")
    }

    /// Cut anywhere, a reel is readable as far as it goes; every command says that it is partial.
    @Test func truncatedReel() throws {
      let directory = try TestDirectory()
      let run = try directory.vmreel(
        "record", "--guest", "compute", "--until-console", "round 2",
        "-o", "c.reel")
      let whole = try directory.read("c.reel")
      try directory.write(whole.dropLast(1), to: "end.reel")
      try expectReadable(directory, "end.reel", console: run.output)
      for share in [3, 6, 9] {
        try directory.write(whole.prefix(whole.count * share / 10), to: "cut.reel")
        try expectReadable(directory, "cut.reel", console: nil)
      }
      try directory.write(whole.prefix(40), to: "header.reel")
      expectTrouble(try directory.vmreel("info", "header.reel"), "header", "40 bytes")
    }

    private func expectReadable(
      _ directory: TestDirectory, _ name: String, console: [UInt8]?,
      location: SourceLocation = #_sourceLocation
    ) throws {
      for command in ["info", "stats", "dump"] {
        let run = try directory.vmreel(command, name)
        expectTrouble(run, name, "partial", "offset", location: location)
        // A reel cut before its first block of events has none to dump.
        #expect(command == "dump" || !run.output.isEmpty, sourceLocation: location)
      }
      let verified = try directory.vmreel("verify", name)
      #expect(verified.status == 2, "\(verified.story)", sourceLocation: location)
      #expect(verified.text.contains("incomplete: "), "\(verified.story)", sourceLocation: location)
      let replayed = try directory.vmreel("replay", name)
      #expect(replayed.status == 2, "\(replayed.story)", sourceLocation: location)
      #expect(
        replayed.errors.contains("agrees as far as the reel goes")
          || replayed.errors.contains("jumped")
            && replayed.errors.contains("; the reel is not whole")
          || replayed.errors.contains("nothing was compared"),
        "\(replayed.story)", sourceLocation: location)
      if let console {
        #expect(replayed.output == console, "\(replayed.story)", sourceLocation: location)
      }
      let same = try directory.vmreel("diff", name, name)
      #expect(same.status == 2, "\(same.story)", sourceLocation: location)
    }
  }
}
