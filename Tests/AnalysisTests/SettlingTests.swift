import Testing
import Trace

@testable import Analysis

/// Where a stretch stands that could stand at several places.
@Suite struct SettlingTests {
  /// A guest that acknowledges interrupts and does nothing else: each `out` is like all others.
  private func acknowledging() -> ReelBuilder {
    var builder = ReelBuilder()
    builder.add(.portWrite, 0x80, value: 1, width: 1)
    for _ in 0..<6 {
      builder.add(.interrupt, 0x20)
      builder.add(.portWrite, 0x20, value: 0x20, width: 1)
    }
    builder.add(.portWrite, 0x80, value: 2, width: 1)
    return builder
  }

  private func hunks(_ a: ReelBuilder, _ b: ReelBuilder) throws -> [EventHunk] {
    try #require(try ReelDifference(try a.reel(), try b.reel()).hunks).hunks
  }

  @Test(arguments: 0..<6) func interruptsInARowOfEqualEventsStayInPlace(missing: Int) throws {
    let builder = acknowledging()
    var other = builder
    other.entries.remove(at: 2 + 2 * missing)
    let found = try #require(try hunks(builder, other).first)
    #expect(try hunks(builder, other).count == 1)
    #expect(found.change == .deleted && found.a.first == UInt64(2 + 2 * missing))
    let back = try hunks(other, builder)
    #expect(back.map(\.change) == [.inserted] && back.first?.b.first == found.a.first)
  }

  @Test func ripsChooseAmongEqualEvents() throws {
    var builder = ReelBuilder()
    for step in 0..<8 {
      builder.add(.portWrite, 0x80, value: 1, width: 1, rip: 0x1000 + 2 * UInt64(step))
    }
    builder.add(.halt, rip: 0x1100)
    var other = builder
    other.entries.remove(at: 3)
    let difference = try ReelDifference(try builder.reel(), try other.reel())
    #expect(difference.kind.name == .deleted && difference.kind.count == 1)
    #expect(difference.firstDifference?.a?.index == 3)
    #expect(difference.hunks?.hunks.map(\.a.first) == [3])
    #expect(difference.hunks?.ripShifts == [])
  }
}
