import Analysis
import ReelFixtures
import Reporting
import Testing
import Trace

/// The report of reels made by hand: numbers, escapes, equal bytes.
@Suite struct HTMLReportTests {
  /// What a guest could write to break out of a page.
  static let hostile = "</script><img src=x onerror=\"alert('1')\">&amp;\u{1b}[31m\u{202e}"

  /// A reel of console writes, a byte each, 1 µs of handling apart from every tenth, which takes
  /// 1 ms.
  static func reel(_ text: String, isConsole: Bool = true) throws -> Reel {
    var encoder = BlockEncoder(pageKey: [UInt8](repeating: 1, count: 16))
    var bytes = FileHeader(pageKey: [UInt8](repeating: 1, count: 16)).encoded()
    bytes += encoder.block(.metadata, Array("{}".utf8))
    var events: [Event] = []
    var time: UInt64 = 0
    for (index, byte) in text.utf8.enumerated() {
      var event = Event(.portWrite)
      event.address = 0x3f8
      event.width = 1
      event.stream = isConsole ? 1 : 0
      event.value = UInt64(byte)
      event.rip = index % 2 == 0 ? 0x1000 : 0x2000
      event.entryTime = time
      event.exitTime = time + 500
      time += 500 + (index % 10 == 9 ? 1_000_000 : 1000)
      events.append(event)
    }
    bytes += unsafe events.withUnsafeBufferPointer { events in
      // Safe: the events have no payload.
      unsafe encoder.block(
        events, payload: UnsafeRawBufferPointer(start: nil, count: 0), firstEvent: 0,
        firstTime: 0)
    }
    let end = EndRecord(
      reason: .debugExit, detail: 0, eventCount: UInt64(events.count),
      guestMadeExits: UInt64(events.count), keyframeCount: 0, durationNanoseconds: time,
      virtualTime: 3000, digest: 0)
    return try Reel(MemorySource(bytes + encoder.block(.end, end.encoded())))
  }

  static func metadata(named name: String) -> Metadata {
    Metadata(
      tool: name, commandLine: ["vmreel", name],
      guest: .init(
        kind: "flat", name: name, sha256: name, loadAddress: nil, append: name, modules: []),
      memoryMiB: 1, board: .init(name: name, realTimeClockEpochSeconds: 0),
      cpu: .init(model: name, cpuid: name, cpuidTable: []),
      host: .init(cpu: name, kernel: name, kvmModule: name, ripConventions: [name: name]),
      policies: .init(
        placement: name, clock: name, interruptWindow: name, tsc: name, quantumNanoseconds: 1,
        exitCostNanoseconds: 1, check: name))
  }

  @Test func textOfAReelIsNeverMarkup() throws {
    let reel = try Self.reel(Self.hostile + "\nsecond line\n")
    let data = try ReportData(reel, metadata: Self.metadata(named: Self.hostile))
    for html in [
      HTMLReport(data).render(), HTMLReport(data, title: Self.hostile).render(),
    ] {
      #expect(!html.contains("<img"))
      #expect(html.contains("&lt;/script&gt;&lt;img src=x onerror=&quot;alert(&#39;1&#39;)"))
      #expect(html.contains("&amp;amp;"))
      // One script, one style: those of the program.
      #expect(html.ranges(of: "<script").count == 1 && html.ranges(of: "</script").count == 1)
      #expect(html.ranges(of: "<style").count == 1)
      #expect(!html.unicodeScalars.contains { $0 == "\u{1b}" || $0 == "\u{202e}" })
      #expect(html.contains("\\u{1b}[31m\\u{202e}"))
    }
  }

  @Test func equalReelsMakeEqualBytes() throws {
    let text = String(repeating: "a line of some length\n", count: 200)
    let reports = try (0..<2).map { _ in
      HTMLReport(try ReportData(try Self.reel(text))).render()
    }
    #expect(reports[0] == reports[1])
  }

