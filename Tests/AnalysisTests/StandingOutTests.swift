import ReelFixtures
import Testing
import Trace

@testable import Analysis

@Suite struct StandingOutTests {
  /// Writes to one port, an interrupt where the text says `i`: those that follow a write with
  /// nothing between could be coalesced.
  @Test(arguments: [("www", 2), ("wiw", 0), ("wwiw", 1), ("wwiww", 2), ("wriw", 0)])
  func repeatedWrites(sequence: String, expected: UInt64) throws {
    var builder = ReelBuilder()
    builder.add(.keyframe, 0)
    for letter in sequence {
      switch letter {
      case "w": builder.add(.portWrite, 0x3f8, value: 1, width: 1)
      case "i": builder.add(.interrupt, 0x20)
      default:
        builder.add(.portRead, 0x3fd, width: 1)
        builder.add(.inputData, width: 1)
      }
    }
    builder.add(.halt)
    let findings = try ExitStatistics(try builder.reel()).findings
    #expect(findings.first { $0.name == "repeated-writes" }?.exits ?? 0 == expected)
  }
}
