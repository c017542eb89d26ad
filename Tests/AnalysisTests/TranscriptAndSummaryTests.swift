import ReelFixtures
import Testing
import Trace

@testable import Analysis

@Suite struct TranscriptAndSummaryTests {
  @Test func consoleBytesByStream() throws {
    let transcript = try ConsoleTranscript(try ReelBuilder.sample(rounds: 6).reel())
    #expect(transcript.text(stream: 1) == "hello ")
    #expect(transcript.text(stream: 2) == "bye")
    #expect(transcript.text(stream: 3) == "")
  }

  @Test func wideElementsGiveTheirLowByte() throws {
    var builder = ReelBuilder()
    builder.add(.portWrite, 0xe9, width: 2, stream: 2, payload: [0x61, 0xff, 0x62, 0xee])
    builder.add(.portWrite, 0xe9, value: 0x1263, width: 2, stream: 2)
    #expect(try ConsoleTranscript(try builder.reel()).text(stream: 2) == "abc")
  }

  @Test func summaryOfTheSample() throws {
    let reel = try ReelBuilder.sample(rounds: 50).reel()
    let summary = ReelSummary(reel, metadata: .sample)
    #expect(summary.events == reel.eventCount)
    #expect(summary.exits == 157)
    #expect(summary.guestMadeExits == 152)
    #expect(summary.keyframes == ["base": 1, "seal": 5])
    #expect(summary.storedPages == 6)
    #expect(summary.ending.tail == "whole")
    #expect(
      summary.blocks.map(\.type) == [
        "metadata", "events", "pages", "keyframe", "end", "index", "footer",
      ])
    #expect(summary.blocks.reduce(64) { $0 + $1.storedBytes + 64 * $1.count } == reel.byteCount)
    #expect(summary.lostEvents == 0)
  }

  @Test func aDamagedReelIsStillSummarised() throws {
    var builder = ReelBuilder.sample(rounds: 50)
    builder.blockSize = 100
    var bytes = builder.bytes()
    let blocks = try builder.reel().eventBlocks
    bytes[Int(blocks[1].offset) + 64] ^= 1
    let end = try #require(try builder.reel().blocks.last { $0.header.type == .end })
    bytes[Int(end.offset) + 64] ^= 1
    let summary = ReelSummary(try Reel(MemorySource(bytes)), metadata: nil)
    #expect(summary.lostEvents == 100)
    #expect(summary.ending.tail == "damaged")
    #expect(summary.ending.offset == end.offset)
  }

  @Test func salvagingSkipsADamagedHeader() throws {
    var builder = ReelBuilder.sample(rounds: 50)
    builder.blockSize = 100
    var bytes = builder.bytes()
    let block = try builder.reel().eventBlocks[1]
    bytes[Int(block.offset)] ^= 1
    let reel = Reel(salvaging: MemorySource(bytes))
    #expect(reel.blocks.count == (try builder.reel().blocks.count) - 1)
    #expect(reel.gaps.map(\.offset) == [block.offset])
    #expect(reel.tail == .whole)
  }
}
