import ReelFixtures
import Testing
import Trace

@testable import Analysis

@Suite struct ReelDifferenceTests {
  private let builder = ReelBuilder.sample(rounds: 50)

  private func reel(_ entries: [Entry]) throws -> Reel {
    try Reel(MemorySource(builder.bytes(of: entries)))
  }

  /// The event index of the n-th event of a kind.
  private func index(_ kind: EventKind, _ number: Int) throws -> Int {
    let all = builder.entries.indices.filter { builder.entries[$0].event.kind == kind }
    return try #require(all.dropFirst(number).first)
  }

  @Test func aReelEqualsItself() throws {
    let difference = try ReelDifference(try builder.reel(), try builder.reel())
    #expect(difference.areEqual)
    #expect(difference.commonEvents == 252)
    #expect(difference.totals.allSatisfy { $0.delta == 0 })
  }

  @Test func timesKicksAndKeyframesDoNotCount() throws {
    var other = builder
    other.slice = 77
    other.entries.removeAll { $0.event.kind.isHostMade || $0.event.kind == .keyframe }
    let difference = try ReelDifference(try builder.reel(), try other.reel())
    #expect(difference.areEqual)
    #expect(difference.totals.first { $0.place == .kick && $0.name == "quantum" }?.delta == -5)
  }

  @Test(arguments: [
    EventField.kind, .vcpu, .width, .count, .address, .value, .timestamp, .device, .image,
    .rip, .check,
  ])
  func aChangedFieldIsFoundAtItsEvent(field: EventField) throws {
    let place = try index(.portWrite, 20)
    var entries = builder.finished()
    switch field {
    case .kind: entries[place].event.kind = .memoryWrite
    case .vcpu: entries[place].event.vcpu = 1
    case .width: entries[place].event.width = 2
    case .count: entries[place].event.count = 2
    case .address: entries[place].event.address ^= 1
    case .value: entries[place].event.value ^= 0x80
    case .timestamp: entries[place].event.timestamp = 9
    case .device: entries[place].event.device = 2
    case .image: entries[place].event.image = 1
    case .rip: entries[place].event.rip += 1
    case .check: entries[place].event.check ^= 0x10
    case .payload: break
    }
    let difference = try ReelDifference(try builder.reel(), try reel(entries))
    let firstDifference = try #require(difference.firstDifference)
    #expect(firstDifference.fields == [field])
    #expect(firstDifference.a?.index == UInt64(place))
    #expect(firstDifference.b?.index == UInt64(place))
    #expect(firstDifference.isHidden == (field == .check))
    #expect(firstDifference.context.count == 3)
    #expect(firstDifference.context.last?.index == UInt64(place - 1))
    #expect(firstDifference.consoleTail.hasPrefix("hello hello hello"))
    var ignoring = ReelDifference.Options()
    ignoring.mask.fields = [field]
    #expect(try ReelDifference(try builder.reel(), try reel(entries), options: ignoring).areEqual)
  }

  @Test func aChangedPayloadIsFound() throws {
    var entries = builder.finished()
    let place = entries.count - 2
    entries[place].payload[1] ^= 1
    let difference = try ReelDifference(try builder.reel(), try reel(entries))
    #expect(difference.firstDifference?.fields == [.payload])
    #expect(difference.firstDifference?.b?.payload == Array("bxe".utf8))
  }

  @Test func anInsertedEventIsFound() throws {
    var other = builder
    let place = try index(.halt, 7)
    var extra = Event(.interrupt)
    extra.address = 0x24
    other.entries.insert(Entry(event: extra), at: place)
    let difference = try ReelDifference(try builder.reel(), try other.reel())
    let firstDifference = try #require(difference.firstDifference)
    #expect(firstDifference.a?.index == UInt64(place))
    #expect(firstDifference.b?.event.address == 0x24)
    #expect(firstDifference.fields.contains(.kind))
    let total = try #require(difference.totals.first { $0.place == .vector && $0.name == "0x24" })
    #expect(total.a == 0 && total.b == 1 && total.percent == nil)
  }

