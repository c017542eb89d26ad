import Testing
import Trace

@testable import Analysis

@Suite struct TotalDifferenceTests {
  /// A table of runner's exits in which each has cost the same.
  private static func totals(
    reasons: [(name: String, count: UInt64, nanoseconds: UInt64)], hasTimes: Bool = true
  ) -> ReelTotals {
    var table = ExitTable()
    table.rows = reasons.map { reason in
      var row = ExitRow()
      row.cells = [reason.name]
      row.samples = reason.count
      var times = DurationAccumulator()
      times.add(reason.nanoseconds, count: reason.count)
      row.handling = times.summary
      return row
    }
    return ReelTotals(
      tables: [table] + Array(repeating: ExitTable(), count: 5), hasTimes: hasTimes)
  }

  /// The impact is the time; HLT's idle hour weighs as one more exit of average cost.
  @Test func theOrderOfImpact() {
    let a = Self.totals(reasons: [
      ("out", 100, 1000), ("in", 100, 1000), ("hlt", 10, 1_000_000_000), ("wrmsr", 50, 10),
    ])
    let b = Self.totals(reasons: [
      ("out", 101, 1000), ("in", 90, 1000), ("hlt", 11, 2_000_000_000), ("wrmsr", 50, 10),
      ("cpuid", 1, 500),
    ])
    let rows = TotalDifference.between(a, b)
    // But for the HLTs, 492 exits of both reels took 392 500 ns: 798 each.
    #expect(rows.map(\.name) == ["in", "out", "hlt", "cpuid", "wrmsr"])
    #expect(rows.map(\.impactNanoseconds) == [10_000, 1000, 798, 500, 0])
    #expect(rows.map(\.delta) == [-10, 1, 1, 1, 0])
    #expect(rows[2].isIdle && rows[2].deltaNanoseconds == 12_000_000_000)
    #expect(rows[3].percent == nil && rows[3].timesA == nil && rows[3].timesB?.samples == 1)
    #expect(rows[0].timesB?.p50Nanoseconds == 1000 && rows[0].timesB?.p99Nanoseconds == 1000)
    #expect(TotalOrder.time.sorted(rows).map(\.name) == ["hlt", "in", "out", "cpuid", "wrmsr"])
    #expect(TotalOrder.name.sorted(rows).map(\.name) == ["cpuid", "hlt", "in", "out", "wrmsr"])
    #expect(TotalOrder.count.sorted(rows).map(\.name) == ["in", "cpuid", "hlt", "out", "wrmsr"])
    // New ones first; 10 % each, then by count.
    #expect(
      TotalOrder.percent.sorted(rows).map(\.name) == ["cpuid", "in", "hlt", "out", "wrmsr"])
  }

  @Test(
    "Without times in both reels, the impact is the count's, HLT's too", arguments: [true, false])
  func withoutTimes(isFirst: Bool) {
    let a = Self.totals(
      reasons: [("out", 100, 1000), ("hlt", 10, 5)], hasTimes: !isFirst)
    let b = Self.totals(
      reasons: [("out", 101, 9000), ("hlt", 13, 5)], hasTimes: isFirst)
    let rows = TotalDifference.between(a, b)
    #expect(rows.map(\.name) == ["hlt", "out"])
    #expect(rows.allSatisfy { $0.deltaNanoseconds == nil && $0.timesA == nil && $0.timesB == nil })
    #expect(rows.allSatisfy { $0.impactNanoseconds == nil })
  }

  @Test func aStrippedReelHasNoTimes() throws {
    let reel = try ReelBuilder.sample().reel()
    #expect(try ReelTotals(reel, metadata: nil).hasTimes)
    var metadata = Metadata.sample
    metadata.history = [
      Metadata.HistoryEntry(
        tool: "vmreel", operation: StrippedParts.times.operation, removed: "times", works: [])
    ]
    #expect(try !ReelTotals(reel, metadata: metadata).hasTimes)
  }

  /// The table of a real scan: all six places, with the times the builder gives every exit.
  @Test func aReelsTables() throws {
    let totals = try ReelTotals(try ReelBuilder.sample(rounds: 50).reel(), metadata: nil)
    let rows = TotalDifference.between(totals, totals)
    let names = rows.map { "\($0.place.rawValue) \($0.name)" }
    #expect(
      Set(names) == [
        "reason in", "reason out", "reason hlt", "port 0x3fd:PIN", "port 0x3f8:POUT",
        "port 0xe9:POUT", "port 0xf4:POUT", "kick quantum", "vector 0x20",
      ])
    let write = try #require(rows.first { $0.name == "0x3f8:POUT" })
    #expect(write.label == "COM1 THR" && write.a == 50)
    #expect(write.timesA?.totalNanoseconds == 50 * 3200 && write.timesA?.meanNanoseconds == 3200)
    #expect(rows.allSatisfy { $0.delta == 0 && $0.deltaNanoseconds == 0 })
    // A range counts only what is in it, and one that holds all is as good as none.
    let reel = try ReelBuilder.sample(rounds: 50).reel()
    #expect(try ReelTotals(reel, metadata: nil, range: 0 ..< .max).rows == totals.rows)
    let part = try ReelTotals(reel, metadata: nil, range: 0..<100).rows
    #expect(part[TotalKey(place: .reason, name: "hlt")]?.samples == 19)
  }

  /// Two groups of six: every count of one row moves, of another one reel's.
  @Test func groups() throws {
    func side(_ outs: [UInt64], _ ins: [UInt64]) -> [ReelTotals] {
      zip(outs, ins).map { Self.totals(reasons: [("out", $0, 1000), ("in", $1, 1000)]) }
    }
    let a = side([10, 10, 10, 10, 10, 10], [5, 5, 5, 5, 5, 5])
    let b = side([12, 12, 12, 12, 12, 13], [5, 5, 5, 5, 5, 900])
    let difference = GroupDifference(a, b)
    #expect(difference.verdict == .changed && difference.countTests == 2)
    #expect(difference.timeTests == 0, "the mean times are all equal")
    #expect(difference.rows.map(\.name) == ["out", "in"], "the significant row is first")
    let counts = try #require(difference.rows[0].counts)
    #expect(counts.medianA == 10 && counts.medianB == 12 && counts.percent == 20)
    #expect(abs((counts.test?.p ?? 1) - 2.0 / 924) < 1e-15)
    #expect(abs((counts.correctedP ?? 1) - 4.0 / 924) < 1e-15 && counts.isSignificant)
    #expect(difference.rows[1].counts?.isSignificant == false)
    #expect(difference.rows[1].counts?.test?.p == 1)
  }

  /// What can be told of 3 against 3: nothing, and it says how many it takes.
  @Test func tooFewReels() {
    func side(_ count: UInt64) -> [ReelTotals] {
      (0..<3).map { _ in Self.totals(reasons: [("out", count, 1000), ("in", 2 * count, 1000)]) }
    }
    let difference = GroupDifference(side(10), side(20))
    #expect(difference.verdict == .tooFewReels && abs(difference.smallestP - 0.1) < 1e-15)
    #expect(difference.countTests == 1, "both rows rank alike")
    #expect(difference.sufficientReels == 4)
    #expect(GroupDifference(side(10), side(20), alpha: 0.1).verdict == .changed)
    #expect(GroupDifference(side(10), side(10)).verdict == .same, "nothing to test")
  }

  @Test("Times can be left out, and HLT's are never tested")
  func timesOfGroups() throws {
    func side(_ nanoseconds: UInt64) -> [ReelTotals] {
      (0..<6).map { index in
        Self.totals(reasons: [
          ("out", 10, nanoseconds + index), ("hlt", 10, 1000 * nanoseconds + index),
        ])
      }
    }
    let difference = GroupDifference(side(1000), side(2000))
    #expect(difference.timeTests == 1 && difference.countTests == 0)
    #expect(difference.verdict == .changed)
    let idle = try #require(difference.rows.first { $0.isIdle })
    #expect(idle.meanNanoseconds?.test == nil && idle.impactNanoseconds == 0)
    let counts = GroupDifference(side(1000), side(2000), comparesTimes: false)
    #expect(counts.verdict == .same && counts.rows.allSatisfy { $0.meanNanoseconds == nil })
    #expect(counts.limits == [])
  }
}