  @Test func timelineHoldsEveryExitOnce() throws {
    let text = String(repeating: "0123456\n", count: 500)
    let data = try ReportData(try Self.reel(text))
    let timeline = data.runner.timeline
    #expect(timeline.isByTime && timeline.origin == 0)
    #expect((120...240).contains(timeline.intervalCount))
    #expect(timeline.series.map(\.name) == ["out"])
    #expect(timeline.series[0].total == 4000 && timeline.series[0].counts.reduce(0, +) == 4000)
    #expect(timeline.series[0].counts.count == timeline.intervalCount)
    // The last exit has no handling time.
    let latencies = timeline.latencies.map { ($0.fromNanoseconds, $0.counts.reduce(0, +)) }
    #expect(latencies.first?.0 == 512 && latencies.first?.1 == 3600)
    #expect(latencies.last?.0 == 524_288 && latencies.last?.1 == 399)
    let lane = try #require(timeline.lanes.first)
    #expect(timeline.lanes.count == 1 && lane.mark == .consoleLines && lane.total == 500)
    // Every exit lies where its time says: independent of how often intervals were doubled.
    var expected = [UInt64](repeating: 0, count: timeline.intervalCount)
    var time: UInt64 = 0
    for index in 0..<4000 {
      expected[Int((time + 500) / timeline.width)] += 1
      time += 500 + (index % 10 == 9 ? 1_000_000 : 1000)
    }
    #expect(timeline.series[0].counts == expected)
  }

  @Test func timelineGoesByEventsWithoutTimes() throws {
    var metadata = Self.metadata(named: "guest")
    metadata.history = [
      .init(tool: "vmreel", operation: "strip --times", removed: "host times", works: [])
    ]
    let reel = try Self.reel(String(repeating: "x", count: 1000))
    // The test is worth something only if the metadata says so to everybody.
    try #require(metadata.strippedParts.contains(.times))
    let data = try ReportData(reel, metadata: metadata)
    let timeline = data.runner.timeline
    #expect(!timeline.isByTime && timeline.width == 8 && timeline.intervalCount == 125)
    #expect(timeline.latencies.isEmpty && data.runner.slowest.isEmpty)
    let html = HTMLReport(data).render()
    #expect(html.contains("Host times were stripped") && html.contains("event 992"))
    #expect(!html.contains("p99") && !html.contains("id=\"latency\""))
  }

  @Test func placesNameTheCodeThatUsesThem() throws {
    let data = try ReportData(try Self.reel("abc"))
    let ports = try #require(data.runner.places.first { $0.dimension == .port })
    let place = try #require(ports.places.first)
    #expect(ports.places.count == 1 && place.row.name == "0x3f8:POUT")
    #expect(place.users.map(\.name) == ["0x1000", "0x2000"])
    #expect(place.users.map(\.samples) == [2, 1])
    #expect(place.counts.reduce(0, +) == 3 && place.omittedUsers == 0)
  }

  @Test func slowestExitsAreTheSlowest() throws {
    let data = try ReportData(try Self.reel(String(repeating: "y", count: 1000)))
    #expect(data.runner.slowest.count == 50)
    #expect(data.runner.slowest.allSatisfy { $0.index % 10 == 9 })
  }

  @Test func longConsoleIsCutInTheMiddle() throws {
    let lines = (0..<9000).map { "line \($0)" }
    let data = try ReportData(try Self.reel(lines.joined(separator: "\n") + "\n"))
    let console = data.console
    #expect(console.lines.first?.text == "line 0" && console.lines.last?.text == "line 8999")
    #expect(console.lines[1].event == 7)
    #expect(console.lines.count <= 6000 && console.headCount == 3000)
    #expect(UInt64(console.lines.count) + console.omittedLines == 9000)
    let html = HTMLReport(data).render()
    #expect(html.contains("lines are left out here"))
    #expect(html.utf8.count < 2_000_000)
  }

  @Test func endlessLineIsBroken() throws {
    let data = try ReportData(try Self.reel(String(repeating: "z", count: 5000)))
    #expect(data.console.lines.map(\.text.count) == [2000, 2000, 1000])
  }

  @Test func emptyReelHasAReport() throws {
    let html = HTMLReport(try ReportData(try Self.reel(""))).render()
    #expect(html.contains("The guest made no exits."))
    #expect(!html.contains("id=\"timeline\""))
  }

  @Test func numbersOfTheTablesAreThoseOfStats() throws {
    let reel = try Self.reel(String(repeating: "0123456\n", count: 50))
    let data = try ReportData(reel)
    #expect(data.statistics == (try ExitStatistics(reel)))
    let html = HTMLReport(data).render()
    #expect(html.contains("<td data-v=\"400\">400</td>"))
  }
}
