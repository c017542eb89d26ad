import Analysis
import ReelFixtures
import Testing
import Trace

/// A range cut out of a reel, and what is said of it.
@Suite struct ReelTrimmerTests {
  /// Seals every ten rounds, 71 keyframes: more than one full page map.
  private func builder(rounds: Int = 700) -> ReelBuilder {
    var builder = ReelBuilder.sample(rounds: rounds)
    builder.blockSize = 100
    builder.digestInterval = 16
    return builder
  }

  private func trim(
    _ reel: Reel, _ lower: EventIndex, _ upper: EventIndex? = nil
  ) throws -> (bytes: [UInt8], trimmer: ReelTrimmer) {
    var trimmer = try ReelTrimmer(reel, from: lower, to: upper)
    var bytes: [UInt8] = []
    try trimmer.forEachPart(metadataJSON: Array("{}".utf8)) { bytes += $0 }
    return (bytes, trimmer)
  }

  private func events(_ reel: Reel, _ range: Range<EventIndex>) throws -> [EventRecord] {
    var cursor = EventCursor(reel, from: range.lowerBound)
    var records: [EventRecord] = []
    while let event = try cursor.next(), cursor.index < range.upperBound {
      records.append(
        EventRecord(index: cursor.index, event: event, payload: cursor.payload(of: event)))
    }
    return records
  }

  @Test(arguments: [(0, 1), (0, 700), (333, 334), (612, 3000), (52, 3400), (3512, nil), (0, nil)])
  func holdsTheRangeAndWhatItNeeds(lower: EventIndex, upper: EventIndex?) throws {
    let bytes = builder().bytes()
    let original = try Reel(MemorySource(bytes))
    let (copy, trimmer) = try trim(original, lower, upper)
    let reel = try Reel(MemorySource(copy))
    #expect(ReelVerification(MemorySource(copy)).findings == [])
    #expect(trimmer.range.lowerBound <= lower && trimmer.range.lowerBound + 52 > lower)
    #expect(trimmer.range.upperBound >= min(upper ?? .max, original.eventCount))
    #expect(try events(reel, 0 ..< .max) == events(original, trimmer.range))
    #expect(reel.keyframeNumbers.first == trimmer.firstKeyframe)
    for number in reel.keyframeNumbers {
      let (one, other) = (try original.keyframe(number), try reel.keyframe(number))
      #expect(other.eventIndex == one.eventIndex && other.vcpuStates == one.vcpuStates)
      let (left, right) = (try original.pageMap(at: number), try reel.pageMap(at: number))
      #expect(left.mapValues(\.identity) == right.mapValues(\.identity))
      for (page, content) in right {
        #expect(try reel.page(content) == original.page(try #require(left[page])))
      }
    }
    let end = try #require(reel.end)
    #expect(end.eventCount == UInt64(trimmer.range.count))
    #expect(end.reason == (upper == nil ? .debugExit : .trimmed))
    #expect(try trim(original, lower, upper).bytes == copy && bytes == builder().bytes())
  }

  @Test func storesOnlyPagesThatAKeptKeyframeNames() throws {
    let reel = try Reel(MemorySource(try trim(try builder().reel(), 600, 700).bytes))
    let pages = reel.blocks.filter { $0.header.type == .pages }
    #expect(pages.reduce(0) { $0 + $1.header.eventCount } == UInt32(reel.keyframeNumbers.count))
    #expect(pages.first?.header.firstEvent == 0)
  }

  /// A cut in two steps is the cut in one: nothing depends on what was there before.
  @Test func aTrimmedReelCanBeTrimmed() throws {
    let original = try builder().reel()
    let first = try Reel(MemorySource(try trim(original, 1000, 3000).bytes))
    #expect(try trim(first, 1500, 2000).bytes == trim(original, 1500, 2000).bytes)
    #expect(throws: TrimRefusal.noEvents(held: 988..<3000)) { try ReelTrimmer(first, from: 3000) }
  }

  @Test func endsBehindTheAnswerAndTheSealOfItsLastEvent() throws {
    let reel = try builder().reel()
    let all = try events(reel, 0..<200)
    let read = try #require(all.first { $0.event.kind == .portRead }).index
    #expect(try ReelTrimmer(reel, from: 0, to: read + 1).range == 0..<read + 2)
    let kick = try #require(all.first { $0.event.kind == .kick }).index
    #expect(try ReelTrimmer(reel, from: 0, to: kick + 1).range == 0..<kick + 2)
    #expect(try ReelTrimmer(reel, from: kick + 1, to: kick + 2).range == kick + 1..<kick + 2)
  }

  /// A keyframe does not say that an interrupt window is awaited: a replay from it would miss that.
  @Test func doesNotBeginWhereAWindowIsAwaited() throws {
    var builder = ReelBuilder()
    for (number, kind) in [EventKind.halt, .windowRequest, .halt, .interruptWindow, .interrupt]
      .enumerated()
    {
      builder.add(.keyframe, UInt64(number))
      builder.add(kind)
    }
    builder.blockSize = 2
    let reel = try builder.reel()
    let first = try (0..<10).map { try ReelTrimmer(reel, from: $0).firstKeyframe }
    #expect(first == [0, 0, 1, 1, 1, 1, 1, 1, 4, 4])
  }

