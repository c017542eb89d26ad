import FoundationEssentials
import Glibc
import Testing

/// Why no browser can open a report here, or `nil` when one can.
let browserUnavailable: String? = {
  let paths = unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? ""
  let isThere = paths.split(separator: ":").contains { directory in
    ["chromium", "chromium-browser", "google-chrome"].contains {
      unsafe access("\(directory)/\($0)", X_OK) == 0
    }
  }
  return isThere ? nil : "no Chromium in the PATH: run tools/setup"
}()

extension ProgramTests {
  /// `vmreel report`, and its file in a real browser.
  @Suite struct ReportTests {
    static let samples = [
      "linux/static-kvm_amd.reel", "golden/two-vcpus.reel", "golden/statistics-only.reel",
      "mmio.reel",
    ]

    @Test(arguments: samples) func equalReelsMakeEqualFiles(_ name: String) throws {
      let directory = try TestDirectory()
      let reel = "\(SecondReader.traces)/\(name)"
      for file in ["one.html", "two.html"] {
        #expect(try directory.vmreel("report", reel, "-o", file).status == 0)
      }
      let one = try directory.read("one.html")
      #expect(try one == directory.read("two.html"))
      #expect(try directory.vmreel("report", reel, "-o", "-").output == one)
      #expect(one.count < 2_000_000)
    }

    @Test(
      .enabled(
        if: browserUnavailable == nil, Comment(rawValue: browserUnavailable ?? "Chromium is there")),
      arguments: samples)
    func browserSortsFiltersAndComplainsOfNothing(_ name: String) throws {
      let directory = try TestDirectory()
      try directory.vmreel("report", "\(SecondReader.traces)/\(name)", "-o", "report.html")
      let script = SecondReader.root.appending(path: "tools/browse-report").path
      let run = directory.finish(
        try SecondReader.python([script, "report.html"], in: directory), "browse-report",
        #_sourceLocation)
      #expect(run.status == 0, "\(String(decoding: run.output, as: UTF8.self))")
    }

    @Test func existingFileStays() throws {
      let directory = try TestDirectory()
      let reel = "\(SecondReader.traces)/ticker.reel"
      try directory.write("mine".utf8, to: "kept.html")
      let refused = try directory.vmreel("report", reel, "-o", "kept.html")
      #expect(refused.status == 2)
      #expect(try directory.read("kept.html") == Array("mine".utf8))
      #expect(try directory.vmreel("report", reel, "-o", "kept.html", "--force").status == 0)
      let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
      #expect(!names.contains { $0.hasSuffix(".part") })
    }

    @Test func reelIsNeverOverwritten() throws {
      let directory = try TestDirectory()
      let reel = Array(
        try Data(contentsOf: URL(filePath: "\(SecondReader.traces)/ticker.reel")))
      try directory.write(reel, to: "mine.reel")
      let run = try directory.vmreel("report", "mine.reel", "-o", "mine.reel", "--force")
      #expect(run.status == 2)
      #expect(try directory.read("mine.reel") == reel)
    }

    @Test func rangeBehindTheEndIsRefused() throws {
      let directory = try TestDirectory()
      let run = try directory.vmreel(
        "report", "\(SecondReader.traces)/ticker.reel", "-o", "-", "--range", "9000000..9000001")
      #expect(run.status == 2 && run.output.isEmpty)
    }
  }
}
