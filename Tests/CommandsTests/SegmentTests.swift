import FoundationEssentials
import Glibc
import Testing
import Trace

extension ProgramTests {
  /// Parts of a reel, replayed in one process or in many, and joined.
  @Suite(.needsKVM) struct Segments {
    private func recorded(_ guest: String, every spacing: String) throws -> TestDirectory {
      let directory = try TestDirectory()
      try directory.vmreel(
        "record", "--guest", guest, "--keyframe-every", spacing, "-o", "r.reel"
      ).expectSuccess()
      return directory
    }

    private struct Verdict: Decodable {
      struct Divergence: Decodable { var index: UInt64 }
      var outcome: String
      var events: UInt64
      var guestMadeExits: UInt64
      var keyframesCompared: UInt64
      var finalPagesCompared: Int
      var joinedSegments: Int?
      var divergence: Divergence?
    }

    private func verdict(_ run: Run) throws -> Verdict {
      try JSONDecoder().decode(Verdict.self, from: Data(run.output))
    }

    /// Makes 1.json to N.json.
    private func replaySegments(_ directory: TestDirectory, of reel: String, _ count: Int) throws {
      for number in 1...count {
        let run = try directory.vmreel(
          "replay", "--segment", "\(number)/\(count)", "--format", "json", reel)
        try directory.write(run.output, to: "\(number).json")
      }
    }

    @Test(arguments: [("ticker64", "30"), ("churn", "100"), ("strings", "7")], [1, 2, 5])
    func jobsSayWhatOneProcessSays(guest: (String, String), jobs: Int) throws {
      let directory = try recorded(guest.0, every: guest.1)
      let whole = try directory.vmreel("replay", "r.reel")
      let parallel = try directory.vmreel("replay", "--jobs", "\(jobs)", "r.reel")
      #expect(whole.status == 0 && parallel.status == 0, "\(parallel.story)")
      #expect(parallel.output == whole.output)
      let one = try #require(whole.errorLines.last)
      #expect(
        parallel.errorLines.last?.hasPrefix(one + "; joined of ") == true, "\(parallel.story)")
      let left = try verdict(try directory.vmreel("replay", "--format", "json", "r.reel"))
      let right = try verdict(
        try directory.vmreel("replay", "--format", "json", "--jobs", "\(jobs)", "r.reel"))
      #expect(right.joinedSegments == jobs)
      #expect(left.outcome == "identical" && right.outcome == "identical")
      #expect(left.events == right.events && left.guestMadeExits == right.guestMadeExits)
      #expect(left.keyframesCompared == right.keyframesCompared)
      #expect(left.finalPagesCompared == right.finalPagesCompared)
    }

    @Test func anAlteredEventIsNamedByItsSegmentAndTheJoinedVerdict() throws {
      let directory = try recorded("ticker64", every: "30")
      let events = try directory.events(of: "r.reel")
      // Segments are balanced by the host's time, so which holds the event is not known before; the
      // guest's last line is in none but the first only where one exit took longer than all others.
      let index = try #require(
        events.indices.last { events[$0].kind == .portWrite && events[$0].stream != 0 })
      try directory.alterEvent(EventIndex(index), of: "r.reel", to: "a.reel") { $0.value ^= 1 }
      try replaySegments(directory, of: "a.reel", 3)
      let outcomes = try (1...3).map {
        try JSONDecoder().decode(Verdict.self, from: Data(try directory.read("\($0).json")))
      }
      let place = try #require(outcomes.firstIndex { $0.outcome == "diverged" })
      #expect(outcomes[place].divergence?.index == UInt64(index))
      #expect(place > 0)
      #expect(outcomes.indices.allSatisfy { $0 == place || outcomes[$0].outcome == "identical" })

