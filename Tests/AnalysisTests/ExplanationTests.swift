import ReelFixtures
import Testing
import Trace

@testable import Analysis

/// Causes that the logs alone decide, and the comparison of keyframes.
@Suite struct ExplanationTests {
  private let builder = ReelBuilder.sample(rounds: 50)

  private func reel(_ entries: [Entry]) throws -> Reel {
    try Reel(MemorySource(builder.bytes(of: entries)))
  }

  private func index(_ kind: EventKind, _ number: Int) throws -> Int {
    let all = builder.entries.indices.filter { builder.entries[$0].event.kind == kind }
    return try #require(all.dropFirst(number).first)
  }

  private func explain(_ entries: [Entry]) throws -> Explanation? {
    let (a, b) = (try builder.reel(), try reel(entries))
    let first = try #require(try ReelDifference(a, b).firstDifference)
    return try Explanation.ofEvents(first, a, b, devices: DeviceNames(board: "isa-v1"))
  }

  @Test func anotherAnswerIsADevicesValue() throws {
    var entries = builder.finished()
    let index = try index(.inputData, 20)
    entries[index].event.value ^= 1
    let found = try #require(try explain(entries))
    #expect(found.cause == .deviceValue && found.certainty == .certain)
    #expect(found.summary.contains("port 0x3fd (COM1 LSR) of device COM1"), "\(found.summary)")
    #expect(found.evidence.first?.contains("event \(index) of A") ?? false)
  }

  @Test func interruptElsewhereIsAPosition() throws {
    var entries = builder.finished()
    let index = try index(.interrupt, 1)
    let interrupt = entries.remove(at: index)
    let exits = entries[index...].prefix(3).count { $0.event.kind.isGuestMade }
    entries.insert(interrupt, at: index + 3)
    let found = try #require(try explain(entries))
    #expect(found.cause == .interruptPosition && found.certainty == .certain)
    #expect(found.summary.contains("came earlier in A, at event \(index)"), "\(found.summary)")
    #expect(
      found.summary.contains("\(exits) guest-made exits later, at event \(index + 3)"),
      "\(found.summary)")
  }

  @Test func anotherVectorIsNamed() throws {
    var entries = builder.finished()
    entries[try index(.interrupt, 1)].event.address = 0x77
    let found = try #require(try explain(entries))
    #expect(found.cause == .interruptVector && found.summary.contains("0x77 in B"))
  }

  @Test func theGuestsOwnExitIsNotDecidedByTheLog() throws {
    var entries = builder.finished()
    entries[try index(.portWrite, 10)].event.value ^= 1
    #expect(try explain(entries) == nil)
  }

  @Test func anEndedStreamIsNoGuestsDoing() throws {
    let found = try #require(try explain(Array(builder.finished().dropLast(20))))
    #expect(found.cause == .end && found.summary.contains("B ends after"))
  }

  @Test func pagesOfKeyframePairsAreCompared() throws {
    var other = builder
    let a = try builder.reel()
    let moments = CommonMoments(a, a, mask: DifferenceMask(), before: nil)
    let pairs = try moments.keyframePairs()
    #expect(pairs.map(\.a) == [0] && pairs.map(\.b) == [0])
    var same = PageMapComparison(a, try other.reel())
    #expect(try same.compare(at: pairs[0]).isEmpty)
    other.pageFill = 9
    var different = PageMapComparison(a, try other.reel())
    let pages = try different.compare(at: pairs[0])
    #expect(!pages.isEmpty)
    let content = try different.content(of: pages[0])
    #expect(content.a != content.b)
  }

  @Test func momentsLeaveReadsWithoutAnswersOut() throws {
    let a = try builder.reel()
    let moments = try CommonMoments(a, a, mask: DifferenceMask(), before: nil)
      .moments(after: nil, upTo: 40)
    #expect(moments.allSatisfy { $0.a == $0.b && $0.a <= 40 })
    #expect(moments.allSatisfy { !builder.entries[Int($0.a)].event.kind.expectsInput })
    #expect(moments.contains { builder.entries[Int($0.a)].event.kind == .inputData })
  }

  @Test func linesOfPagesAreCountedAndLimited() throws {
    let zero = [UInt8](repeating: 0, count: 4096)
    var other = zero
    (other[5], other[6], other[100], other[4095]) = (1, 2, 3, 4)
    let found = MemoryDifference(
      at: CommonMoment(a: 1, b: 2), source: .replay, registers: [], pages: [2, 7], comparedPages: 9,
      limit: 4,
      place: { MemoryDifference.Place(virtualAddress: $0 + 0x8000_0000, symbol: nil) }
    ) { _ in (zero, other) }
    #expect(found.differingPages == 2 && found.pages.map(\.differingBytes) == [4, 4])
    #expect(found.pages.map(\.lines.count) == [3, 1])
    #expect(found.pages[0].lines.map(\.address.value) == [0x2000, 0x2060, 0x2ff0])
    #expect(found.pages[0].lines[0].virtualAddress?.value == 0x8000_2000)
    #expect(found.pages[0].lines[0].b == "00000000000102000000000000000000".prefix(32))
    #expect(!found.isEmpty)
  }
}
