import ReelFixtures
import Testing
import Trace

@testable import Analysis

@Suite struct ExitStatisticsTests {
  @Test func countsAndTimesOfTheSample() throws {
    let statistics = try ExitStatistics(try ReelBuilder.sample(rounds: 50).reel())
    let reasons = Dictionary(
      uniqueKeysWithValues: statistics.reasons.map { ($0.name, $0) })
    #expect(reasons["in"]?.samples == 50)
    #expect(reasons["out"]?.samples == 52)
    #expect(reasons["hlt"]?.samples == 50)
    #expect(reasons["kick"] == nil)
    #expect(statistics.hostMade.map(\.name) == ["kick:quantum"])
    #expect(statistics.hostMade.first?.samples == 5)
    let ports = Dictionary(uniqueKeysWithValues: statistics.ports.map { ($0.name, $0) })
    #expect(ports["0x3f8:POUT"]?.label == "COM1 THR")
    #expect(ports["0x3fd:PIN"]?.samples == 50)
    #expect(ports["0xf4:POUT"]?.handling.samples == 0)
    #expect(ports["0xf4:POUT"]?.inGuest.totalNanoseconds == 16_000)
    #expect(reasons["out"]?.handling.samples == 51)
    #expect(reasons["hlt"]?.handling.totalNanoseconds == 50 * 3_200)
    #expect(reasons["hlt"]?.handling.relativeErrorPercent == 0)
    #expect(statistics.interrupts == [VectorCount(vector: HexWord(0x20), count: 50)])
  }

  @Test func totalsOfTheSample() throws {
    let totals = try ExitStatistics(try ReelBuilder.sample(rounds: 50).reel()).totals
    #expect(totals.guestMadeExits == 152)
    #expect(totals.hostMadeExits == 5)
    #expect(totals.inputs == 100)
    #expect(totals.keyframes == ["base": 1, "seal": 5])
    #expect(totals.sealedSegments == 5)
    #expect(totals.consoleBytes == ["serial": 50, "debug": 3])
    #expect(totals.virtualTimeNanoseconds == 5_000_000)
    #expect(totals.ending?.reason == "debug exit")
    #expect(totals.handlingNanoseconds == 156 * 3_200)
  }

  @Test func handlingRunsFromExitToTheNextEntry() throws {
    var builder = ReelBuilder()
    for _ in 0..<3 { builder.add(.halt) }
    var entries = builder.finished()
    let times: [(UInt64, UInt64)] = [(0, 10), (110, 130), (430, 500)]
    for (index, time) in times.enumerated() {
      entries[index].event.entryTime = time.0 * 16
      entries[index].event.exitTime = time.1 * 16
    }
    let reel = try Reel(MemorySource(builder.bytes(of: entries)))
    let row = try #require(try ExitStatistics(reel).reasons.first)
    #expect(row.handling.samples == 2)
    #expect(row.handling.minimumNanoseconds == 1600)
    #expect(row.handling.maximumNanoseconds == 4800)
    #expect(row.handling.meanNanoseconds == 3200)
    // Deviation 141.42, standard error 100: 50 % of the mean.
    #expect(abs(row.handling.relativeErrorPercent - 50) < 1e-9)
    #expect(row.inGuest.totalNanoseconds == 1600)
    #expect((316...324).contains(row.inGuest.p50Nanoseconds))
  }

