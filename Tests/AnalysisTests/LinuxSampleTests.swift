import Foundation
import ReelFixtures
import Testing
import Trace

@testable import Analysis

/// The boots of Linux in `traces/linux`: stripped, and with every VM exit.
@Suite struct LinuxSampleTests {
  private static let directory = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "traces/linux")

  struct Sample: Sendable, CustomTestStringConvertible {
    var module: String
    var tsc: String
    /// Names of kernel exits every boot has.
    var reasons: Set<String>
    /// Of them, those the kernel always handles alone, and those that always reach the runner.
    var alone: String
    var reaching: String
    var testDescription: String { module }
  }

  static let samples = [
    Sample(
      module: "kvm_amd", tsc: "patch",
      reasons: ["io", "npf", "cpuid", "msr", "hlt", "interrupt", "read_cr4", "write_cr4"],
      alone: "write_cr4", reaching: "io"),
    Sample(
      module: "kvm_intel", tsc: "freeze",
      reasons: [
        "IO_INSTRUCTION", "EPT_VIOLATION", "CPUID", "CR_ACCESS", "DR_ACCESS", "MSR_READ",
        "MSR_WRITE", "HLT", "EXTERNAL_INTERRUPT",
      ], alone: "CR_ACCESS", reaching: "IO_INSTRUCTION"),
  ]

  private static func reel(_ module: String) throws -> Reel {
    let bytes = try Data(contentsOf: directory.appending(path: "static-\(module).reel"))
    return try Reel(MemorySource(Array(bytes)))
  }

  private static func metadata(_ reel: Reel) throws -> Metadata {
    try JSONDecoder().decode(Metadata.self, from: Data(reel.metadataJSON))
  }

  @Test func everyReelIsListed() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: Self.directory.path)
    #expect(files.sorted() == Self.samples.map { "static-\($0.module).reel" })
    let readme = try String(
      contentsOf: Self.directory.appending(path: "../README.md"), encoding: .utf8)
    for name in files { #expect(readme.contains("| `linux/\(name)` |")) }
  }

  @Test(arguments: samples) func isSoundAndHoldsNoMemory(_ sample: Sample) throws {
    let reel = try Self.reel(sample.module)
    #expect(reel.tail == .whole && reel.byteCount < 1_500_000)
    #expect(reel.end?.reason == .haltedForever)
    #expect(!reel.header.hasPages && !reel.blocks.contains { $0.header.type == .pages })
    for number in reel.keyframeNumbers {
      #expect(try reel.keyframe(number).pages.isEmpty)
    }
    let bytes = try Data(
      contentsOf: Self.directory.appending(path: "static-\(sample.module).reel"))
    let verification = ReelVerification(MemorySource(Array(bytes)))
    #expect(verification.isSound && verification.isStripped, "\(verification.findings)")
    let metadata = try Self.metadata(reel)
    #expect(metadata.guest.kind == "linux" && metadata.host.kvmModule == sample.module)
    #expect(metadata.policies.tsc == sample.tsc && metadata.policies.placement == "exit")
    #expect(metadata.commandLine.allSatisfy { !$0.contains("/") })
    #expect(reel.metadataJSON.count > 1000)
  }

  @Test(arguments: samples) func showsEveryExitByItsReason(_ sample: Sample) throws {
    let reel = try Self.reel(sample.module)
    let statistics = try ExitStatistics(reel, metadata: try Self.metadata(reel))
    let kernel = statistics.kernel
    #expect(kernel.kind == .tracepoint && kernel.lost == 0)
    #expect(kernel.recorded == kernel.statisticsExits)
    #expect(kernel.runsReturned == statistics.totals.guestMadeExits)
    #expect(statistics.kernelExits.samples == kernel.recorded)
    let rows = statistics.kernelExits.byName
    #expect(sample.reasons.isSubset(of: rows.keys), "\(rows.keys.sorted())")
    #expect(!rows.keys.contains { $0.hasPrefix("0x") }, "\(rows.keys.sorted())")
    let (alone, reaching) = (
      try #require(rows[sample.alone]?.outcomes), try #require(rows[sample.reaching])
    )
    #expect(alone.returned == 0 && alone.handledByKernel > 0)
    #expect(reaching.outcomes == ExitRow.Outcomes(returned: reaching.samples))
  }

  /// The kernel holds interrupts off while it probes, so some wait; without a query too.
  @Test(arguments: samples) func showsHowLongInterruptsWaited(_ sample: Sample) throws {
    let reel = try Self.reel(sample.module)
    var cursor = EventCursor(reel)
    var (injected, waited) = (UInt64(0), UInt64(0))
    while let event = try cursor.next() {
      guard event.kind == .interrupt else { continue }
      injected += 1
      if event.waited > 0 { waited += 1 }
    }
    #expect(waited > 0)
    let overview = try ExitStatistics(reel, metadata: try Self.metadata(reel)).interrupts
    #expect(overview.samples == injected && overview.totalNanoseconds > 0)
    let asked = try ExitStatistics(
      reel, .init(by: [.vector], .irq), metadata: try Self.metadata(reel))
    #expect(overview.byName.mapValues(\.handling) == asked.table.byName.mapValues(\.handling))
  }

  @Test(arguments: samples) func showsEveryPageThatFaulted(_ sample: Sample) throws {
    let reel = try Self.reel(sample.module)
    let statistics = try ExitStatistics(
      reel, .init(by: [.gpa], .mmio, of: .kernel), metadata: try Self.metadata(reel))
    #expect(statistics.totals.faultsWithoutAddress == 0)
    // The kernel and its initrd are larger than this many pages, and each is touched. More pages
    // and accesses than a table has rows share one.
    let table = statistics.table
    #expect(table.rows.count == ExitRowIndex.maximumRows + 1)
    #expect(table.foldedSamples > 900 && table.byName["other"]?.samples == table.foldedSamples)
    // The guest has 128 MiB of RAM; what lies above are holes.
    let pages = try table.rows.filter { $0.name != "other" }.map { row in
      let digits = try #require(row.name.split(separator: ":").first?.dropFirst(2))
      return try #require(UInt64(digits, radix: 16))
    }
    #expect(pages.allSatisfy { $0 & 0xfff == 0 })
    let inMemory = pages.count { $0 < 128 << 20 }
    #expect(inMemory * 100 > pages.count * 99)
  }

  /// One kernel is started as it is and unpacks itself, the other has been unpacked and rewritten.
  @Test func theTwoPartAtTheFirstExit() throws {
    let (a, b) = (try Self.reel("kvm_amd"), try Self.reel("kvm_intel"))
    let difference = try ReelDifference(
      a, b, metadata: (try Self.metadata(a), try Self.metadata(b)))
    let first = try #require(difference.firstDifference)
    #expect(first.a?.event.kind.isGuestMade == true && first.b?.event.kind.isGuestMade == true)
    #expect(first.a?.event.kind != first.b?.event.kind && difference.commonEvents == 0)
    let fields = difference.configuration.map(\.path)
    #expect(fields.contains { $0.hasPrefix("cpu.cpuidTable") })
    #expect(fields.filter { $0.hasPrefix("guest.") } == ["guest.entry"], "all else is the same")
  }

  @Test(arguments: samples) func bootedToTheEndOfItsJob(_ sample: Sample) throws {
    let transcript = try ConsoleTranscript(try Self.reel(sample.module))
    let text = transcript.text(stream: ConsoleTranscript.serialStream)
    #expect(text.contains("linux-guest: static: begin"))
    #expect(text.contains("linux-guest: static: done"))
  }
}