      let whole = try directory.vmreel("replay", "a.reel")
      let headline = try #require(whole.errorLines.first)
      #expect(whole.status == 1 && headline.contains("diverged at event \(index) of a.reel"))
      let joined = try directory.vmreel("join", "a.reel", "3.json", "2.json", "1.json")
      #expect(joined.status == 1 && joined.errorLines.first == headline, "\(joined.story)")
      let parallel = try directory.vmreel("replay", "--jobs", "3", "a.reel")
      #expect(parallel.status == 1 && parallel.errorLines.first == headline, "\(parallel.story)")
      #expect(parallel.output == whole.output)
      // What comes after a divergence does not matter; what comes before it does.
      let before = (0...place).map { "\($0 + 1).json" }
      #expect(try directory.vmreel(["join", "a.reel"] + before).status == 1)
      expectTrouble(
        try directory.vmreel("join", "a.reel", "2.json", "3.json"), "segment 1/3", "missing",
        "event \(index)")
      expectTrouble(
        try directory.vmreel("join", "r.reel", "1.json", "2.json", "3.json"), "altered copy")
    }

    @Test func aReplayThatResynchronisesGoesOnAfterADifference() throws {
      let directory = try recorded("ticker64", every: "30")
      let events = try directory.events(of: "r.reel")
      let index = try #require(
        events.indices.dropFirst(100).first {
          events[$0].kind == .portWrite && events[$0].stream != 0
        })
      try directory.alterEvent(EventIndex(index), of: "r.reel", to: "a.reel") { $0.value ^= 1 }
      let run = try directory.vmreel("replay", "--resync", "a.reel")
      #expect(run.status == 1 && run.errors.contains("diverged at event \(index) "), "\(run.story)")
      #expect(run.errors.contains("differences in all: 1"), "\(run.story)")
      #expect(run.errors.contains("of \(events.count) events agreed"), "\(run.story)")
      #expect(try directory.vmreel("replay", "--resync", "r.reel").status == 0)
    }

    @Test func resultsThatDoNotFitAreRefused() throws {
      let directory = try recorded("ticker64", every: "30")
      try replaySegments(directory, of: "r.reel", 4)
      let all = ["1.json", "2.json", "3.json", "4.json"]
      let joined = try directory.vmreel(["join", "r.reel"] + all)
      #expect(joined.status == 0 && joined.errors.hasPrefix("identical: "), "\(joined.story)")
      expectTrouble(
        try directory.vmreel("join", "r.reel", "1.json", "2.json", "4.json"), "segment 3/4",
        "missing")
      expectTrouble(
        try directory.vmreel(["join", "r.reel"] + all + ["2.json"]), "segment 2/4", "twice")
      try directory.vmreel(
        "record", "--guest", "ticker64", "--keyframe-every", "30", "-o", "o.reel"
      )
      .expectSuccess()
      expectTrouble(try directory.vmreel(["join", "o.reel"] + all), "1.json", "another reel")
      try directory.write(
        try directory.vmreel("replay", "--segment", "2/5", "--format", "json", "r.reel").output,
        to: "other.json")
      expectTrouble(
        try directory.vmreel("join", "r.reel", "1.json", "other.json"), "2/5", "split in 4")
      try directory.write(
        try directory.vmreel("replay", "--format", "json", "r.reel").output, to: "whole.json")
      expectTrouble(try directory.vmreel("join", "r.reel", "whole.json"), "not the result of a seg")
      try directory.write([], to: "empty.json")
      expectTrouble(try directory.vmreel("join", "r.reel", "empty.json"), "empty.json", "again")
      expectTrouble(try directory.vmreel("join", "r.reel", "r.reel"), "r.reel is not a result")
      // A result that claims less, or more, than its segment holds.
      let text = String(decoding: try directory.read("2.json"), as: UTF8.self)
      let events = try JSONDecoder().decode(Verdict.self, from: Data(text.utf8)).events
      for claim in ["1", "99999999999"] {
        let claimed = text.replacing("\"events\" : \(events)", with: "\"events\" : \(claim)")
        #expect(claimed != text)
        try directory.write(claimed.utf8, to: "claim.json")
        expectTrouble(
          try directory.vmreel("join", "r.reel", "1.json", "claim.json", "3.json", "4.json"),
          "claim.json")
      }
    }

    @Test func moreSegmentsThanKeyframesLeaveSomeEmpty() throws {
      let directory = try recorded("hello", every: "0")
      try replaySegments(directory, of: "r.reel", 3)
      let empty = try directory.vmreel("replay", "--segment", "2/3", "r.reel")
      #expect(empty.status == 0 && empty.errors.hasPrefix("empty: segment 2/3"), "\(empty.story)")
      let joined = try directory.vmreel("join", "r.reel", "1.json", "2.json", "3.json")
      #expect(joined.status == 0 && joined.errors.hasPrefix("identical: "), "\(joined.story)")
    }

    @Test func aReelWithoutKeyframesIsNotSplit() throws {
      let directory = try recorded("hello", every: "0")
      let run = try directory.vmreel("replay", "--jobs", "4", "r.reel")
      #expect(run.status == 0 && run.errors.contains("split in 1 at most"), "\(run.story)")
      #expect(run.errors.contains("; joined of 1 segment"), "\(run.story)")
    }

    @Test func aPartialReelIsReplayedAsFarAsItGoes() throws {
      let directory = try recorded("ticker64", every: "30")
      try directory.write(try directory.read("r.reel").dropLast(1), to: "p.reel")
      let run = try directory.vmreel("replay", "--jobs", "2", "p.reel")
      #expect(
        run.status == 2 && run.errors.contains("agrees as far as the reel goes"), "\(run.story)")
      // A part that the reel does hold is whole.
      #expect(try directory.vmreel("replay", "--until", "100", "p.reel").status == 0)
    }

    /// The guest changes several MiB and makes few exits.
    @Test(arguments: [("1ms", 4), ("1MiB", 4), ("0", 0)])
    func keyframesAreSpacedAsAskedFor(spacing: (String, Int)) throws {
      let directory = try recorded("churn", every: spacing.0)
      let marks = try directory.events(of: "r.reel").filter { $0.kind == .keyframe }.count
      #expect(spacing.1 == 0 ? marks == 2 : marks >= 2 + spacing.1, "\(marks) keyframes")
      let run = try directory.vmreel("replay", "r.reel")
      #expect(run.status == 0 && run.errors.contains("identical: "), "\(run.story)")
    }

    @Test func theBenchMeasuresReplaysThatAgree() throws {
      struct Result: Decodable {
        struct Spread: Decodable { var median: Double }
        var schema: String
        var replay: Spread
        var parallelReplay: Spread
        var share: Double
      }
      let directory = try recorded("ticker64", every: "30")
      let run = try directory.vmreel(
        "bench", "replay", "r.reel", "--rounds", "3", "--exits", "1000", "--format", "json")
      #expect(run.status == 0, "\(run.story)")
      let result = try JSONDecoder().decode(Result.self, from: Data(run.output))
      #expect(result.schema == "vmreel.bench.replay/1")
      #expect(result.replay.median > 0 && result.parallelReplay.median > 0 && result.share > 0)
      try directory.alterEvent(1, of: "r.reel", to: "a.reel") { $0.address ^= 1 }
      let altered = try directory.vmreel(
        "bench", "replay", "a.reel", "--rounds", "3", "--exits", "1000")
      #expect(altered.status == 2 && altered.errors.contains("means nothing"), "\(altered.story)")
    }

    // MARK: Workers that end otherwise

    /// A parallel replay of seconds, caught with its workers running.
    private func withWorkers(
      _ body: (_ program: Program, _ workers: [pid_t]) throws -> Void
    ) throws {
      let directory = try recorded("compute", every: "100")
      let program = try directory.start("replay", "--jobs", "2", "--no-console", "r.reel")
      var workers: [pid_t] = []
      for _ in 0..<2000 where workers.count < 2 {
        workers = program.children()
        usleep(2000)
      }
      #expect(workers.count == 2, "no two workers: \(workers)")
      // Past their start, into the replay.
      usleep(300_000)
      try body(program, workers)
      for _ in 0..<2000 where workers.contains(where: isAlive) { usleep(2000) }
      #expect(!workers.contains(where: isAlive), "a worker outlives its parent")
    }

    private func isAlive(_ process: pid_t) -> Bool { kill(process, 0) == 0 }

    @Test func aKilledWorkerIsTrouble() throws {
      try withWorkers { program, workers in
        kill(workers[1], SIGKILL)
        let run = program.wait()
        #expect(run.status == 2 && !run.timedOut, "\(run.story)")
        #expect(run.errors.contains("was killed by signal 9"), "\(run.story)")
        #expect(!run.errors.contains("identical"), "\(run.story)")
      }
    }

    @Test(arguments: [(SIGINT, 130), (SIGTERM, 143)] as [(Int32, Int32)])
    func aSignalStopsAllWorkers(signal: (Int32, Int32)) throws {
      try withWorkers { program, _ in
        program.send(signal.0)
        let run = program.wait()
        #expect(run.status == signal.1, "\(run.story)")
        #expect(run.errors.contains("interrupted: "), "\(run.story)")
      }
    }

    @Test func workersDieWithTheirParent() throws {
      try withWorkers { program, _ in
        program.send(SIGKILL)
        #expect(program.wait().signal == SIGKILL)
      }
    }

    @Test func aWorkerThatCannotReplayIsTrouble() throws {
      let directory = try recorded("ticker64", every: "30")
      try directory.alterMetadata(of: "r.reel", to: "bad.reel") { $0.policies.tsc = "sundial" }
      let run = try directory.vmreel("replay", "--jobs", "2", "bad.reel")
      #expect(run.status == 2 && run.errors.contains("sundial"), "\(run.story)")
      #expect(run.errorLines.last?.contains("without a result") == true, "\(run.story)")
    }

    // MARK: Ranges and states

    @Test func aRangeSaysWhatItCompared() throws {
      let directory = try recorded("ticker64", every: "30")
      let run = try directory.vmreel("replay", "--from", "150", "--until", "200", "r.reel")
      #expect(run.status == 0, "\(run.story)")
      #expect(run.errors.contains("note: starting at keyframe "), "\(run.story)")
      let last = try #require(run.errorLines.last)
      #expect(last.hasPrefix("agrees in events ") && last.contains(" to 200: "), "\(last)")
      #expect(last.hasSuffix("the rest of the reel was not compared"), "\(last)")
      let events = try directory.events(of: "r.reel")
      let mark = try #require(events.indices.dropFirst().first { events[$0].kind == .keyframe })
      let exact = try directory.vmreel("replay", "--from", "\(mark)", "r.reel")
      #expect(exact.status == 0 && exact.errorLines.count == 1, "\(exact.story)")
      #expect(exact.errors.hasPrefix("agrees in events \(mark + 1) to \(events.count - 1): "))
      let whole = try directory.vmreel(
        "replay", "--from", "0", "--until", "\(events.count - 1)", "r.reel")
      #expect(whole.errors.hasPrefix("identical: "), "\(whole.story)")
      for option in ["--from", "--until"] {
        expectTrouble(
          try directory.vmreel("replay", option, "\(events.count)", "r.reel"),
          "event \(events.count) lies outside r.reel", "0 to \(events.count - 1)")
      }
      expectTrouble(
        try directory.vmreel("replay", "--at", "99999", "--dump-state", "r.reel"), "99999")
    }

    /// At a keyframe the state comes from the reel; right before its mark it was re-executed.
    @Test func reexecutedStateIsTheRecordedOne() throws {
      let directory = try recorded("ticker64", every: "30")
      let events = try directory.events(of: "r.reel")
      let marks = events.indices.dropFirst().filter { events[$0].kind == .keyframe }
      #expect(marks.count > 4)
      for mark in marks.dropLast() {
        let options = ["--dump-state", "--page-tables", "--memory", "0x10000:4096", "r.reel"]
        let before = try directory.vmreel(["replay", "--at", "\(mark - 1)"] + options)
        let at = try directory.vmreel(["replay", "--at", "\(mark)"] + options)
        #expect(before.status == 0 && at.status == 0, "\(before.story) \(at.story)")
        let lines = [before, at].map { $0.text.split(separator: "\n").dropFirst() }
        #expect(lines[0].count > 280 && lines[0] == lines[1], "at event \(mark)")
      }
    }

    @Test func aStateIsPrintedAsAskedFor() throws {
      struct State: Decodable {
        struct Register: Decodable {
          var name: String
          var value: String
        }
        struct Tables: Decodable {
          struct Range: Decodable { var byteCount: UInt64 }
          var ranges: [Range]
        }
        struct Memory: Decodable { var bytes: String }
        var schema: String
        var shownAfterEvent: UInt64
        var registers: [Register]
        var control: [Register]
        var pageTables: Tables
        var memory: [Memory]
      }
      let directory = try recorded("ticker64", every: "30")
      let events = try directory.events(of: "r.reel")
      let read = try #require(
        events.indices.dropFirst(100).first { events[$0].kind == .portRead })
      let run = try directory.vmreel(
        "replay", "--at", "\(read)", "--dump-state", "--page-tables", "--memory", "0x10ff0:32",
        "--memory", "v:0x10ff0:32", "--format", "json", "r.reel")
      #expect(run.status == 0 && run.errors.contains("inside an instruction"), "\(run.story)")
      let state = try JSONDecoder().decode(State.self, from: Data(run.output))
      #expect(state.schema == "vmreel.state/1")
      #expect(state.shownAfterEvent == UInt64(read) + 1)
      // IN has put the recorded answer into AL.
      let rax = try #require(state.registers.first { $0.name == "rax" })
      #expect(UInt64(rax.value.dropFirst(2), radix: 16).map { $0 & 0xff } == events[read + 1].value)
      #expect(state.control.contains { $0.name == "efer" && $0.value == "0x500" })
      #expect(state.memory.count == 2 && state.memory[0].bytes == state.memory[1].bytes)
      #expect(state.pageTables.ranges.map(\.byteCount) == [1 << 32])

      for memory in ["0x1ffff0:17", "0xffffffffffffff00:16"] {
        expectTrouble(
          try directory.vmreel("replay", "--at", "0", "--dump-state", "--memory", memory, "r.reel"),
          "outside the guest's RAM of 2 MiB")
      }
      let unmapped = try directory.vmreel(
        "replay", "--at", "0", "--dump-state", "--memory", "v:0xffff800000000000:8", "r.reel")
      expectTrouble(unmapped, "nothing is mapped", "0xffff800000000000")
    }

    @Test func aStateBehindADivergenceIsNotShown() throws {
      let directory = try recorded("ticker64", every: "0")
      try directory.alterEvent(1, of: "r.reel", to: "a.reel") { $0.address ^= 1 }
      let run = try directory.vmreel("replay", "--at", "50", "--dump-state", "a.reel")
      #expect(run.status == 1 && run.output.isEmpty, "\(run.story)")
      #expect(run.errors.contains("diverged at event 1 "), "\(run.story)")
    }
  }
}
