import Foundation
import ReelFixtures
import Testing
import Trace

@testable import Analysis

@Suite struct CodableTests {
  private func roundTrip<T: Codable>(_ value: T) throws -> (T, String) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let data = try encoder.encode(value)
    return (
      try JSONDecoder().decode(T.self, from: data), String(decoding: data, as: UTF8.self)
    )
  }

  @Test func statistics() throws {
    let statistics = try ExitStatistics(try ReelBuilder.sample(rounds: 20).reel())
    let (decoded, text) = try roundTrip(statistics)
    #expect(decoded == statistics)
    #expect(text.contains(#""schema":"vmreel.stats/2""#) || text.contains(#"vmreel.stats\/2"#))
    #expect(text.contains(#""cells":["0x20"]"#))
    let ports = try ExitStatistics(try ReelBuilder.sample(rounds: 20).reel(), .init(by: [.port]))
    let (portsAgain, portsText) = try roundTrip(ports)
    #expect(portsAgain == ports)
    #expect(portsText.contains(#""cells":["0x3f8:POUT"]"#))
  }

  @Test func difference() throws {
    var other = ReelBuilder.sample(rounds: 20)
    other.entries[other.entries.count - 2].payload[0] = 0
    let difference = try ReelDifference(
      try ReelBuilder.sample(rounds: 20).reel(), try other.reel(),
      metadata: (.sample, .sample))
    let (decoded, text) = try roundTrip(difference)
    #expect(decoded == difference)
    #expect(text.contains(#""payload":"627965""#))
    #expect(text.contains(#""rip":"0x9000""#))
  }

  @Test func verificationAndSummary() throws {
    let builder = ReelBuilder.sample(rounds: 20)
    let verification = ReelVerification(MemorySource(builder.bytes() + [0]))
    #expect(try roundTrip(verification).0 == verification)
    let summary = ReelSummary(try builder.reel(), metadata: .sample)
    #expect(try roundTrip(summary).0 == summary)
  }

  @Test(arguments: ["12", "0x", "0xg", "0x10000000000000000"])
  func malformedHexIsRefused(text: String) {
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode([HexWord].self, from: Data("[\"\(text)\"]".utf8))
    }
  }
}
