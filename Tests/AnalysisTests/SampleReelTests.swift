import Foundation
import ReelFixtures
import Testing
import Trace

@testable import Analysis

/// The reels in `traces/`: each sound, readable and what its README says.
@Suite struct SampleReelTests {
  private static let directory = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "traces")

  /// What a sample reel must hold, as far as it does not depend on the host that recorded it.
  struct Sample: Sendable, CustomTestStringConvertible {
    var name: String
    var guest: String
    var reason = EndReason.debugExit
    /// Exits by reason; `nil` where the host's kicks decide how many there are.
    var exits: [String: UInt64]?
    var interrupts: UInt64? = 0
    var hasSeals = false
    /// The whole text of the serial port, or with `isStart` its beginning.
    var console: String
    var isStart = false

    var testDescription: String { name }
  }

  static let ticks = (1...10).map { "tick \($0)\n" }.joined()

  static let samples = [
    Sample(
      name: "hello", guest: "hello", exits: ["out": 35, "in": 34],
      console: "Hello from inside a vmreel guest.\n"),
    Sample(
      name: "ticker", guest: "ticker", exits: ["out": 121, "in": 97, "hlt": 10],
      interrupts: 10, console: "ticker: real mode, 100 Hz\n" + ticks),
    Sample(
      name: "ticker64", guest: "ticker64", exits: ["out": 125, "in": 101, "hlt": 10],
      interrupts: 10, console: "ticker64: 64-bit mode, 100 Hz\n" + ticks),
    Sample(
      name: "echo-hello", guest: "echo", interrupts: nil,
      console: "echo: type a line\nhEllO\ncharacters 5, vowels 2, others 3, sum of digits 0\n"),
    Sample(
      name: "echo-hullo", guest: "echo", interrupts: nil,
      console: "echo: type a line\nhUllO\ncharacters 5, vowels 2, others 3, sum of digits 0\n"),
    Sample(name: "mmio", guest: "mmio", console: "mmio: hole at fed00000\n", isStart: true),
    Sample(name: "msr", guest: "msr", console: "msr: index, value\n", isStart: true),
    Sample(
      name: "strings", guest: "strings", console: "strings: one port, many elements\n",
      isStart: true),
    Sample(
      name: "crash", guest: "crash", reason: .shutdown,
      console: "crash: an invalid opcode with no interrupt table comes next\n"),
    Sample(
      name: "multiboot", guest: "multiboot",
      console: """
        multiboot: loaded by vmreel
        command line: multiboot mode=sample
        upper memory KiB: 3072
        modules: 1
        first module (motto.txt): A module of one line.


        """),
    Sample(
      name: "compute", guest: "compute", reason: .consoleText, interrupts: nil, hasSeals: true,
      console: """
        compute: sieve, xorshift, CRC-32
        round 1: primes 564, xorshift 0280100bb7f0b96e, crc 3de527fc
        round 2
        """),
  ]

  private static func reel(_ name: String) throws -> Reel {
    let bytes = try Data(contentsOf: directory.appending(path: "\(name).reel"))
    return try Reel(MemorySource(Array(bytes)))
  }

  private static func metadata(_ reel: Reel) throws -> Metadata {
    try JSONDecoder().decode(Metadata.self, from: Data(reel.metadataJSON))
  }

  @Test func everyReelIsListed() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: Self.directory.path)
    let reels = files.filter { $0.hasSuffix(".reel") }.sorted()
    #expect(reels == Self.samples.map { "\($0.name).reel" }.sorted())
    let readme = try String(
      contentsOf: Self.directory.appending(path: "README.md"), encoding: .utf8)
    for name in reels { #expect(readme.contains("| `\(name)` |")) }
  }

  @Test(arguments: samples) func isSoundAndWhole(_ sample: Sample) throws {
    let bytes = try Data(contentsOf: Self.directory.appending(path: "\(sample.name).reel"))
    let verification = ReelVerification(MemorySource(Array(bytes)))
    #expect(verification.isSound, "\(verification.findings)")
    let reel = try Self.reel(sample.name)
    #expect(reel.tail == .whole)
    #expect((reel.header.major, reel.header.minor) == (1, 0))
    #expect(reel.end?.reason == sample.reason)
  }

  @Test(arguments: samples) func namesItsGuestButNoMachinesPaths(_ sample: Sample) throws {
    let metadata = try Self.metadata(try Self.reel(sample.name))
    #expect(metadata.guest.kind == "built-in")
    #expect(metadata.guest.name == sample.guest)
    #expect(metadata.commandLine.first == "vmreel")
    #expect(metadata.commandLine.allSatisfy { !$0.contains("/") })
  }

  @Test(arguments: samples) func hasTheExpectedStatistics(_ sample: Sample) throws {
    let reel = try Self.reel(sample.name)
    let statistics = try ExitStatistics(reel)
    #expect(statistics.totals.events == reel.end?.eventCount)
    #expect(statistics.totals.guestMadeExits == reel.end?.guestMadeExits)
    #expect((statistics.totals.sealedSegments > 0) == sample.hasSeals)
    if let exits = sample.exits {
      #expect(statistics.table.counts == exits)
    }
    if let interrupts = sample.interrupts {
      #expect(statistics.interrupts.samples == interrupts)
    }
  }

  @Test(arguments: samples) func hasTheExpectedConsole(_ sample: Sample) throws {
    let transcript = try ConsoleTranscript(try Self.reel(sample.name))
    let text = transcript.text(stream: ConsoleTranscript.serialStream)
    if sample.isStart {
      #expect(text.hasPrefix(sample.console))
    } else {
      #expect(text == sample.console)
    }
  }

  @Test func theEchoReelsPartAtTheLetterThatDiffers() throws {
    let (a, b) = (try Self.reel("echo-hello"), try Self.reel("echo-hullo"))
    let difference = try ReelDifference(
      a, b, metadata: (try Self.metadata(a), try Self.metadata(b)))
    let first = try #require(difference.firstDifference)
    #expect(first.a?.event.kind == .inputData)
    #expect(first.a?.event.value == UInt64(UInt8(ascii: "e")))
    #expect(first.b?.event.value == UInt64(UInt8(ascii: "u")))
  }
}
