import FoundationEssentials
import ReelFixtures
import Testing
import Trace

extension ProgramTests {
  /// `stats` on sample reels: no KVM is needed.
  @Suite struct Statistics {
    private static let traces = URL(filePath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "traces")

    private func path(_ name: String) -> String { Self.traces.appending(path: name).path }

    /// The cells of a table's rows below its heading, as far as an empty line.
    private func rows(_ text: String, under heading: String) throws -> [[Substring]] {
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      let first = try #require(
        lines.firstIndex { $0.split(separator: " ").first == Substring(heading) }, "\(text)")
      return lines[(first + 1)...].prefix { !$0.isEmpty && !$0.hasPrefix("(") }
        .map { $0.split(separator: " ") }
    }

    private func stats(_ reel: String, _ arguments: String..., status: Int32 = 0) throws -> Run {
      let run = try TestDirectory().vmreel(["stats", path(reel)] + arguments)
      #expect(run.status == status, "\(run.story)")
      return run
    }

    private func csv(_ run: Run) -> [[Substring]] {
      run.text.split(separator: "\n")
        .map { $0.split(separator: ",", omittingEmptySubsequences: false) }
    }

    // MARK: What is counted

    @Test func twoDimensions() throws {
      let run = try stats("ticker.reel", "--by", "reason,port", "-F", "sample,name")
      let found = try rows(run.text, under: "VM-EXIT").map { $0.joined(separator: " ") }
      #expect(
        found == [
          "in 0x3fd:PIN 97 COM1 LSR", "out 0x3f8:POUT 97 COM1 THR", "out 0x20:POUT 11 PIC1 command",
          "out 0x21:POUT 4 PIC1 data", "out 0xa1:POUT 4 PIC2 data", "out 0x40:POUT 2 PIT counter 0",
          "out 0x43:POUT 1 PIT mode", "out 0xa0:POUT 1 PIC2 command", "out 0xf4:POUT 1 debug exit",
        ])
      #expect(!run.text.contains("What stands out"))
    }

    @Test func sortedByTimeOfEitherView() throws {
      for (view, column) in [("handling", "handling_total_ns"), ("guest", "guest_total_ns")] {
        let all = csv(try stats("ticker.reel", "--by", "port", "--format", "csv"))
        let place = try #require(all[0].firstIndex(of: Substring(column)))
        let sorted = all.dropFirst().sorted {
          let (a, b) = (UInt64($0[place]) ?? 0, UInt64($1[place]) ?? 0)
          return a == b ? $0[1] < $1[1] : a > b
        }
        let run = try stats("ticker.reel", "--by", "port", "-k", "time", "--view", view)
        #expect(try rows(run.text, under: "PORT").map(\.[0]) == sorted.map(\.[1]), "\(view)")
        let lines = csv(
          try stats("ticker.reel", "--by", "port", "-k", "time", "--view", view, "--format", "csv"))
        #expect(lines.dropFirst().map(\.[1]) == sorted.map(\.[1]), "\(view), CSV")
      }
    }

    /// The guest's time is that of the CSV's other half.
    @Test func viewOfTheGuest() throws {
      let run = try stats("ticker.reel", "--view", "guest", "-F", "max_t", "--by", "reason")
      #expect(run.text.contains("# times: host time in the guest before an exit"))
      let lines = csv(try stats("ticker.reel", "--by", "reason", "--format", "csv"))
      let place = try #require(lines[0].firstIndex(of: "guest_max_ns"))
      for row in try rows(run.text, under: "VM-EXIT") {
        let line = try #require(lines.first { $0[1] == row[0] })
        let nanoseconds = try #require(Double(line[place]))
        let shown = try #require(Double(row[1].dropLast(2)))
        #expect(row[1].hasSuffix("us") && abs(shown * 1000 - nanoseconds) <= 5)
      }
    }

    @Test func partsOfAReel() throws {
      let reel = try Reel(
        MemorySource(Array(try Data(contentsOf: URL(filePath: path("golden/two-vcpus.reel"))))))
      var cursor = EventCursor(reel)
      var exits: [(index: EventIndex, event: Event)] = []
      while let event = try cursor.next() {
        if event.kind.isGuestMade { exits.append((cursor.index, event)) }
      }
      let middle = exits[exits.count / 2].event.exitTime
      let selections: [([String], (EventIndex, Event) -> Bool)] = [
        (["--range", "20..70"], { index, _ in (20..<70).contains(index) }),
        (["--range", "70.."], { index, _ in index >= 70 }),
        (["--vcpu", "1"], { _, event in event.vcpu == 1 }),
        (["--time", "\(middle)ns,"], { _, event in event.exitTime >= middle }),
        (["--time", ",\(middle)ns"], { _, event in event.exitTime < middle }),
        (["--vcpu", "0", "--range", "..50"], { index, event in event.vcpu == 0 && index < 50 }),
      ]
      for (arguments, isIn) in selections {
        let run = try TestDirectory().vmreel(
          ["stats", path("golden/two-vcpus.reel"), "--by", "reason", "--format", "csv"] + arguments)
        let lines = csv(run)
        let samples = try #require(lines[0].firstIndex(of: "samples"))
        let counted = lines.dropFirst().reduce(0) { $0 + (Int($1[samples]) ?? 0) }
        let expected = exits.count { isIn($0.index, $0.event) }
        #expect(expected > 0 && counted == expected, "\(arguments): \(run.story)")
      }
    }

    /// All exits are the runner's and those that the kernel handled alone.
    @Test(arguments: ["kvm_amd", "kvm_intel"]) func populations(module: String) throws {
      func total(_ exits: String) throws -> Int {
        let lines = csv(
          try stats("linux/static-\(module).reel", "--exits", exits, "--format", "csv"))
        let samples = try #require(lines[0].firstIndex(of: "samples"))
        return lines.dropFirst().reduce(0) { $0 + (Int($1[samples]) ?? 0) }
      }
      let (runner, handled) = (try total("runner"), try total("handled"))
      #expect(runner > 2000 && handled > 10_000)
      #expect(try total("all") == runner + handled)
      #expect(try total("kernel") > handled)
      let run = try stats("linux/static-\(module).reel", "--exits", "kernel")
      #expect(run.text.hasPrefix("# all exits as seen by the host's kernel\n"))
      #expect(run.text.contains("In kernel  To runner  Kicked"))
    }

    // MARK: Lists

    @Test func intervalsAddUpToTheWhole() throws {
      let whole = csv(try stats("ticker.reel", "--by", "reason", "--format", "csv"))
      let series = csv(
        try stats("ticker.reel", "--by", "reason", "--interval", "200us", "--format", "csv"))
      #expect(
        series[0].joined(separator: ",")
          == "start_ns,reason,samples,handling_total_ns,handling_max_ns,guest_total_ns")
      let starts = try series.dropFirst().map { try #require(UInt64($0[0])) }
      #expect(starts == starts.sorted() && starts.allSatisfy { $0.isMultiple(of: 200_000) })
      #expect(Set(starts).count > 5)
      for row in whole.dropFirst() {
        let cells = series.dropFirst().filter { $0[1] == row[1] }
        func sum(_ column: Int) -> UInt64 { cells.reduce(0) { $0 + (UInt64($1[column]) ?? 0) } }
        func word(_ column: Substring) -> UInt64? {
          whole[0].firstIndex(of: column).flatMap { UInt64(row[$0]) }
        }
        #expect(sum(2) == word("samples") && sum(3) == word("handling_total_ns"))
        #expect(cells.compactMap { UInt64($0[4]) }.max() == word("handling_max_ns"))
        #expect(sum(5) == word("guest_total_ns"))
      }
      let text = try stats("ticker.reel", "--interval", "200us").text
      #expect(text.split(separator: "\n").count == series.count)
      #expect(
        try jsonSchema(stats("ticker.reel", "--interval", "1ms", "--format", "json"))
          == "vmreel.stats-series/1")
    }

    @Test func slowExits() throws {
      let all = csv(try stats("ticker.reel", "--slower-than", "0ns", "--format", "csv"))
      let times = try all.dropFirst().map { try #require(UInt64($0[7])) }
      #expect(times.count == 227, "all but the last, whose handling never ended")
      let threshold: UInt64 = 5000
      let slow = times.count { $0 > threshold }
      #expect(slow > 2)
      let run = try stats("ticker.reel", "--slower-than", "5us", "--top", "2")
      #expect(run.text.hasPrefix("\(slow) exits slower than 5.000 us, "), "\(run.story)")
      #expect(run.text.contains("; the slowest 2:\n"))
      let shown = try rows(run.text, under: "EVENT")
      let slowest = all.dropFirst().sorted { (UInt64($0[7]) ?? 0) > (UInt64($1[7]) ?? 0) }.prefix(2)
      #expect(Set(shown.map(\.[0])) == Set(slowest.map(\.[0])))
      let none = try stats("ticker.reel", "--slower-than", "1s")
      #expect(none.text == "0 exits slower than 1.000 s, 0 ns in all\n")
      #expect(
        try jsonSchema(stats("ticker.reel", "--slower-than", "1us", "--format", "json"))
          == "vmreel.stats-slow/1")
    }

    @Test func markdown() throws {
      let run = try stats("ticker.reel", "--by", "reason", "-F", "sample,time", "--format", "md")
      let lines = run.text.split(separator: "\n", omittingEmptySubsequences: false)
      let heading = try #require(lines.firstIndex { $0.hasPrefix("| VM-EXIT ") })
      #expect(lines[heading] == "| VM-EXIT | Samples | Total time |")
      #expect(lines[heading + 1] == "| --: | --: | --: |")
      #expect(lines[heading + 2].hasPrefix("| out | 121 | "))
      #expect(lines[heading - 1].isEmpty && lines[heading + 5].isEmpty)
    }

    // MARK: Trouble

    /// A reel of nothing but its header and metadata.
    @Test func reelWithoutEvents() throws {
      let directory = try TestDirectory()
      var encoder = BlockEncoder(pageKey: [UInt8](0..<16))
      let end = EndRecord(
        reason: .idle, detail: 0, eventCount: 0, guestMadeExits: 0, keyframeCount: 0,
        durationNanoseconds: 0, virtualTime: 0, digest: 0)
      let original = try Reel(
        MemorySource(Array(try Data(contentsOf: URL(filePath: path("ticker.reel"))))))
      var bytes = FileHeader(pageKey: [UInt8](0..<16)).encoded()
      bytes += encoder.block(.metadata, original.metadataJSON)
      bytes += encoder.end(end)
      try directory.write(bytes, to: "e.reel")
      for arguments in [
        [], ["--by", "port"], ["--interval", "1ms"], ["--slower-than", "1us"], ["--range", "0..5"],
        ["--format", "json"],
      ] {
        expectTrouble(try directory.vmreel(["stats", "e.reel"] + arguments), "e.reel", "no exits")
      }
    }

    @Test func reelWithoutTimes() throws {
      let directory = try TestDirectory()
      try directory.vmreel("strip", path("ticker.reel"), "--times", "-o", "s.reel").expectSuccess()
      for arguments in [
        ["--interval", "1ms"], ["--slower-than", "1us"], ["--time", "0ns,5ms"],
      ] {
        let run = try directory.vmreel(["stats", "s.reel"] + arguments)
        #expect(run.status == 2 && run.output.isEmpty, "\(run.story)")
        let said = try #require(run.errorLines.last)
        #expect(said.contains("\(arguments[0]) needs host times"), "\(run.story)")
      }
      let run = try directory.vmreel("stats", "s.reel")
      #expect(run.status == 0 && run.text.contains("# times: stripped from this reel"))
      #expect(
        try rows(run.text, under: "VM-EXIT").map { $0.prefix(2).joined(separator: " ") } == [
          "out 121", "in 97", "hlt 10",
        ])
    }

    @Test func nothingThere() throws {
      for (arguments, says) in [
        (["--range", "1000.."], "the reel has events 0..337"),
        (["--range", "..0"], "no event lies"),
        (["--time", "10s,"], "no exit lies in --time"),
        (["--exits", "kernel"], "record with --kernel-exits"),
        (["--exits", "all"], "record with --kernel-exits"),
      ] {
        let run = try TestDirectory().vmreel(["stats", path("ticker.reel")] + arguments)
        expectTrouble(run, "ticker.reel: ", says)
        #expect(run.output.isEmpty)
      }
      let trimmed = try TestDirectory().vmreel(
        "stats", path("golden/trimmed.reel"), "--range", "0..5")
      expectTrouble(trimmed, "no event lies in --range")
    }

    @Test func pipeWhoseReaderLeaves() throws {
      let directory = try TestDirectory()
      let reel = path("linux/static-kvm_amd.reel")
      let run = try directory.shell(
        "vmreel stats \(reel) --slower-than 0ns --top 30000 | true; echo ${PIPESTATUS[0]}")
      #expect(run.text == "2\n" && run.errorLines.count <= 2, "\(run.story)")
      for arguments in ["", "--by rip", "--interval 1ms", "--slower-than 1us"] {
        let run = try directory.shell("vmreel stats \(reel) \(arguments) >/dev/full")
        #expect(run.status == 2, "\(run.story)")
        #expect(run.errors.contains("standard output could not be written"), "\(run.story)")
      }
    }
  }
}
