import ReelFixtures
import Testing
import Trace

@testable import Analysis

@Suite struct DifferenceMaskTests {
  private let builder = ReelBuilder.sample(rounds: 50)

  private func index(_ kind: EventKind, _ number: Int) throws -> Int {
    let all = builder.entries.indices.filter { builder.entries[$0].event.kind == kind }
    return try #require(all.dropFirst(number).first)
  }

  private func difference(
    _ entries: [Entry], ignoring text: String = ""
  ) throws -> ReelDifference {
    var other = builder
    other.entries = entries
    var options = ReelDifference.Options()
    if !text.isEmpty { try options.mask.add(parsing: text) }
    return try ReelDifference(try builder.reel(), try other.reel(), options: options)
  }

  /// Each rule hides the very place that it names: the same change is found under its neighbour.
  @Test(arguments: [
    ("value@0x3fd", "value@0x3f8"), ("value@port:0x3f0-0x3ff", "value@port:0x3f0-0x3fc"),
    ("value", "width"), ("port@0x3fd", "port@0x3fc"),
  ])
  func anAnswerBelongsToWhatWasRead(hiding: String, other: String) throws {
    var entries = builder.entries
    entries[try index(.inputData, 20)].event.value ^= 1
    #expect(try difference(entries, ignoring: hiding).areEqual)
    let found = try difference(entries, ignoring: other)
    #expect(found.firstDifference?.fields == [.value])
    #expect(found.firstDifference?.a?.event.kind == .inputData)
  }

  @Test func eventsAtAPlaceAreLeftOutOfBothStreams() throws {
    var entries = builder.entries
    entries.remove(at: try index(.interrupt, 30))
    #expect(try difference(entries, ignoring: "vector@0x20").areEqual)
    #expect(try !difference(entries, ignoring: "vector@0x21").areEqual)
    let all = try difference(entries, ignoring: "vector@0x20").commonEvents
    #expect(
      all
        == UInt64(
          builder.entries.filter { $0.event.kind.isGuestMade || $0.event.kind.isInput }.count - 50))
  }

  /// What is hidden would come back by the digests that cover it.
  @Test func digestsAreLeftOutWithWhatTheyCover() throws {
    var entries = builder.finished()
    let place = try index(.inputData, 20)
    entries[place].event.value ^= 1
    for later in place..<entries.count where entries[later].event.kind.isGuestMade {
      entries[later].event.check ^= 0x55
    }
    let hidden = try difference(entries, ignoring: "value@0x3fd")
    #expect(hidden.areEqual && hidden.mask.fields == [.check])
    #expect(hidden.mask.reasons.count == 1)
    #expect(try !difference(entries, ignoring: "rip").areEqual)
  }

  @Test func differentGuestsAndHostsGiveReasons() {
    let a = Metadata.sample
    var b = a
    var mask = DifferenceMask()
    mask.addStandard(for: a, b)
    #expect(mask.isEmpty)
    b.guest.sha256 = "ff"
    mask.addStandard(for: a, b)
    #expect(mask.fields == [.rip, .check] && mask.reasons.count == 2)
    var compared = DifferenceMask()
    compared.addStandard(for: a, b, comparing: [.rip])
    #expect(compared.fields == [.check])
    b = a
    b.host.kvmModule = "kvm_intel"
    b.policies.tsc = "patch"
    var hosts = DifferenceMask()
    hosts.addStandard(for: a, b)
    #expect(hosts.fields == [.check, .timestamp])
    #expect(hosts.rules.map(\.description) == ["port@0xe4"])
  }

  @Test(arguments: [
    "", "rip,", "nothing", "value@", "value@x", "value@0x10-0x8", "value@gpa:0x10", "port@", "msr",
    "port@1-2-3", "value@0x11111111111111111", "@0x10", "rip@@1",
    "port@0x10000", "port@0x40-0x10000", "msr@0x100000000", "vector@256", "value@0x10000",
  ])
  func whatIsNoMaskIsRefused(text: String) {
    var mask = DifferenceMask()
    #expect(throws: DifferenceMaskError.self) { try mask.add(parsing: text) }
  }

  @Test func spellings() throws {
    var mask = DifferenceMask()
    try mask.add(parsing: "rip,registers,time,msr@16,value@mmio:0xfee00390-0xfee00393")
    #expect(mask.fields == [.rip, .check])
    #expect(
      mask.rules.map(\.description) == ["msr@0x10", "value@mmio:0xfee00390-0xfee00393"])
  }
}
