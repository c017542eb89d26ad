import Testing

extension ProgramTests {
  /// `record -o -`: the reel on standard output.
  @Suite(.needsKVM) struct StreamedReels {
    @Test(arguments: ["| cat >s.reel", ">s.reel", ">>s.reel"])
    func aWholeReel(place: String) throws {
      let directory = try TestDirectory()
      let run = try directory.shell(
        "vmreel record --guest hello --dump-vga -o - \(place); echo ${PIPESTATUS[0]}")
      #expect(run.text == "0\n", "\(run.story)")
      #expect(run.errors.hasPrefix("Hello from inside a vmreel guest.\n"), "\(run.story)")
      #expect(run.errors.contains("recorded standard output: "), "\(run.story)")
      #expect(try directory.files() == ["s.reel"])
      try directory.vmreel("verify", "s.reel").expectSuccess()
      let replayed = try directory.vmreel("replay", "s.reel")
      #expect(replayed.errors.hasPrefix("identical: "), "\(replayed.story)")
      #expect(replayed.text.hasPrefix("Hello"))
    }

    /// What its reader got before the recorder was killed is a partial reel.
    @Test func aCutStream() throws {
      let directory = try TestDirectory()
      let run = try directory.shell(
        "timeout -s KILL 2 vmreel record --guest spin -o - | cat >s.reel; echo ${PIPESTATUS[0]}")
      #expect(run.text == "137\n", "\(run.story)")
      try directory.vmreel("recover", "s.reel", "-o", "r.reel").expectSuccess()
      let replayed = try directory.vmreel("replay", "r.reel")
      #expect(replayed.text == "spin: for ever\n" && replayed.status == 0, "\(replayed.story)")
    }

    @Test func aReaderThatLeaves() throws {
      let directory = try TestDirectory()
      let run = try directory.shell(
        "vmreel record --guest spin -o - | head -c 10 >/dev/null; echo ${PIPESTATUS[0]}")
      #expect(run.text == "2\n", "\(run.story)")
      #expect(
        run.errors.contains("vmreel: cannot write standard output: its reader has gone"),
        "\(run.story)")
      #expect(try directory.files().isEmpty)
    }

    @Test func placesWithoutRoom() throws {
      let directory = try TestDirectory()
      for (place, reason) in [(">/dev/full", "No space left"), (">&-", "Bad file descriptor")] {
        let run = try directory.shell("vmreel record --guest hello -o - \(place)")
        #expect(run.status == 2, "\(run.story)")
        #expect(run.errorLines.last?.contains(reason) == true, "\(run.story)")
      }
    }

    @Test func refusals() throws {
      let directory = try TestDirectory()
      let terminal = try PseudoTerminal()
      expectTrouble(
        try directory.shell("vmreel record --guest hello -o - >\(terminal.path)"),
        "not for a terminal")
      let merged = try directory.shell(
        "(vmreel record --guest hello -o - 2>&1; echo $?) | cat >both; cat both >&2")
      #expect(merged.errors.contains("standard error goes where the reel goes"), "\(merged.story)")
      #expect(merged.errors.hasSuffix("2\n"), "\(merged.story)")
      #expect(try directory.files() == ["both"])
    }

    @Test func signalsEndTheStream() throws {
      let directory = try TestDirectory()
      let run = try directory.shell(
        "timeout -s TERM 1 vmreel record --guest spin -o - >s.reel; echo $?")
      #expect(run.text == "124\n", "\(run.story)")
      try directory.vmreel("verify", "s.reel").expectSuccess()
      try directory.vmreel("replay", "s.reel").expectSuccess()
    }
  }
}
