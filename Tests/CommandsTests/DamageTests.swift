import Analysis
import ReelFixtures
import Testing
import Trace

extension ProgramTests {
  /// One damaged byte anywhere in a reel.
  @Suite(.needsKVM) struct Damage {
    /// A stretch of the file: the file's header, a block's header or its stored bytes.
    struct Stretch {
      var name: String
      var block: Int
      var bytes: Range<Int>
    }

    private func recordHello(_ directory: TestDirectory) throws -> [UInt8] {
      try directory.vmreel("record", "--guest", "hello", "-o", "h.reel").expectSuccess()
      return try directory.read("h.reel")
    }

    /// The layout as the format's document gives it, found without the reader under test: 64
    /// bytes of header, then blocks whose stored size stands at offset 8 of their 64 bytes.
    private func layout(_ reel: [UInt8]) -> [Stretch] {
      let names: [UInt8: String] = [
        1: "metadata", 2: "events", 3: "pages", 4: "keyframe", 5: "end",
        6: "kernel-exits", 7: "host-totals", 8: "index", 9: "footer",
      ]
      var stretches = [Stretch(name: "file header", block: 0, bytes: 0..<64)]
      var offset = 64
      while offset + 64 <= reel.count {
        let size = (0..<4).reduce(0) { $0 | Int(reel[offset + 8 + $1]) << (8 * $1) }
        let body = offset + 64
        stretches.append(Stretch(name: "block header", block: offset, bytes: offset..<body))
        stretches.append(
          Stretch(name: names[reel[offset + 4]] ?? "?", block: offset, bytes: body..<body + size))
        offset = body + size
      }
      return stretches
    }

    /// Walks over every byte of the file; a bit of each is turned over, another one each time.
    @Test func verifyNamesEachDamagedByte() throws {
      let reel = try recordHello(try TestDirectory())
      #expect(ReelVerification(MemorySource(reel)).isSound)
      for stretch in layout(reel) {
        for offset in stretch.bytes {
          var damaged = reel
          damaged[offset] ^= 1 << UInt8(offset % 8)
          let findings = ReelVerification(MemorySource(damaged)).findings
          let first = try #require(findings.first, "byte \(offset) in \(stretch.name): sound")
          #expect(
            first.offset == UInt64(stretch.block),
            "byte \(offset) in \(stretch.name): \(first.message)")
          if stretch.name.hasSuffix("header") { continue }
          #expect(first.block == stretch.name, "byte \(offset)")
        }
      }
    }

    /// The same through the real commands, for a sample of each stretch: none may crash or hang,
    /// `verify` names the block, and `replay` says identical only where it did not need the byte.
    @Test func everyCommandSurvives() throws {
      let directory = try TestDirectory()
      let reel = try recordHello(directory)
      var positions = 0
      for stretch in layout(reel) {
        for sample in 0..<min(5, stretch.bytes.count) {
          let offset = stretch.bytes.lowerBound + stretch.bytes.count * sample / 5
          var damaged = reel
          damaged[offset] ^= 0x80 >> UInt8(offset % 8)
          try directory.write(damaged, to: "d.reel")
          try expectSurvival(directory, stretch, "byte \(offset) in \(stretch.name)")
          positions += 1
        }
      }
      #expect(positions >= 60)
    }

    private func expectSurvival(
      _ directory: TestDirectory, _ stretch: Stretch, _ place: Comment
    ) throws {
      let verified = try directory.vmreel("verify", "d.reel")
      #expect(verified.status == 2, place)
      #expect(verified.text.contains("offset \(stretch.block)"), "\(place): \(verified.story)")
      for command in ["info", "stats", "dump"] {
        let run = try directory.vmreel(command, "d.reel")
        #expect(run.status == 0 || run.status == 2, "\(place): \(run.story)")
        // A damaged index is told of in a line of its own.
        if run.status == 2 { #expect(run.errorLines.count <= 2, "\(place): \(run.story)") }
      }
      let difference = try directory.vmreel("diff", "h.reel", "d.reel")
      #expect((0...2).contains(difference.status ?? -1), "\(place): \(difference.story)")
      let replayed = try directory.vmreel("replay", "d.reel")
      // Replay reads a page only where RAM differs from it, so it may not have needed this one; the
      // host's totals it never reads; of a block's header and its place in the index one is enough.
      guard !["pages", "host-totals", "block header", "index"].contains(stretch.name) else {
        #expect(replayed.status == 0 || replayed.status == 2, "\(place): \(replayed.story)")
        return
      }
      #expect(replayed.status == 2, "\(place): \(replayed.story)")
      if ["metadata", "events", "keyframe"].contains(stretch.name) {
        #expect(!replayed.errors.contains("identical"), "\(place): \(replayed.story)")
      }
    }
  }
}
