import FoundationEssentials
import Glibc
import Testing

extension ProgramTests {
  /// `bench` on synthetic reels: that it runs, prints what can be read, and leaves nothing behind.
  ///
  /// How long anything takes is not looked at: tests share the machine.
  @Suite struct Bench {
    private struct Report: Decodable {
      struct Measurement: Decodable {
        var subject: String
        var events: UInt64?
        var variant: String
        var unit: String
        var median: Double
        var minimum: Double
        var maximum: Double
        var ratio: Double?
        var reference: String?
      }
      var schema: String
      var rounds: Int
      var measurements: [Measurement]
    }

    static let benches: [(arguments: [String], variants: [String])] = [
      (
        ["write", "--sizes", "500,2k"],
        ["memcpy", "append (vCPU's thread)", "zstd -1", "writer's thread", "event blocks"]
      ),
      (["read", "--sizes", "500,2k"], ["memcpy", "zstd -d", "whole events", "column kind"]),
      (["stats", "--sizes", "500,2k"], ["whole events", "stats"]),
      (
        ["diff", "--sizes", "500,2k"],
        ["whole events of both", "equal, by digests", "1 % edited", "nothing in common"]
      ),
      (
        ["seek", "--sizes", "500,2k", "--events", "2k", "--jumps", "3"],
        ["open", "scan to the middle", "jump p50", "jump p95", "jump max"]
      ),
      (["size"], ["zstd -1", "events", "events: kind", "pages", "whole reel"]),
    ]

    @Test(arguments: benches.indices)
    func reports(index: Int) throws {
      let (arguments, variants) = Self.benches[index]
      let directory = try TestDirectory()
      let line = ["bench"] + arguments + ["--rounds", "2", "--directory", "."]
      let run = try directory.vmreel(line + ["--format", "json"])
      run.expectSuccess()
      let report = try JSONDecoder().decode(Report.self, from: Data(run.output))
      #expect(report.schema == "vmreel.bench.\(arguments[0])/1")
      for variant in variants {
        let found = report.measurements.filter { $0.variant == variant }
        #expect(!found.isEmpty, "no \(variant): \(run.story)")
        for figure in found {
          #expect(figure.minimum >= 0 && figure.minimum <= figure.median, "\(figure)")
          #expect(figure.median <= figure.maximum && figure.maximum.isFinite, "\(figure)")
        }
      }
      for figure in report.measurements {
        #expect((figure.ratio == nil) == (figure.reference == nil), "\(figure)")
        if let reference = figure.reference {
          let same = report.measurements.filter {
            $0.subject == figure.subject && $0.variant == reference
          }
          #expect(!same.isEmpty, "\(figure.variant) refers to \(reference), which is not there")
        }
      }
      let text = try directory.vmreel(line)
      text.expectSuccess()
      let lines = text.text.split(separator: "\n")
      #expect(lines.count == report.measurements.count + 1, "\(text.story)")
      #expect(lines.first?.hasSuffix("ratio") == true)
      #expect(try directory.files().isEmpty)
    }

    @Test("The sizes of a reel's columns and blocks add up to the file")
    func sizesAddUp() throws {
      let directory = try TestDirectory()
      try directory.vmreel(
        "bench", "generate", "--events", "3k", "--kernel-exits", "vmx", "-o", "s.reel"
      ).expectSuccess()
      let run = try directory.vmreel("bench", "size", "s.reel", "--format", "json")
      let figures = try JSONDecoder().decode(Report.self, from: Data(run.output)).measurements
      func sum(_ isCounted: (String) -> Bool) -> Double {
        figures.filter { isCounted($0.variant) }.reduce(0) { $0 + $1.median }
      }
      let fileHeader = 64.0
      let blocks = sum {
        !$0.hasPrefix("events:") && !["zstd -1", "whole reel"].contains($0)
      }
      let whole = sum { $0 == "whole reel" }
      let file = Double(try directory.read("s.reel").count)
      #expect(abs(whole / (whole - blocks) - file / fileHeader) < 0.01 * file / fileHeader)
      let columns = sum { $0.hasPrefix("events:") }
      let events = sum { $0 == "events" }
      #expect(columns < events && columns > 0.8 * events, "\(columns) of \(events)")
    }

    @Test("The same options give the same reel, which verify and dump accept")
    func generates() throws {
      let directory = try TestDirectory()
      for name in ["a", "b"] {
        try directory.vmreel(
          "bench", "generate", "--events", "20k", "--seed", "7", "--vcpus", "2",
          "--keyframe-interval", "3000", "-o", "\(name).reel"
        ).expectSuccess()
      }
      #expect(try directory.read("a.reel") == directory.read("b.reel"))
      try directory.vmreel("verify", "a.reel").expectSuccess()
      let dump = try directory.vmreel("dump", "a.reel")
      #expect(dump.text.split(separator: "\n").count == 20_000)
      expectTrouble(
        try directory.vmreel("bench", "generate", "-o", "a.reel"), "a.reel", "exists already")
    }

    @Test("Ctrl-C ends a bench and removes its reels", arguments: [SIGINT, SIGTERM])
    func isInterrupted(signal: Int32) throws {
      let directory = try TestDirectory()
      let program = try directory.start(
        "bench", "write", "--sizes", "10m", "--rounds", "1000", "--directory", ".")
      for _ in 0..<2000 where try directory.files().isEmpty { usleep(5000) }
      #expect(try directory.files().count == 1, "there is no directory of the bench's")
      program.send(signal)
      let run = program.wait()
      #expect(run.status == 128 + signal, "\(run.story)")
      #expect(try directory.files().isEmpty)
    }

    static let lines: [(arguments: [String], says: String)] = [
      (["write", "--sizes", "ten"], "sizes"), (["read", "--sizes", "1k,99m"], "10m"),
      (["stats", "--rounds", "0"], "--rounds"), (["seek", "--jumps", "0"], "--jumps"),
      (["size", "nothing.reel"], "nothing.reel"), (["generate"], "-o"),
      (["generate", "--vcpus", "0", "-o", "x.reel"], "--vcpus"),
      (["diff", "--directory", "nowhere", "--sizes", "1k"], "--directory"),
    ]

    @Test(arguments: lines.indices)
    func badInput(index: Int) throws {
      let directory = try TestDirectory()
      let (arguments, says) = Self.lines[index]
      expectTrouble(try directory.vmreel(["bench"] + arguments), says)
      #expect(try directory.files().isEmpty)
    }
  }
}
