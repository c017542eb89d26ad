import ReelFixtures
import Testing
import Trace

@testable import Analysis

/// What can be made of reels that were cut or damaged: always a sound reel, or a refusal.
@Suite struct ReelRecoveryTests {
  private static let builder: ReelBuilder = {
    var builder = ReelBuilder.sample(rounds: 100)
    builder.blockSize = 40
    // A block may end with an event that has the times of the exit before it.
    builder.handling = 0
    return builder
  }()

  /// The events of the whole reel as they are read.
  private func wholeEvents() throws -> [Event] {
    var cursor = EventCursor(try Self.builder.reel())
    var events: [Event] = []
    while let event = try cursor.next() { events.append(event) }
    return events
  }

  /// A reel whose end record is cut.
  private func cut(_ builder: ReelBuilder) throws -> MemorySource {
    let end = try #require(try builder.reel().blocks.last { $0.header.type == .end })
    return MemorySource(Array(builder.bytes().prefix(Int(end.offset) + 70)))
  }

  private func recovered(_ recovery: ReelRecovery) throws -> Reel {
    var bytes: [UInt8] = []
    try recovery.forEachPart(metadataJSON: Array(#"{"history":[]}"#.utf8)) { bytes += $0 }
    return try Reel(MemorySource(bytes))
  }

  /// Expects a sound reel that holds a prefix of what the whole one holds.
  private func expectGood(
    _ recovery: ReelRecovery, of whole: [Event], location: SourceLocation = #_sourceLocation
  ) throws {
    let reel = try recovered(recovery)
    var bytes: [UInt8] = []
    try recovery.forEachPart(metadataJSON: Array("{}".utf8)) { bytes += $0 }
    let findings = ReelVerification(MemorySource(bytes)).findings
    #expect(findings.isEmpty, "\(findings)", sourceLocation: location)
    #expect(reel.tail == .whole && reel.end == recovery.end, sourceLocation: location)
    var cursor = EventCursor(reel)
    var count = 0
    while let event = try cursor.next() {
      var expected = whole[count]
      expected.payloadOffset = event.payloadOffset
      if event != expected { break }
      count += 1
    }
    #expect(UInt64(count) == recovery.end.eventCount, sourceLocation: location)
    let last = try #require(whole.prefix(count).last)
    #expect(recovery.end.durationNanoseconds == last.exitTime, sourceLocation: location)
  }

  @Test func everyCut() throws {
    let whole = try wholeEvents()
    let bytes = Self.builder.bytes()
    let end = try #require(try Self.builder.reel().blocks.last { $0.header.type == .end })
    var refused = 0
    var most: UInt64 = 0
    var grown: [ReelRecovery] = []
    // Every length at both ends, where headers and records are; every seventh between them.
    let lengths =
      Array(0..<1500) + Array(stride(from: 1500, to: bytes.count - 300, by: 7))
      + Array(bytes.count - 300..<bytes.count)
    for length in lengths {
      let source = MemorySource(Array(bytes.prefix(length)))
      do throws(RecoveryRefusal) {
        let recovery = try ReelRecovery(source)
        #expect(recovery.isEndOriginal == (UInt64(length) >= end.endOffset))
        #expect((recovery.end.reason == .recovered) == !recovery.isEndOriginal)
        #expect(recovery.end.eventCount >= most)
        if recovery.end.eventCount > most { grown.append(recovery) }
        most = recovery.end.eventCount
      } catch {
        #expect(error != .whole && most == 0)
        refused += 1
      }
    }
    for recovery in grown { try expectGood(recovery, of: whole) }
    #expect(refused > FileHeader.byteCount && most == UInt64(whole.count))
  }

  @Test func theEndRecordsFacts() throws {
    let bytes = Self.builder.bytes()
    let original = try #require(try Reel(MemorySource(bytes)).end)
    let reel = try Self.builder.reel()
    let digest = try reel.keyframe(try #require(reel.keyframeNumbers.last)).digest
    let recovery = try ReelRecovery(try cut(Self.builder))
    #expect(recovery.end.eventCount == original.eventCount)
    #expect(recovery.end.guestMadeExits == original.guestMadeExits)
    #expect(recovery.end.keyframeCount == original.keyframeCount)
    #expect(recovery.end.virtualTime == 10_000_000, "the last keyframe's")
    #expect(
      recovery.end.digest == digest, "the last keyframe's, which is younger than event 64 × n's")
    #expect(recovery.loss.error == nil && recovery.loss.knownEvents == 0)
    #expect(!recovery.isEndOriginal)
  }

  @Test func theLastWholeDigest() throws {
    var builder = Self.builder
    builder.digestInterval = 1
    let last = try #require(builder.finished().last)
    let recovery = try ReelRecovery(try cut(builder))
    #expect(last.event.flags.contains(.fullDigest))
    #expect(recovery.end.digest == last.event.digest)
  }

  /// A mark is worth nothing without its keyframe: a replay could not pass it.
  @Test func aMarkWithoutItsKeyframe() throws {
    let bytes = Self.builder.bytes()
    let reel = try Reel(MemorySource(bytes))
    let keyframe = try #require(reel.blocks.last { $0.header.type == .keyframe })
    let recovery = try ReelRecovery(MemorySource(Array(bytes.prefix(Int(keyframe.offset)))))
    guard case .missing(let what) = recovery.loss.error else {
      Issue.record("\(recovery.loss)")
      return
    }
    #expect(what.contains("keyframe 10"))
    #expect(recovery.loss.knownEvents > 0 && recovery.end.keyframeCount == 10)
    try expectGood(recovery, of: try wholeEvents())
  }

  /// Behind a damaged block the headers of good ones tell what was there.
  @Test func damageInTheMiddle() throws {
    let whole = try wholeEvents()
    var bytes = Self.builder.bytes()
    let reel = try Reel(MemorySource(bytes))
    let block = try #require(reel.eventBlocks.dropFirst(4).first)
    bytes[Int(block.offset) + BlockHeader.byteCount + 9] ^= 4
    let recovery = try ReelRecovery(MemorySource(bytes))
    #expect(recovery.loss.error == .blockDamaged(offset: block.offset))
    #expect(recovery.end.eventCount == block.header.firstEvent)
    #expect(recovery.loss.knownEvents == UInt64(whole.count) - block.header.firstEvent)
    #expect(recovery.loss.byteCount == UInt64(bytes.count) - block.offset)
    let last = try #require(whole.last)
    #expect(
      recovery.loss.knownNanoseconds == last.exitTime - recovery.end.durationNanoseconds)
    try expectGood(recovery, of: whole)
  }

  /// The blocks of a recorder: a keyframe before the events that lead to it.
  @Test func keyframesWithoutTheirEvents() throws {
    let whole = try wholeEvents()
    let bytes = Self.builder.bytes()
    let reel = try Reel(MemorySource(bytes))
    let events = try #require(reel.eventBlocks.first)
    let early = MemorySource(Array(bytes.prefix(Int(events.offset))))
    #expect(throws: RecoveryRefusal.noEvents) { _ = try ReelRecovery(early) }
    var encoder = BlockEncoder(pageKey: reel.header.pageKey)
    let last = try #require(reel.blocks.last { $0.header.type == .end })
    let keyframe = Keyframe(
      number: 90, kind: .periodic, parent: nil, isFullMap: false,
      eventIndex: reel.eventCount + 24, guestMadeExits: 0, digest: 0, virtualTime: 0, pages: [],
      vcpuStates: [], boardStates: [])
    let pages = try #require(reel.blocks.last { $0.header.type == .pages })
    var header = pages.header
    header.firstEvent = header.endEvent
    let source = MemorySource(
      Array(bytes.prefix(Int(last.offset)))
        + encoder.block(header, try reel.rawBytes(of: pages)) + encoder.block(keyframe))
    let recovery = try ReelRecovery(source)
    #expect(recovery.loss.keyframes == 1 && recovery.loss.knownEvents == 25)
    #expect(recovery.loss.knownNanoseconds == 0)
    let kept = recovery.kept.filter { $0.header.type == .pages || $0.header.type == .keyframe }
    #expect(kept == reel.blocks.filter { [.pages, .keyframe].contains($0.header.type) })
    try expectGood(recovery, of: whole)
  }

  @Test func wholeReels() throws {
    let bytes = Self.builder.bytes()
    #expect(throws: RecoveryRefusal.whole) { _ = try ReelRecovery(MemorySource(bytes)) }
    // Damage behind the end record costs nothing: the recording's own end stays.
    let reel = try Reel(MemorySource(bytes))
    let index = try #require(reel.blocks.first { $0.header.type == .index })
    let end = try #require(reel.blocks.first { $0.header.type == .end })
    var damaged = bytes
    damaged[Int(index.offset) + 70] ^= 1
    for variant in [
      bytes + [1, 2, 3], damaged, Array(bytes.prefix(Int(index.offset))),
      Array(bytes.prefix(bytes.count - 20)),
    ] {
      let recovery = try ReelRecovery(MemorySource(variant))
      #expect(recovery.isEndOriginal && recovery.end.reason == .debugExit)
      #expect(recovery.loss == ReelRecovery.Loss() && recovery.repairedHeaders == 0)
      try expectGood(recovery, of: try wholeEvents())
    }
    // The index knows what a damaged block header said.
    for block in [reel.eventBlocks[3], end] {
      var damaged = bytes
      damaged[Int(block.offset) + 20] ^= 1
      let recovery = try ReelRecovery(MemorySource(damaged))
      #expect(recovery.isEndOriginal && recovery.repairedHeaders == 1)
      #expect(recovery.loss == ReelRecovery.Loss())
      try expectGood(recovery, of: try wholeEvents())
    }
  }

  @Test func whatCannotBeRecovered() {
    #expect(throws: RecoveryRefusal.unreadable(.notAReel)) {
      _ = try ReelRecovery(MemorySource(Array("not a reel".utf8)))
    }
    var bytes = Self.builder.bytes()
    bytes[64 + BlockHeader.byteCount + 5] ^= 1
    #expect(throws: RecoveryRefusal.unreadable(.blockDamaged(offset: 64))) {
      _ = try ReelRecovery(MemorySource(bytes))
    }
  }
}
