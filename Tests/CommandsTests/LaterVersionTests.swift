import FoundationEssentials
import ReelFixtures
import Testing
import Trace

extension ProgramTests {
  /// What format 1.0 promises: reels of a later minor version are read, as far as they let it.
  @Suite struct LaterVersions {
    static let samples = ["ticker.reel", "golden/kernel-exits-lost.reel"]

    private func original(_ name: String) throws -> [UInt8] {
      Array(try Data(contentsOf: URL(filePath: SecondReader.traces + "/" + name)))
    }

    private func dump(_ reel: String, _ directory: TestDirectory) throws -> String {
      let dumped = try directory.vmreel("dump", "--kernel-exits", "--times", reel)
      try #require(dumped.status == 0, "\(dumped.story)")
      return dumped.text
    }

    @Test("Unknown optional columns, blocks and keys are skipped and counted", arguments: samples)
    func isRead(name: String) throws {
      let directory = try TestDirectory()
      try directory.write(try original(name), to: "now.reel")
      let later = try LaterReel.make(of: try original(name), columnIsRequired: false)
      try directory.write(later, to: "later.reel")
      #expect(try dump("later.reel", directory) == dump("now.reel", directory))
      let verified = try directory.vmreel("verify", "later.reel")
      #expect(verified.status == 0, "\(verified.story)")
      let info = try directory.vmreel("info", "later.reel")
      #expect(info.text.contains("1.\(LaterReel.minor)"), "\(info.story)")
      let compared = try directory.vmreel("diff", "now.reel", "later.reel")
      #expect(compared.status == 0, "\(compared.story)")
    }

    @Test("An unknown required column is refused", arguments: samples)
    func isRefused(name: String) throws {
      let directory = try TestDirectory()
      let later = try LaterReel.make(of: try original(name), columnIsRequired: true)
      try directory.write(later, to: "later.reel")
      for command in ["dump", "stats"] {
        let run = try directory.vmreel(command, "later.reel")
        #expect(run.status == 2, "\(run.story)")
        #expect(
          run.errors.contains("has column 300, which a reader must understand"), "\(run.story)")
      }
      let verified = try directory.vmreel("verify", "later.reel")
      #expect(verified.status == 2, "\(verified.story)")
    }

    @Test("The second reader does the same", .needsSecondReader, arguments: samples)
    func secondReader(name: String) throws {
      let directory = try TestDirectory()
      try directory.write(try original(name), to: "now.reel")
      try directory.write(
        try LaterReel.make(of: try original(name), columnIsRequired: false), to: "later.reel")
      try directory.write(
        try LaterReel.make(of: try original(name), columnIsRequired: true), to: "required.reel")
      let now = try directory.secondReader("events", "--times", "now.reel")
      let later = try directory.secondReader("events", "--times", "later.reel")
      #expect(now.status == 0 && later.status == 0, "\(later.story)")
      #expect(now.text == later.text)
      let checked = try directory.secondReader("check", "later.reel")
      #expect(checked.status == 0, "\(checked.story)")
      let refused = try directory.secondReader("check", "required.reel")
      #expect(refused.status == 2, "\(refused.story)")
      #expect(refused.errors.contains("column 300 is required and not known"), "\(refused.story)")
    }

    @Test("The candidate is read, other versions are refused by both readers")
    func versions() throws {
      let directory = try TestDirectory()
      let bytes = try original("ticker.reel")
      for (major, minor, words) in [
        (0, 12, nil), (0, 11, "use the vmreel that recorded it"),
        (2, 0, "use a newer"),
      ] as [(UInt16, UInt16, String?)] {
        var header = try Reel(MemorySource(bytes)).header
        (header.major, header.minor) = (major, minor)
        try directory.write(header.encoded() + bytes.dropFirst(64), to: "v.reel")
        let run = try directory.vmreel("verify", "v.reel")
        let second =
          try SecondReader.unavailable == nil
          ? directory.secondReader("check", "v.reel") : nil
        guard let words else {
          #expect(run.status == 0 && second?.status ?? 0 == 0, "\(run.story)")
          continue
        }
        for run in [run, second].compactMap(\.self) {
          #expect(run.status == 2, "\(run.story)")
          let said = run.errors + run.text
          #expect(said.contains("format \(major).\(minor), and this "), "\(run.story)")
          #expect(said.contains("reads 1.x; ") && said.contains(words), "\(run.story)")
        }
      }
    }
  }
}
