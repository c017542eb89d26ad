import FoundationEssentials
import Testing

extension ProgramTests {
  /// Reels recorded under each kind of KVM with `--placement exit`, replayed under this one.
  @Suite(.needsKVM) struct CrossKVM {
    private static let directory = URL(filePath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "traces/cross")

    @Test(
      arguments: ["kvm_pvm", "kvm_amd", "kvm_intel"], ["ticker", "mmio", "strings"])
    func replaysIdentically(module: String, guest: String) throws {
      let directory = try TestDirectory()
      let reel = Self.directory.appending(path: "\(guest)-\(module).reel").path
      let replayed = try directory.vmreel("replay", "--no-console", reel)
      #expect(replayed.status == 0, "\(replayed.story)")
      let verdict = try #require(replayed.errorLines.last)
      #expect(verdict.hasPrefix("identical: "), "\(replayed.story)")
      let info = try directory.vmreel("info", reel)
      #expect(info.text.contains(module) && info.text.contains("placement exit"))
      // The reel says where RIP stands; a replay that had to move it says so.
      let isAfter = info.text.contains("out after")
      #expect(isAfter != info.text.contains("out at"), "\(info.story)")
      let doctor = try directory.vmreel("doctor")
      let differs = isAfter != doctor.text.contains("out after")
      #expect(replayed.errors.contains("normalised here at ") == differs, "\(replayed.story)")
    }
  }
}
