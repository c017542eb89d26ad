import FoundationEssentials
import Testing

extension ProgramTests {
  /// What `diff` says of boots of Linux that differ in one thing each, and must say.
  ///
  /// `tools/check-pairs` knows what that is. The gate records such pairs anew; these are the samples.
  @Suite(.needsSecondReader) struct DiffPairs {
    @Test func everyStoryIsTold() throws {
      let run = try checkPairs(in: SecondReader.traces + "/pairs")
      #expect(run.status == 0, "\(run.story)")
      let lines = run.text.split(separator: "\n")
      #expect(
        lines.map { $0.prefix { $0 != ":" } } == [
          "skip quiet against quiet-again", "ok   quiet against verbose",
          "ok   quiet against pci-off", "ok   quiet against other-kernel",
          "ok   counter against counter-again",
        ], "\(run.story)")
    }

    /// The checker fails when the story is another one.
    @Test func anotherStoryIsAFailure() throws {
      let directory = try TestDirectory()
      for (name, other) in [("quiet", "quiet"), ("verbose", "pci-off"), ("pci-off", "verbose")] {
        try FileManager.default.copyItem(
          atPath: SecondReader.traces + "/pairs/\(other).reel",
          toPath: directory.path + "/\(name).reel")
      }
      let run = try checkPairs(in: directory.path)
      #expect(run.status == 1, "\(run.story)")
      #expect(run.text.contains("FAIL quiet against verbose"), "\(run.story)")
      #expect(run.text.contains("FAIL quiet against pci-off"), "\(run.story)")
    }

    private func checkPairs(in reels: String) throws -> Run {
      let directory = try TestDirectory()
      let script = SecondReader.root.appending(path: "tools/check-pairs").path
      let program = try SecondReader.python(
        ["-B", script, "--reels", reels, "--binary", try Executable.find()], in: directory)
      return directory.finish(program, "check-pairs \(reels)", #_sourceLocation)
    }
  }
}
