import Foundation
import Machine
import SyntheticReels
import Testing
import Trace
import TraceIO

extension ProgramTests {
  /// The reels in `traces/golden`: what the format must carry although nothing records it yet.
  @Suite struct Golden {
    private static let directory = URL(filePath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "traces/golden")

    static let names = GoldenReels.all.map(\.name)

    @Test("There is a file for each golden reel, and no other")
    func files() throws {
      let files = try FileManager.default.contentsOfDirectory(atPath: Self.directory.path)
      #expect(
        files.sorted() == Self.names.flatMap { [$0 + ".reel", $0 + ".txt"] }.sorted(),
        "tools/make-golden makes them")
    }

    @Test("info and dump say what they always said", arguments: names)
    func isRead(name: String) throws {
      let directory = try TestDirectory()
      let bytes = try Data(contentsOf: Self.directory.appending(path: name + ".reel"))
      #expect(bytes.count <= 20 << 10)
      try directory.write(bytes, to: name + ".reel")
      let info = try directory.vmreel("info", name + ".reel")
      let dump = try directory.vmreel("dump", "--kernel-exits", "--times", name + ".reel")
      info.expectSuccess()
      dump.expectSuccess()
      let expected = try Data(contentsOf: Self.directory.appending(path: name + ".txt"))
      let lines = String(decoding: expected, as: UTF8.self).split(
        separator: "\n", omittingEmptySubsequences: false)
      let found = (info.text + dump.text).split(
        separator: "\n", omittingEmptySubsequences: false)
      #expect(found.count == lines.count)
      for (line, (found, expected)) in zip(found, lines).enumerated() where found != expected {
        Issue.record("line \(line + 1) is \(found), was \(expected)")
        break
      }
      try directory.vmreel("verify", name + ".reel").expectSuccess()
    }

    @Test("What a replay reads of the vCPUs is there", arguments: names)
    func statesAreRead(name: String) throws {
      let reel = try Reel(try ReelFile(path: Self.directory.appending(path: name + ".reel").path))
      for number in reel.keyframeNumbers {
        let states = Dictionary(grouping: try reel.keyframe(number).vcpuStates, by: \.vcpu)
        #expect(!states.isEmpty)
        for entries in states.values {
          _ = try VCPUState(
            entries: entries.map {
              VCPUStateEntry(kind: $0.kind, version: $0.version, bytes: $0.bytes)
            })
        }
      }
    }

    /// Down to each column's raw bytes; how small zstd makes them is its own version's matter.
    @Test("Made again, a golden reel has the same bytes", arguments: names)
    func isMadeAgain(name: String) throws {
      let directory = try TestDirectory()
      try directory.vmreel("bench", "generate", "--golden", ".").expectSuccess()
      let kept = try Reel(
        try ReelFile(path: Self.directory.appending(path: name + ".reel").path))
      let made = try Reel(try ReelFile(path: "\(directory.path)/\(name).reel"))
      #expect(kept.tail == .whole && made.tail == .whole)
      #expect((kept.header.major, kept.header.minor) == (1, 0))
      #expect(kept.header == made.header)
      #expect(kept.blocks.count == made.blocks.count)
      for (kept, made) in zip(try blockContents(kept), try blockContents(made)) {
        try #require(kept == made)
      }
      #expect(kept.end == made.end && kept.eventCount == made.eventCount)
      #expect(try events(kept) == events(made))
      #expect(kept.keyframeNumbers == made.keyframeNumbers)
      for number in kept.keyframeNumbers {
        #expect(try kept.keyframe(number) == made.keyframe(number))
        #expect(try pages(kept, number) == pages(made, number))
      }
      #expect(try kept.hostTotals() == made.hostTotals())
      #expect(try kernelExits(kept) == kernelExits(made))
    }

    /// Every block's header without what compression decides, and its bytes before it.
    private func blockContents(_ reel: Reel) throws -> [BlockContents] {
      try reel.blocks.map { block in
        var header = block.header
        (header.storedSize, header.checksum) = (0, 0)
        // The index lists stored sizes, and the footer says where that stands.
        if header.type == .index { header.rawSize = 0 }
        if header.type == .footer { header.firstEvent = 0 }
        let isPlaced = header.type == .index || header.type == .footer
        return BlockContents(
          header: header, bytes: isPlaced ? [] : try reel.uncompressedBytes(of: block))
      }
    }

    private struct BlockContents: Equatable {
      var header: BlockHeader
      var bytes: [UInt8]
    }

    private func events(_ reel: Reel) throws -> [Event] {
      var cursor = EventCursor(reel)
      var events: [Event] = []
      while let event = try cursor.next() { events.append(event) }
      return events
    }

    private func kernelExits(_ reel: Reel) throws -> [KernelExitRecord] {
      try reel.kernelExitBlocks.flatMap { try reel.kernelExits(of: $0).exits }
    }

    private func pages(_ reel: Reel, _ number: UInt64) throws -> [UInt32: [UInt8]] {
      var pages: [UInt32: [UInt8]] = [:]
      try reel.forEachPage(of: try reel.pageMap(at: number)) { pages[$0] = Array($1) }
      return pages
    }

    @Test("Each holds what its name says")
    func contents() throws {
      func reel(_ name: String) throws -> Reel {
        try Reel(try ReelFile(path: Self.directory.appending(path: name + ".reel").path))
      }
      #expect(Set(try events(reel("two-vcpus")).map(\.vcpu)) == [0, 1])
      let nested = try reel("nested-state").keyframe(0)
      #expect(nested.vcpuStates.contains { $0.kind == 9 && $0.version == 2 })
      let transfers = try events(reel("dma-two-disks")).filter { $0.kind == .deviceWrite }
      #expect(Set(transfers.map(\.device)) == [1, 2])
      #expect(transfers.contains { $0.image != 0 } && transfers.contains { $0.payloadLength > 0 })
      let metadata = try reel("dma-two-disks").metadataJSON
      let object = try JSONSerialization.jsonObject(with: Data(metadata)) as? [String: Any]
      #expect((object?["images"] as? [Any])?.count == 2)
      #expect((object?["devices"] as? [Any])?.count == 2)
      let frozen = try events(reel("frozen-timestamp"))
      #expect(frozen.allSatisfy { $0.timestamp != 0 })
      let lost = try #require(try reel("kernel-exits-lost").hostTotals().last)
      #expect(lost["tracer.lost"] ?? 0 > 0)
      let trimmed = try reel("trimmed")
      #expect(trimmed.eventBlocks.first?.header.firstEvent == 70_000)
      #expect(trimmed.keyframeNumbers.first == 12)
      #expect(try events(reel("resynced")).contains { $0.kind == .resync })
      let statistics = try reel("statistics-only")
      #expect(statistics.eventBlocks.isEmpty && statistics.keyframeNumbers.isEmpty)
      #expect(!statistics.kernelExitBlocks.isEmpty)
      #expect(try statistics.hostTotals().count == 2)
    }
  }
}
