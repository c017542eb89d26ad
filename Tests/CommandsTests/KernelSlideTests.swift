import Analysis
import FoundationEssentials
import ReelFixtures
import Testing
import Trace

@testable import Commands

/// KASLR offsets of sample reels.
///
/// Their memory is stripped; registers at keyframes are not.
@Suite struct KernelSlideTests {
  private static func reel(_ name: String) throws -> Reel {
    let file = URL(filePath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "traces/\(name).reel")
    return try Reel(MemorySource(Array(try Data(contentsOf: file))))
  }

  private static func symbols(_ entry: UInt64) throws -> SymbolTable {
    let map = "\(String(entry, radix: 16)) T entry_SYSCALL_64\n"
    return try SymbolTable(parsing: Array(map.utf8))
  }

  /// Both boots are of one kernel, whose entry point is linked at this address.
  private static let entry: UInt64 = 0xffff_ffff_81c0_0080

  /// The ELF file of one was started where it lies; the bzImage of the other moved itself.
  @Test(arguments: [("linux/static-kvm_amd", 0), ("linux/static-kvm_intel", 0xd00_0000)])
  func linux(name: String, offset: UInt64) throws {
    let reel = try Self.reel(name)
    let last = try #require(reel.keyframeNumbers.last)
    let entries = try #require(KernelSlide.EntryPoints(try reel.keyframe(last).vcpuStates))
    #expect(entries.lstar == Self.entry + offset)
    let found = try KernelSlide(in: reel, symbols: Self.symbols(Self.entry))
    #expect(found.offset == offset && found.keyframe == last)
    #expect(throws: KernelSlide.Failure.self, "another kernel") {
      try KernelSlide(in: reel, symbols: Self.symbols(Self.entry - 0x40))
    }
  }

  @Test func otherGuestsHaveNone() throws {
    #expect(throws: KernelSlide.Failure.notSet) {
      try KernelSlide(in: try Self.reel("hello"), symbols: Self.symbols(0x1000))
    }
  }
}
