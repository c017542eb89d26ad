import FoundationEssentials
import FuzzTargets
import ReelFixtures
import Testing
import Trace

/// Inputs that once went wrong, and the corpus, through the entry points the fuzzer uses.
///
/// A trap ends the test run: that is how these tests fail.
@Suite("Fuzz targets")
struct RegressionTests {
  /// The files for a target in a directory beside this file, `NAME/TARGET/…`.
  private func inputs(_ directory: String, _ target: FuzzTarget) throws -> [[UInt8]] {
    let path =
      String(#filePath.dropLast("RegressionTests.swift".count))
      + "\(directory)/\(target.rawValue)"
    guard FileManager.default.fileExists(atPath: path) else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: path).sorted().map {
      Array(try Data(contentsOf: URL(filePath: "\(path)/\($0)")))
    }
  }

  @Test("What once went wrong does so no more", arguments: FuzzTarget.allCases)
  func regressions(_ target: FuzzTarget) throws {
    for input in try inputs("Regressions", target) { target.run(input) }
  }

  @Test("The corpus and the seeds run", arguments: FuzzTarget.allCases)
  func corpus(_ target: FuzzTarget) throws {
    let inputs = try inputs("Corpus", target) + target.seeds(from: SampleReel().encoded())
    #expect(!inputs.isEmpty, "the fuzzer would begin with nothing")
    for input in inputs { target.run(input) }
    target.run([])
  }

  @Test("Seeds become reels that open, with the blocks they were made of")
  func seeds() throws {
    let reel = try Reel(MemorySource(SampleReel().encoded()))
    for target in [FuzzTarget.reel, .events, .kernelExits, .keyframes, .totals, .index] {
      let seed = try #require(target.seeds(from: SampleReel().encoded()).last { $0.first != 0xff })
      let bytes = try #require(target.reel(seed))
      let made = try Reel(MemorySource(bytes))
      #expect(made.tail == .whole && made.indexError == nil, "\(target)")
      if target != .index, target != .reel { continue }
      #expect(made.eventCount == reel.eventCount)
      #expect(made.keyframeNumbers == reel.keyframeNumbers)
    }
  }
}