  @Test func refusesARangeWithoutEvents() throws {
    let reel = try builder(rounds: 10).reel()
    let count = reel.eventCount
    #expect(throws: TrimRefusal.noEvents(held: 0..<count)) { try ReelTrimmer(reel, from: count) }
    #expect(throws: TrimRefusal.noEvents(held: 0..<count)) {
      try ReelTrimmer(reel, from: 5, to: 5)
    }
    let empty = try ReelBuilder().reel()
    #expect(throws: TrimRefusal.noEvents(held: 0..<0)) { try ReelTrimmer(empty, from: 0) }
    var bare = ReelBuilder()
    bare.add(.halt)
    let refusal = #expect(throws: TrimRefusal.self) { try ReelTrimmer(try bare.reel(), from: 0) }
    #expect(refusal?.description.contains("no keyframe at event 0 or before it") == true)
  }

  @Test func keepsTheKernelExitsAndTotalsOfItsEvents() throws {
    var builder = builder(rounds: 50)
    builder.kernelExits = (UInt64(0)..<250).map { anchor in
      var exit = KernelExitRecord()
      (exit.anchor, exit.isa, exit.rip) = (anchor, 2, 0x1000 + anchor)
      exit.entryTime = anchor * 100
      exit.exitTime = anchor * 100 + 50
      return exit
    }
    let counter = HostTotals.Counter(name: "tracer.recorded", value: 250)
    builder.totals = [
      HostTotals(moment: .start, anchor: nil, time: 0, counters: []),
      HostTotals(moment: .keyframe, anchor: 104, time: 5, counters: []),
      HostTotals(moment: .end, anchor: 256, time: 9, counters: [counter]),
    ]
    let original = try builder.reel()
    let bytes = try trim(original, 110, 160).bytes
    let reel = try Reel(MemorySource(bytes))
    let first = try #require(reel.eventBlocks.first?.header.firstEvent)
    #expect(first == 104 && ReelVerification(MemorySource(bytes)).findings == [])
    let kept = try reel.kernelExitBlocks.flatMap { try reel.kernelExits(of: $0).exits }
    #expect(kept == Array(builder.kernelExits[104..<160]))
    #expect(try reel.hostTotals().map(\.moment) == [.keyframe])
    let toEnd = try trim(original, 110).bytes
    #expect(ReelVerification(MemorySource(toEnd)).findings == [])
    #expect(try Reel(MemorySource(toEnd)).hostTotals().map(\.moment) == [.keyframe, .end])
    let fromStart = try Reel(MemorySource(try trim(original, 0, 50).bytes))
    #expect(try fromStart.hostTotals().map(\.moment) == [.start])
  }

  @Test func aStrippedReelCanBeTrimmed() throws {
    for parts in [StrippedParts.pages, .console, [.console, .times]] {
      var stripper = ReelStripper(try builder().reel(), without: parts)
      var stripped = stripper.header
      while let block = try stripper.nextBlock() { stripped += block }
      let (bytes, trimmer) = try trim(try Reel(MemorySource(stripped)), 1000, 1200)
      #expect(ReelVerification(MemorySource(bytes)).findings == [])
      let reel = try Reel(MemorySource(bytes))
      #expect(!reel.header.hasPages && reel.header.hasConsole == !parts.contains(.console))
      #expect(reel.end?.eventCount == UInt64(trimmer.range.count))
      #expect(try reel.keyframe(trimmer.firstKeyframe).isFullMap)
    }
  }

  @Test func digestsInAReelWithoutConsoleTextAreDamage() throws {
    var bytes = builder(rounds: 2).bytes()
    var header = try Reel(MemorySource(bytes)).header
    header.requiredFeatures = FileHeader.consoleStripped
    bytes.replaceSubrange(..<FileHeader.byteCount, with: header.encoded())
    let findings = ReelVerification(MemorySource(bytes)).findings
    #expect(
      findings.first?.message.hasSuffix("a digest in a reel marked as without console text") == true
    )
  }

  @Test func comparesAsFarAsItGoes() throws {
    let original = try builder().reel()
    let trimmed = try Reel(MemorySource(try trim(original, 1000, 2000).bytes))
    for trusts in [false, true] {
      var options = ReelDifference.Options()
      options.trustsDigests = trusts
      let forth = try ReelDifference(original, trimmed, options: options)
      let back = try ReelDifference(trimmed, original, options: options)
      #expect(forth.areEqual && back.areEqual && forth.commonEvents == back.commonEvents)
      #expect(forth.limits.count == 2 && forth.commonEvents > 0)
      #expect(forth.totals.allSatisfy { $0.delta == 0 } && !forth.totals.isEmpty)
    }
    var other = builder()
    other.entries[1500].event.address ^= 1
    let difference = try ReelDifference(trimmed, try other.reel())
    #expect(difference.firstDifference?.a?.index == 1500)
    #expect(difference.firstDifference?.b?.index == 1500)
    // Cut off before the other begins: nothing in common is no agreement.
    let later = try Reel(MemorySource(try trim(original, 2500, 2600).bytes))
    #expect(try !ReelDifference(trimmed, later).areEqual)
    #expect(try !ReelDifference(later, trimmed).areEqual)
  }

  @Test func aDamagedReelIsRefusedOrCutNeverATrap() throws {
    var small = builder(rounds: 20)
    small.blockSize = 40
    let bytes = small.bytes()
    var refused = 0
    for position in stride(from: 64, to: bytes.count, by: 5) {
      var flipped = bytes
      flipped[position] ^= UInt8(1 << (position % 8))
      do {
        _ = try trim(try Reel(MemorySource(flipped)), 30, 90)
      } catch is TraceError {
        refused += 1
      } catch is TrimRefusal {
        refused += 1
      }
    }
    #expect(refused > 0)
  }
}
