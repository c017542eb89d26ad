import Testing
import Trace

@testable import Analysis

/// What can be made of reels that were cut or damaged: always a sound reel, or a refusal.
@Suite struct ReelRecoveryTests {
  private static let builder: ReelBuilder = {
    var builder = ReelBuilder.sample(rounds: 100)
    builder.blockSize = 40
    return builder
  }()

  private func recovered(_ recovery: ReelRecovery) throws -> Reel {
    var bytes: [UInt8] = []
    try recovery.forEachPart(metadataJSON: Array(#"{"history":[]}"#.utf8)) { bytes += $0 }
    return try Reel(MemorySource(bytes))
  }

  /// Expects a sound reel that holds a prefix of what the whole one holds.
  private func expectGood(
    _ recovery: ReelRecovery, of whole: [Entry], location: SourceLocation = #_sourceLocation
  ) throws {
    let reel = try recovered(recovery)
    var bytes: [UInt8] = []
    try recovery.forEachPart(metadataJSON: []) { bytes += $0 }
    let findings = ReelVerification(MemorySource(bytes)).findings
    #expect(findings.isEmpty, "\(findings)", sourceLocation: location)
    #expect(reel.tail == .whole && reel.end == recovery.end, sourceLocation: location)
    var cursor = EventCursor(reel)
    var count = 0
    while let event = try cursor.next() {
      var expected = whole[count].event
      expected.payloadOffset = event.payloadOffset
      #expect(event == expected, sourceLocation: location)
      count += 1
    }
    #expect(UInt64(count) == recovery.end.eventCount, sourceLocation: location)
    let last = try #require(whole.prefix(count).last)
    #expect(recovery.end.durationNanoseconds == last.event.exitTime, sourceLocation: location)
  }

  @Test func everyCut() throws {
    let whole = Self.builder.finished()
    let bytes = Self.builder.bytes()
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
        #expect(recovery.end.reason == .recovered && recovery.end.eventCount >= most)
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
    let recovery = try ReelRecovery(MemorySource(bytes.dropLast()))
    #expect(recovery.end.eventCount == original.eventCount)
    #expect(recovery.end.guestMadeExits == original.guestMadeExits)
    #expect(recovery.end.keyframeCount == original.keyframeCount)
    #expect(recovery.end.virtualTime == 10_000_000, "the last keyframe's")
    #expect(recovery.end.digest == 0, "the last keyframe's, which is younger than event 64 × n's")
    #expect(recovery.loss.error == nil && recovery.loss.knownEvents == 0)
    #expect(!recovery.isEndOriginal)
  }

  @Test func theLastWholeDigest() throws {
    var builder = Self.builder
    builder.digestInterval = 1
    let last = try #require(builder.finished().last)
    let recovery = try ReelRecovery(MemorySource(builder.bytes().dropLast()))
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
    try expectGood(recovery, of: Self.builder.finished())
  }

  /// Behind a damaged block the headers of good ones tell what was there.
  @Test func damageInTheMiddle() throws {
    let whole = Self.builder.finished()
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
      recovery.loss.knownNanoseconds == last.event.exitTime - recovery.end.durationNanoseconds)
    try expectGood(recovery, of: whole)
  }

  /// The blocks of a recorder: a keyframe before the events that lead to it.
  @Test func keyframesWithoutTheirEvents() throws {
    let whole = Self.builder.finished()
    let bytes = Self.builder.bytes()
    let reel = try Reel(MemorySource(bytes))
    let events = try #require(reel.eventBlocks.first)
    let early = MemorySource(Array(bytes.prefix(Int(events.offset))))
    #expect(throws: RecoveryRefusal.noEvents) { _ = try ReelRecovery(early) }
    var encoder = BlockEncoder(pageKey: reel.header.pageKey)
    let last = try #require(reel.blocks.last)
    let keyframe = Keyframe(
      number: 90, kind: .periodic, parent: nil, isFullMap: false,
      eventIndex: reel.eventCount + 24, guestMadeExits: 0, digest: 0, virtualTime: 0, pages: [],
      vcpuStates: [], boardStates: [])
    let capture = KeyframeCapture(
      keyframe: keyframe, pages: [9], content: [UInt8](repeating: 77, count: 4096))
    let source = MemorySource(Array(bytes.prefix(Int(last.offset))) + encoder.blocks(of: capture))
    let recovery = try ReelRecovery(source)
    #expect(recovery.loss.keyframes == 1 && recovery.loss.knownEvents == 25)
    #expect(recovery.loss.knownNanoseconds == 0)
    try expectGood(recovery, of: whole)
  }

  @Test func wholeReels() throws {
    let bytes = Self.builder.bytes()
    #expect(throws: RecoveryRefusal.whole) { _ = try ReelRecovery(MemorySource(bytes)) }
    // Bytes behind the end record cost nothing: the recording's own end stays.
    let recovery = try ReelRecovery(MemorySource(bytes + [1, 2, 3]))
    #expect(recovery.isEndOriginal && recovery.end.reason == .debugExit)
    #expect(recovery.loss.byteCount == 3 && recovery.loss.knownEvents == 0)
    try expectGood(recovery, of: Self.builder.finished())
  }

  @Test func whatCannotBeRecovered() {
    #expect(throws: RecoveryRefusal.unreadable(.notAReel)) {
      _ = try ReelRecovery(MemorySource(Array("not a reel".utf8)))
    }
    var bytes = Self.builder.bytes()
    bytes[70] ^= 1
    #expect(throws: RecoveryRefusal.unreadable(.blockHeaderDamaged(offset: 64))) {
      _ = try ReelRecovery(MemorySource(bytes))
    }
  }
}