  @Test func sortKeysOrderTheRows() throws {
    var builder = ReelBuilder()
    for kind in [EventKind.halt, .portWrite, .portWrite, .msrWrite] { builder.add(kind) }
    var entries = builder.finished()
    let times: [(UInt64, UInt64)] = [(0, 5), (905, 915), (1015, 1016), (1116, 2000)]
    for (index, time) in times.enumerated() {
      entries[index].event.entryTime = time.0 * 16
      entries[index].event.exitTime = time.1 * 16
    }
    let rows = try ExitStatistics(try Reel(MemorySource(builder.bytes(of: entries)))).reasons
    #expect(ExitSortKey.sample.sorted(rows).map(\.name) == ["out", "hlt", "wrmsr"])
    #expect(ExitSortKey.time.sorted(rows).map(\.name) == ["hlt", "out", "wrmsr"])
    #expect(
      ExitSortKey.maximum.sorted(rows, by: \.inGuest).map(\.name) == ["wrmsr", "out", "hlt"])
  }

  @Test func unknownKindsAreCountedByName() throws {
    var builder = ReelBuilder()
    builder.add(EventKind(rawValue: 29), 7, value: 9)
    builder.add(EventKind(rawValue: 45))
    builder.add(EventKind(rawValue: 60))
    builder.add(EventKind(rawValue: 200))
    let statistics = try ExitStatistics(try builder.reel())
    #expect(statistics.reasons.map(\.name) == ["kind-29"])
    #expect(statistics.hostMade.map(\.name) == ["kind-60"])
    #expect(
      statistics.totals.eventsByKind.map(\.name) == ["kind-29", "kind-45", "kind-60", "kind-200"])
  }

  @Test func timesThatRunBackwardsAreLeftOut() throws {
    var builder = ReelBuilder()
    builder.add(.halt)
    builder.add(.halt)
    var entries = builder.finished()
    entries[0].event.entryTime = .max & ~15
    entries[0].event.exitTime = 80
    entries[1].event.entryTime = 16
    entries[1].event.exitTime = .max & ~15
    let reel = try Reel(MemorySource(builder.bytes(of: entries)))
    let statistics = try ExitStatistics(reel)
    #expect(statistics.totals.unusableTimes == 2)
    #expect(statistics.reasons.first?.inGuest.samples == 1)
    #expect(statistics.reasons.first?.handling.samples == 0)
  }

  @Test func placesBeyondTheLimitAreCountedTogether() throws {
    var builder = ReelBuilder()
    for address in 0..<UInt64(ExitStatistics.maximumPlaces + 100) {
      builder.add(.memoryWrite, 0xb8000 + address, width: 1)
    }
    let statistics = try ExitStatistics(try builder.reel())
    let other = try #require(statistics.memory.first { $0.name == "other:W" })
    #expect(other.address == nil)
    #expect(statistics.memory.reduce(0) { $0 + $1.samples } == 4196)
    #expect(other.samples >= 100)
  }

  @Test func selectionByRangeAndSkippedBlocks() throws {
    var builder = ReelBuilder.sample(rounds: 50)
    builder.blockSize = 50
    var selection = ExitStatistics.Selection()
    selection.range = 1..<6
    #expect(try ExitStatistics(try builder.reel(), selection).totals.events == 5)

    var bytes = builder.bytes()
    let second = try builder.reel().eventBlocks[1]
    bytes[Int(second.offset) + 70] ^= 1
    let damaged = try Reel(MemorySource(bytes))
    #expect(throws: TraceError.blockDamaged(offset: second.offset)) {
      try ExitStatistics(damaged)
    }
    selection.range = nil
    selection.skipsDamagedBlocks = true
    let totals = try ExitStatistics(damaged, selection).totals
    #expect(totals.lostEvents == 50)
    #expect(totals.events == UInt64(builder.entries.count) - 50)
  }

  @Test(arguments: [0, 1, 63, 64, 127, 128, 1000, 123_456_789, UInt64.max])
  func histogramErrsByLessThanOnePercent(value: UInt64) {
    var histogram = LogHistogram()
    histogram.add(value)
    let found = histogram.percentile(0.5)
    #expect(abs(Double(found) - Double(value)) <= Double(value) * 0.008)
  }

  @Test func percentilesOfAUniformSpread() {
    var accumulator = DurationAccumulator()
    for value in 1...10_000 as ClosedRange<UInt64> { accumulator.add(value) }
    let summary = accumulator.summary
    for (found, wanted) in [
      (summary.p50Nanoseconds, 5000.0), (summary.p90Nanoseconds, 9000),
      (summary.p99Nanoseconds, 9900), (summary.p999Nanoseconds, 9990),
    ] {
      #expect(abs(Double(found) - wanted) <= wanted * 0.01)
    }
  }
}
