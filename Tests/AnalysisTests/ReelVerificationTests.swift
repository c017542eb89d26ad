import Bytes
import ReelFixtures
import Testing
import Trace

@testable import Analysis

@Suite struct ReelVerificationTests {
  /// A reel of about a kilobyte with every block type.
  private var small: ReelBuilder {
    var builder = ReelBuilder.sample(rounds: 10)
    builder.blockSize = 30
    return builder
  }

  private func verify(_ bytes: [UInt8]) -> ReelVerification {
    ReelVerification(MemorySource(bytes))
  }

  @Test func aSoundReelHasNoFindings() throws {
    let verification = verify(small.bytes())
    #expect(verification.findings == [])
    #expect(verification.checked.events == UInt64(small.entries.count))
    #expect(verification.checked.keyframes == 2)
    #expect(verification.checked.pages == 2)
    #expect(verification.checked.blocks == UInt64(try small.reel().blocks.count))
  }

  @Test func everyFlippedByteIsFoundInItsBlock() throws {
    let bytes = small.bytes()
    let blocks = try small.reel().blocks
    for place in bytes.indices {
      var damaged = bytes
      damaged[place] ^= UInt8(1 << (place % 8))
      let block = blocks.last { $0.offset <= UInt64(place) }
      let found = verify(damaged).findings
      #expect(
        found.contains { $0.severity == .damage && $0.offset == block?.offset ?? 0 },
        "byte \(place): \(found)")
    }
  }

  @Test func everyTruncationIsFound() throws {
    let bytes = small.bytes()
    for count in bytes.indices {
      #expect(!verify(Array(bytes.prefix(count))).isSound, "cut at \(count)")
    }
  }

  @Test func trailingGarbageIsFound() {
    let bytes = small.bytes()
    for count in [1, 63, 64, 100] {
      let found = verify(bytes + [UInt8](repeating: 0x76, count: count)).findings
      #expect(found.contains { $0.offset == UInt64(bytes.count) }, "\(count) bytes: \(found)")
    }
    var encoder = BlockEncoder(pageKey: ReelBuilder.key)
    let found = verify(bytes + encoder.block(.metadata, [])).findings
    #expect(found.contains { $0.message.contains("follow the end record") })
  }

  @Test func aReelWithoutEndIsIncompleteNotDamaged() {
    var builder = small
    builder.endReason = nil
    let found = verify(builder.bytes()).findings
    #expect(found.map(\.severity) == [.incomplete])
  }

  @Test func wrongTotalsAndIndexesAreFound() throws {
    let builder = small
    var bytes = builder.bytes()
    let blocks = try builder.reel().blocks
    let last = try #require(blocks.last { $0.header.type == .end })
    bytes.removeSubrange(Int(last.offset)...)
    var encoder = BlockEncoder(pageKey: ReelBuilder.key)
    bytes += encoder.block(
      .end,
      EndRecord(
        reason: .idle, detail: 0, eventCount: 1, guestMadeExits: 2, keyframeCount: 3,
        durationNanoseconds: 0, virtualTime: 0, digest: 0
      ).encoded())
    // Events, guest-made exits, keyframes, and the running digest.
    #expect(verify(bytes).findings.map(\.block) == ["end", "end", "end", "end"])
  }

  @Test func aMissingBlockBreaksTheIndexes() throws {
    var builder = small
    builder.blockSize = 20
    let bytes = builder.bytes()
    let block = try builder.reel().eventBlocks[1]
    let end = Int(block.offset) + 64 + Int(block.header.storedSize)
    let found = verify(Array(bytes[..<Int(block.offset)] + bytes[end...])).findings
    #expect(found.contains { $0.message.contains("begins at event 40, not 20") })
  }

  @Test func keyframesWithoutPagesOrMarksAreFound() throws {
    var builder = small
    builder.isIndexed = false
    let bytes = builder.bytes()
    let pages = try #require(try builder.reel().blocks.first { $0.header.type == .pages })
    let end = Int(pages.offset) + 64 + Int(pages.header.storedSize)
    let found = verify(Array(bytes[..<Int(pages.offset)] + bytes[end...])).findings
    #expect(found.contains { $0.message.contains("names 1 pages") && $0.block == "keyframe" })

    let keyframes = try builder.reel().blocks.filter { $0.header.type == .keyframe }
    let last = try #require(keyframes.last)
    let after = Int(last.offset) + 64 + Int(last.header.storedSize)
    let unmarked = verify(Array(bytes[..<Int(last.offset)] + bytes[after...])).findings
    #expect(unmarked.contains { $0.message.contains("marks keyframe 1, which is not there") })
  }

  @Test func answersThatDoNotFitAreFound() throws {
    let changes: [(String, (inout [Entry]) -> Void)] = [
      ("event 2: the answer is not as large as the in before it", { $0[2].event.width = 2 }),
      ("event 2: input of width 1 has a value that is larger", { $0[2].event.value = 0x160 }),
      ("event 2: no answer follows the in before it", { $0.remove(at: 2) }),
      ("event 3: out waits for nothing", { $0[3].event.waited = 1 }),
      ("event 4: an answer follows out, which is no read", { $0.insert($0[2], at: 4) }),
    ]
    for (message, change) in changes {
      var builder = small
      change(&builder.entries)
      let found = verify(builder.bytes()).findings
      #expect(found.contains { $0.message == message }, "\(message): \(found)")
    }
    // A kind of a later version may be a read.
    var builder = small
    builder.entries[1].event.kind = EventKind(rawValue: 18)
    #expect(verify(builder.bytes()).findings == [])
  }

  @Test func aWrongPageIsFound() throws {
    let header = FileHeader(pageKey: ReelBuilder.key)
    var encoder = BlockEncoder(pageKey: header.pageKey)
    var bytes = header.encoded() + encoder.block(.metadata, Array("{}".utf8))
    let offset = UInt64(bytes.count)
    let page = PageBlock(
      identities: [PageIdentity(low: 1, high: 2)],
      content: [UInt8](repeating: 9, count: PageBlock.pageSize))
    var block = BlockHeader(type: .pages)
    block.eventCount = 1
    bytes += encoder.block(block, page.encoded())
    let found = verify(bytes).findings
    #expect(found.contains { $0.severity == .damage && $0.offset == offset })
  }

  @Test func unknownBlocksAndOptionalColumnsSurvive() throws {
    let header = FileHeader(pageKey: ReelBuilder.key)
    var encoder = BlockEncoder(pageKey: header.pageKey)
    var bytes = header.encoded() + encoder.block(.metadata, Array("{}".utf8))
    bytes += encoder.block(BlockType(rawValue: 77), [1, 2, 3])
    // One column of one byte that this version knows, one optional column that it does not.
    let columns: [UInt8] =
      [2, 0] + [1, 0, 0, 1, 2, 0, 0, 0, 2, 0, 0, 0] + [99, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0]
      + [1, 7, 5, 5]
    bytes += eventBlock(raw: columns)
    bytes += encoder.block(
      .end,
      EndRecord(
        reason: .idle, detail: 0, eventCount: 1, guestMadeExits: 1, keyframeCount: 0,
        durationNanoseconds: 0, virtualTime: 0, digest: 0
      ).encoded())
    let verification = verify(bytes)
    #expect(verification.findings == [])
    #expect(verification.checked.skippedColumns == 1)
    #expect(verification.checked.unknownBlocks == 1)
    let statistics = try ExitStatistics(try Reel(MemorySource(bytes)))
    #expect(statistics.table.counts == ["hlt": 1])
  }

  /// An event block of one event with these raw bytes, its header written by hand.
  private func eventBlock(raw: [UInt8]) -> [UInt8] {
    let stored = raw
    var writer = ByteWriter()
    writer.append(bytes: Array("vmrb".utf8))
    writer.append(BlockType.events.rawValue)
    writer.append(UInt16(0))
    writer.append(UInt32(stored.count))
    writer.append(UInt32(raw.count))
    writer.append(UInt64(0))
    writer.append(UInt32(1))
    writer.append(UInt32(0))
    writer.append(UInt64(0))
    writer.append(UInt64(0))
    writer.append(UInt64(CRC32.checksum(stored)))
    writer.append(UInt64(CRC32.checksum(writer.bytes)))
    return writer.bytes + stored
  }
}
