import ReelFixtures
import Testing
import Trace

@testable import Analysis

@Suite struct ExitStatisticsTests {
  @Test func countsAndTimesOfTheSample() throws {
    let reel = try ReelBuilder.sample(rounds: 50).reel()
    let statistics = try ExitStatistics(reel)
    let reasons = statistics.table.byName
    #expect(statistics.table.counts == ["in": 50, "out": 52, "hlt": 50])
    #expect(statistics.hostMade.counts == ["quantum": 5])
    let ports = try ExitStatistics(reel, .init(by: [.port])).table.byName
    #expect(ports["0x3f8:POUT"]?.label == "COM1 THR")
    #expect(ports["0x3fd:PIN"]?.samples == 50)
    #expect(ports["0xf4:POUT"]?.handling.samples == 0)
    #expect(ports["0xf4:POUT"]?.inGuest.totalNanoseconds == 16_000)
    #expect(reasons["out"]?.handling.samples == 51)
    #expect(reasons["hlt"]?.handling.totalNanoseconds == 50 * 3_200)
    #expect(reasons["hlt"]?.handling.relativeErrorPercent == 0)
    #expect(statistics.interrupts.counts == ["0x20": 50])
    #expect(statistics.halts.counts == ["vector 0x20": 50])
  }

  @Test func bytesMovedByPort() throws {
    let reel = try ReelBuilder.sample(rounds: 50).reel()
    let ports = try ExitStatistics(reel, .init(by: [.port])).table.byName
    #expect(ports["0x3fd:PIN"]?.byteCount == 50)
    // Three elements of one byte in one string access.
    #expect(ports["0xe9:POUT"]?.byteCount == 3 && ports["0xe9:POUT"]?.samples == 1)
    #expect(ports["0xf4:POUT"]?.byteCount == 1)
    for query in [ExitStatistics.Query(), .init(by: [.reason]), .init(by: [.reason, .vcpu])] {
      let table = try ExitStatistics(reel, query).table
      #expect(table.rows.first { $0.name.hasPrefix("out") }?.byteCount == 50 + 3 + 1)
    }
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
    let row = try #require(try ExitStatistics(reel).table.rows.first)
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
    let rows = try ExitStatistics(try Reel(MemorySource(builder.bytes(of: entries)))).table.rows
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
    #expect(statistics.table.counts == ["kind-29": 1])
    #expect(statistics.hostMade.counts == ["kind-60": 1])
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
    #expect(statistics.table.rows.first?.inGuest.samples == 1)
    #expect(statistics.table.rows.first?.handling.samples == 0)
  }

  @Test func placesBeyondTheLimitAreCountedTogether() throws {
    var builder = ReelBuilder()
    for address in 0..<UInt64(ExitRowIndex.maximumRows + 100) {
      builder.add(.memoryWrite, 0xb8000 + address, width: 1)
    }
    // One that has a row keeps it, and one that has none does not get one later.
    builder.add(.memoryWrite, 0xb8000, width: 1)
    builder.add(.memoryWrite, 0xb8000 + UInt64(ExitRowIndex.maximumRows) + 99, width: 1)
    let table = try ExitStatistics(try builder.reel(), .init(by: [.gpa, .vcpu])).table
    let other = try #require(table.rows.first { $0.cells == ["other", "other"] })
    #expect(other.label == nil && other.samples == 101)
    #expect(table.foldedSamples == 101)
    #expect(table.rows.count == ExitRowIndex.maximumRows + 1)
    #expect(table.samples == UInt64(builder.entries.count))
    #expect(table.rows.reduce(0) { $0 + $1.samples } == table.samples)
    #expect(table.byName["0xb8000:W 0"]?.samples == 2)
  }

  @Test func selectionByRangeAndSkippedBlocks() throws {
    var builder = ReelBuilder.sample(rounds: 50)
    builder.blockSize = 50
    var query = ExitStatistics.Query()
    query.selection.range = 1..<6
    #expect(try ExitStatistics(try builder.reel(), query).totals.events == 5)

    var bytes = builder.bytes()
    let second = try builder.reel().eventBlocks[1]
    bytes[Int(second.offset) + 70] ^= 1
    let damaged = try Reel(MemorySource(bytes))
    #expect(throws: TraceError.blockDamaged(offset: second.offset)) {
      try ExitStatistics(damaged)
    }
    query.selection.range = nil
    query.selection.skipsDamagedBlocks = true
    let totals = try ExitStatistics(damaged, query).totals
    #expect(totals.lostEvents == 50)
    #expect(totals.events == UInt64(builder.entries.count) - 50)
  }

  /// An exit at the end of a range has its handling time wherever the blocks end.
  @Test(arguments: [5, 6, 7, 1000]) func aRangeDoesNotDependOnBlocks(blockSize: Int) throws {
    var builder = ReelBuilder.sample(rounds: 50)
    builder.blockSize = blockSize
    var query = ExitStatistics.Query(by: [.reason, .rip])
    query.selection.range = 11..<35
    let table = try ExitStatistics(try builder.reel(), query).table
    builder.blockSize = 1000
    #expect(try table == ExitStatistics(try builder.reel(), query).table)
    #expect(table.rows.allSatisfy { $0.handling.samples == $0.samples })
  }
}
