import Analysis
import Bytes
import FuzzTargets
import ReelFixtures
import Testing
import Trace

/// What is promised of a damaged reel, held against every byte of a small one.
@Suite("A damaged reel")
struct DamagedReelTests {
  private let bytes = SampleReel().encoded()

  @Test("The sample is sound, and has a block of every type")
  func sample() throws {
    #expect(ReelVerification(MemorySource(bytes)).findings == [])
    let types = Set(try Reel(MemorySource(bytes)).blocks.map(\.header.type.rawValue))
    #expect(types == Set([1, 2, 3, 4, 5, 6, 7, 8, 9, 300]))
  }

  @Test("Verify finds every flipped bit, and says in which block it is")
  func flippedBits() throws {
    let blocks = try Reel(MemorySource(bytes)).blocks
    for place in bytes.indices {
      var damaged = bytes
      damaged[place] ^= 1 << UInt8(place % 8)
      let offset = blocks.last { $0.offset <= UInt64(place) }?.offset ?? 0
      let findings = ReelVerification(MemorySource(damaged)).findings
      #expect(
        findings.contains { $0.severity == .damage && $0.offset == offset },
        "bit \(place % 8) of byte \(place), in the block at \(offset): \(findings)")
    }
  }

  @Test("A reel cut at any length opens as partial, or is refused with a reason")
  func truncations() throws {
    let first = try Reel(MemorySource(bytes)).blocks[0]
    for count in bytes.indices {
      let source = MemorySource(Array(bytes.prefix(count)))
      #expect(!ReelVerification(source).isSound, "cut at \(count)")
      do throws(TraceError) {
        let reel = try Reel(source)
        #expect(UInt64(count) >= first.endOffset, "cut at \(count)")
        guard case .partial(let offset) = reel.tail else {
          Issue.record("cut at \(count): \(reel.tail)")
          continue
        }
        #expect(offset <= UInt64(count))
      } catch {
        #expect(UInt64(count) < first.endOffset && !error.description.isEmpty)
      }
    }
  }

  @Test("A damaged index or footer costs nothing but itself, and is told of")
  func damagedIndex() throws {
    let whole = try Reel(MemorySource(bytes))
    let index = try #require(whole.blocks.first { $0.header.type == .index })
    for place in Int(index.offset)..<bytes.count {
      var damaged = bytes
      damaged[place] ^= 1 << UInt8(place % 8)
      let reel = try Reel(MemorySource(damaged))
      #expect(reel.indexError != nil || reel.tail != .whole, "byte \(place)")
      #expect(reel.eventBlocks == whole.eventBlocks && reel.end == whole.end, "byte \(place)")
      #expect(reel.keyframeBlocks == whole.keyframeBlocks, "byte \(place)")
    }
  }

  @Test("Reserved bytes that are set are noted, and are no damage")
  func reservedBytes() throws {
    let reel = try Reel(MemorySource(bytes))
    let offsets = [0] + reel.blocks.map { Int($0.offset) }
    for (offset, place) in offsets.enumerated().map({ ($1, $0 == 0 ? 24 : 6) }) {
      var altered = bytes
      altered[offset + place] = 1
      let checksum = CRC32.checksum(Array(altered[offset..<offset + 56]))
      for index in 0..<4 {
        altered[offset + 56 + index] = UInt8(truncatingIfNeeded: checksum >> UInt32(8 * index))
      }
      let verification = ReelVerification(MemorySource(altered))
      #expect(verification.isSound)
      #expect(verification.findings.map(\.severity) == [.note])
      #expect(verification.findings.first?.offset == UInt64(offset))
    }
  }
}
