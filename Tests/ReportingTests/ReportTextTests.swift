import Analysis
import ReelFixtures
import Reporting
import Testing
import Trace

@Suite struct ReportTextTests {
  /// A reel of one round of console output; `value` and `check` of the second write are given.
  private func reel(value: UInt64 = 0x42, check: UInt8 = 7, count: Int = 3) throws -> Reel {
    var encoder = BlockEncoder(pageKey: [UInt8](repeating: 1, count: 16))
    var bytes = FileHeader(pageKey: [UInt8](repeating: 1, count: 16)).encoded()
    bytes += encoder.block(.metadata, Array("{}".utf8))
    var events: [Event] = []
    for index in 0..<count {
      var event = Event(.portWrite)
      event.address = 0x3f8
      event.width = 1
      event.stream = 1
      event.value = index == 1 ? value : 0x41
      event.check = index == 1 ? check : 7
      event.rip = 0x1000
      event.entryTime = UInt64(index) * 3008
      event.exitTime = event.entryTime + 1008
      events.append(event)
    }
    bytes += unsafe events.withUnsafeBufferPointer { events in
      unsafe encoder.block(
        events, payload: UnsafeRawBufferPointer(start: nil, count: 0), firstEvent: 0,
        firstTime: 0)
    }
    let end = EndRecord(
      reason: .debugExit, detail: 0, eventCount: UInt64(count), guestMadeExits: UInt64(count),
      keyframeCount: 0, durationNanoseconds: 9000, virtualTime: 3000, digest: 0)
    return try Reel(MemorySource(bytes + encoder.block(.end, end.encoded())))
  }

  private func ports(_ reel: Reel) throws -> ExitStatistics {
    var query = ExitStatistics.Query()
    query.event = .ioport
    return try ExitStatistics(reel, query)
  }

  @Test func statisticsTable() throws {
    let statistics = try ports(try reel())
    let lines = StatisticsText().render(statistics).split(separator: "\n").map(String.init)
    #expect(lines[0] == "# " + ExitStatistics.Population.runner.scope)
    #expect(
      lines[2...3] == [
        "      PORT  Samples  Samples%    Time%  Min Time  Max Time  Avg time (+- rsd%)"
          + "     p50     p90     p99   p99.9  Total time  Bytes  Name",
        "0x3f8:POUT        3   100.00%  100.00%    2.00us    2.00us   2.00us (+- 0.00%)"
          + "  2.00us  2.00us  2.00us  2.00us    4.000 us      3  COM1 THR",
      ])
    let csv = StatisticsCSV.render(statistics.table)
    let rows = csv.split(separator: "\n")
    #expect(rows.count == 2)
    #expect(
      rows[1].hasPrefix("ioport,0x3f8:POUT,COM1 THR,3,100.0000,100.0000,3,2,4000,2000,2000"))
    #expect(
      rows[0].split(separator: ",").count
        == rows[1].split(separator: ",", omittingEmptySubsequences: false).count)
  }

  @Test func limitOfRows() throws {
    let table = try ports(try reel()).table
    #expect(StatisticsCSV.render(table, limit: 0).split(separator: "\n").count == 1)
    #expect(StatisticsCSV.render(table, limit: 1).split(separator: "\n").count == 2)
  }

  @Test func differenceMarksTheField() throws {
    let text = DifferenceText(nameA: "one", nameB: "two\u{1b}")
    let difference = try ReelDifference(try reel(), try reel(value: 0x43))
    let rendered = text.render(difference)
    #expect(rendered.contains("First difference (1 common events before it):"))
    #expect(rendered.contains(" *  value    0x42    0x43"))
    #expect(rendered.contains("    address  0x3f8   0x3f8"))
    #expect(!rendered.contains("\u{1b}"))
    #expect(!rendered.contains("only the digest differs"))
  }

  @Test func differenceOfRegistersOnly() throws {
    let difference = try ReelDifference(try reel(), try reel(check: 8))
    let rendered = DifferenceText().render(difference)
    #expect(rendered.contains("only the digest differs"))
    #expect(rendered.contains(" *  check    0x07    0x08"))
  }

  @Test func differenceOfLength() throws {
    let rendered = DifferenceText().render(
      try ReelDifference(try reel(), try reel(count: 2)))
    #expect(rendered.contains("B ends here; its stream is a prefix of A's."))
    #expect(rendered.contains("B ended: debug exit (0)"))
    #expect(rendered.contains("0x3f8:POUT COM1 THR  3  2     -1  -33.33"))
    let equal = DifferenceText().render(try ReelDifference(try reel(), try reel()))
    #expect(equal.contains("The deterministic streams are equal: 3 events."))
  }

  @Test func summaryAndVerification() throws {
    let summary = SummaryText.render(ReelSummary(try reel(), metadata: nil))
    #expect(summary.contains("may hold secrets"))
    #expect(summary.contains("debug exit (0)"))
    let sound = VerificationText.render(ReelVerification(MemorySource([])))
    #expect(sound.contains("damage: offset 0 (file header)"))
    #expect(sound.contains("NOT sound"))
  }
}