  @Test func aDeletedEventIsFoundWithTheKickBeforeItAsSuspect() throws {
    var other = builder
    let kick = try index(.kick, 1)
    other.entries.remove(at: kick + 2)
    let difference = try ReelDifference(try builder.reel(), try other.reel())
    let firstDifference = try #require(difference.firstDifference)
    #expect(firstDifference.a?.index == UInt64(kick + 2))
    #expect(firstDifference.hostMadeA.map(\.event.kind) == [.kick, .keyframe])
    #expect(firstDifference.hostMadeB.map(\.index) == [UInt64(kick), UInt64(kick + 1)])
  }

  @Test func anInterruptAtAKickIsTheHostsPlacing() throws {
    var other = builder
    let kick = try index(.kick, 1)
    var interrupt = Event(.interrupt)
    interrupt.address = 0x20
    interrupt.value = 0xdead
    other.entries.insert(Entry(event: interrupt), at: kick + 2)
    let firstDifference = try #require(
      try ReelDifference(try builder.reel(), try other.reel()).firstDifference)
    #expect(firstDifference.isHostPlacedInterrupt)
    #expect(firstDifference.b?.event.value == 0xdead)
  }

  /// An insertion, a change and a deletion, each far from the others, are three stretches: the streams
  /// come together again behind each.
  @Test func whatFollowsTheFirstDifferenceIsAligned() throws {
    let (first, second, third) = (
      try index(.portWrite, 10), try index(.portWrite, 25), try index(.portWrite, 40)
    )
    var entries = builder.entries
    entries.remove(at: third)
    entries[second].event.value ^= 1
    var burst = entries[first]
    burst.event.address = 0x80
    entries.insert(contentsOf: [burst, burst, burst], at: first)
    var options = ReelDifference.Options()
    options.hunkLimit = 10
    var changed = builder
    changed.entries = entries
    let difference = try ReelDifference(
      try builder.reel(), try changed.reel(), options: options)
    let hunks = try #require(difference.hunks)
    #expect(hunks.count == 3 && hunks.hunks.count == 3)
    #expect(hunks.hunks.map(\.change) == [.inserted, .changed, .deleted])
    #expect(hunks.hunks[0].a.count == 0 && hunks.hunks[0].b.runs.map(\.count) == [3])
    #expect(
      hunks.hunks[0].b.first == UInt64(first) && hunks.hunks[0].b.runs[0].place?.value == 0x80)
    #expect(
      hunks.hunks[1].a.first == UInt64(second) && hunks.hunks[1].b.first == UInt64(second) + 3)
    #expect(hunks.hunks[2].a.first == UInt64(third) && hunks.hunks[2].b.count == 0)
    #expect((hunks.deletedEvents, hunks.insertedEvents, hunks.changedEvents) == (1, 3, 1))
    #expect(hunks.hunks[1].fields == [.value])
    #expect(difference.kind.name == .inserted && difference.kind.count == 3)
  }

  /// Writes and reads in turns are counted by their places, answers with the reads.
  @Test func longMixedStretchesAreTallied() throws {
    let place = try index(.portWrite, 10)
    var write = builder.entries[place]
    write.event.address = 0x80
    var read = write
    read.event.kind = .portRead
    read.event.address = 0x84
    read.event.value = 0
    var answer = Event(.inputData)
    answer.width = read.event.width
    var other = builder
    let turn = [write, read, Entry(event: answer)]
    other.entries.insert(contentsOf: (0..<40).flatMap { _ in turn } + [write], at: place)
    let hunks = try #require(
      try ReelDifference(try builder.reel(), try other.reel()).hunks?.hunks)
    let side = try #require(hunks.first).b
    #expect(hunks.count == 1 && side.count == 121)
    #expect(side.runs.count == EventHunk.shownRuns)
    #expect(side.tally.map(\.kind) == ["out", "in"])
    #expect(side.tally.map { $0.place?.value } == [0x80, 0x84])
    #expect(side.tally.map(\.count) == [41, 40] && side.tally.map(\.answers) == [0, 40])
  }

  @Test func aPrefixIsADifference() throws {
    var other = builder
    other.entries.removeLast(2)
    other.endReason = .timeLimit
    let difference = try ReelDifference(try builder.reel(), try other.reel())
    let firstDifference = try #require(difference.firstDifference)
    #expect(firstDifference.b == nil)
    #expect(firstDifference.a?.event.address == 0xe9)
    #expect(firstDifference.fields == [])
    #expect(!firstDifference.isHidden)
    #expect(difference.endingB.reason == "time limit")
  }

  @Test func trustedDigestsFindTheSameEvent() throws {
    var one = ReelBuilder.sample(rounds: 600)
    one.blockSize = 100
    var two = one
    two.blockSize = 130
    two.entries.removeAll { $0.event.kind.isHostMade }
    var options = ReelDifference.Options()
    options.trustsDigests = true
    options.countsTotals = false
    #expect(try ReelDifference(try one.reel(), try two.reel(), options: options).areEqual)
    for place in stride(from: 3, to: two.entries.count, by: 211) {
      var changed = two
      changed.entries[place].event.value ^= 1
      let slow = try ReelDifference(try one.reel(), try changed.reel())
      let fast = try ReelDifference(try one.reel(), try changed.reel(), options: options)
      #expect(fast.firstDifference?.a == slow.firstDifference?.a)
      #expect(fast.firstDifference?.b == slow.firstDifference?.b)
      #expect(fast.firstDifference?.fields == slow.firstDifference?.fields)
      if place > 1000 { #expect(fast.usedDigests) }
    }
  }

  @Test func aDamagedReelIsNamed() throws {
    var bytes = builder.bytes()
    let block = try #require(try builder.reel().eventBlocks.first)
    bytes[Int(block.offset) + 64] ^= 1
    let damaged = try Reel(MemorySource(bytes))
    let error = TraceError.blockDamaged(offset: block.offset)
    #expect(throws: ReelDifferenceError(side: .b, error: error)) {
      try ReelDifference(try builder.reel(), damaged)
    }
  }

  @Test func configurationDifferencesAreRanked() {
    let a = Metadata.sample
    var b = a
    b.tool = "vmreel 9"
    b.guest.sha256 = "ff"
    b.cpu.cpuidTable[0][4] = 8
    b.policies.clock = "real"
    b.guest.append = "quiet"
    let found = ConfigurationDifference.between(a, b)
    #expect(
      found.map(\.path) == [
        "guest.sha256", "guest.append", "cpu.cpuidTable[0x1.0].ebx", "policies.clock", "tool",
      ])
    #expect(found[1].a == nil)
    #expect(found[2].a == "0x2" && found[2].b == "0x8")
    #expect(ConfigurationDifference.between(a, a).isEmpty)
  }
}

extension Metadata {
  static let sample = Metadata(
    tool: "vmreel 0.1.0", commandLine: ["vmreel", "record"],
    guest: Guest(
      kind: "built-in", name: "hello", sha256: "00", loadAddress: nil, append: nil, modules: []),
    memoryMiB: 16, board: BoardDescription(name: "isa-v1", realTimeClockEpochSeconds: 0),
    cpu: CPU(model: "vmreel-v1", cpuid: "enforced", cpuidTable: [[1, 0, 0, 1, 2, 3, 4]]),
    host: Host(cpu: "x", kernel: "6", kvmModule: "kvm_amd", ripConventions: [:]),
    policies: Policies(
      placement: "seal", clock: "warp", interruptWindow: "late", tsc: "none",
      quantumNanoseconds: 4_000_000, exitCostNanoseconds: 1000, check: "bits8"))
}
