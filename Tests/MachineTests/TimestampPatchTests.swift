import Machine
import Testing

@Suite struct TimestampPatchTests {
  typealias Kernel = SyntheticVMLinux

  private func offsets(_ sites: [TimestampSite]) -> [Int] {
    sites.map { $0.fileOffset - Kernel.fileBase }
  }

  @Test func decodingTellsInstructionsFromBytesAndData() throws {
    let patch = try TimestampPatch(Kernel.elf())
    #expect(offsets(patch.rewritten) == [11, 14, 18, 0x83])
    #expect(offsets(patch.hidden) == [0x85])
    #expect(patch.otherOccurrences == 2)
    #expect(patch.resynchronisations == 1)
    let site = try #require(patch.rewritten.last)
    #expect(site.address == Kernel.base + 0x83)
    #expect(site.physicalAddress == Kernel.physicalBase + 0x83)
    #expect(site.section == ".altinstr_replacement")
  }

  @Test func withoutTheUnwindTableDataCanHideAnInstruction() throws {
    let sections = Kernel.sections().filter { $0.name != ".orc_unwind_ip" }
    #expect(offsets(try TimestampPatch(Kernel.elf(sections)).rewritten) == [11, 18, 0x83])
  }

  /// An entry within an instruction that may be replaced is about the replacement.
  @Test(arguments: [12, 14]) func unwindEntriesOfAlternatives(alternativeSize: Int) throws {
    let sections = Kernel.sections(boundaries: [12, 14, 11], alternativeSize: alternativeSize)
    let patch = try TimestampPatch(Kernel.elf(sections))
    #expect(offsets(patch.rewritten) == [11, 14, 18, 0x83])
  }

  @Test func rewritingKeepsLengthsAndEverythingElse() throws {
    let original = Kernel.elf()
    var rewritten = original
    try TimestampPatch(original).apply(to: &rewritten)
    let text = Array(rewritten[Kernel.fileBase..<Kernel.fileBase + Kernel.text.count])
    #expect(Array(text[11..<13]) == [0xe5, 0xe4])
    #expect(Array(text[14..<18]) == [0xe5, 0xe4, 0x90, 0x90])
    // A prefix would make it a two-byte access.
    #expect(Array(text[18..<21]) == [0xe5, 0xe4, 0x90])
    #expect(Array(rewritten[0x1080..<0x1088]) == [0x0f, 0xae, 0xe8, 0xe5, 0xe4, 0x0f, 0x01, 0xf9])
    #expect(rewritten.indices.count { rewritten[$0] != original[$0] } == 9)
    #expect(rewritten.count == original.count)
  }

  @Test func theVDSOIsListedAndLeft() throws {
    let patch = try TimestampPatch(Kernel.elf())
    #expect(offsets(patch.userSpace) == [0x1040])
    #expect(patch.userSpace.map(\.kind) == [.rdtscp])
    #expect(patch.userSpace.map(\.section) == [".rodata (vDSO .text)"])
  }

  @Test func kernelsThatCannotBeRewrittenAreRefused() {
    var other = Kernel.elf()
    other[18] = 0xb7
    var stripped = Kernel.elf()
    stripped.replaceSubrange(40..<48, with: [UInt8](repeating: 0, count: 8))
    let quiet = Kernel.sections().map { section in
      var section = section
      if section.flags == 6 { section.bytes = section.bytes.map { _ in 0x90 } }
      return section
    }
    expect("no 64-bit x86 ELF file", [0x7f, 0x45, 0x4c, 0x46])
    expect("no 64-bit x86 ELF file", other)
    expect("no section headers", stripped)
    expect("no RDTSC instruction was found", Kernel.elf(quiet))
  }

  /// Small files that would take minutes: each section or page is looked at on its own.
  @Test func filesThatAskForMuchWorkAreRefused() throws {
    let data = try #require(Kernel.sections().last)
    var overlapping = data
    overlapping.bytes += [UInt8](repeating: 0, count: 0x300)
    expect(
      "its sections overlap",
      Kernel.elf(Kernel.sections() + Array(repeating: overlapping, count: 40)))
    var crowded = data
    crowded.offset = 0x3000
    let page = [0x7f, 0x45, 0x4c, 0x46] + [UInt8](repeating: 0, count: 0xffc)
    crowded.bytes = Array(repeatElement(page, count: 65).joined())
    let image = Kernel.elf(Kernel.sections() + [crowded])
    #expect(throws: LoaderError.tooMany(what: "ELF images in its data", count: 65, limit: 64)) {
      try TimestampPatch(image)
    }
  }

  private func expect(_ reason: String, _ image: [UInt8]) {
    do throws(LoaderError) {
      _ = try TimestampPatch(image)
      Issue.record("it was accepted")
    } catch {
      #expect(error.description.contains("as --tsc patch demands"))
      #expect(error.description.contains(reason))
    }
  }

  /// Whatever a file says, the answer is sites inside it or an error.
  @Test func hostileFilesAreSurvived() {
    var random = Xorshift(state: 0x7c5)
    let original = Kernel.elf()
    for _ in 0..<3000 {
      var image = original
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        // Mostly the headers, where it hurts.
        let isHeader = Bool.random(using: &random)
        let place =
          isHeader
          ? Int.random(in: 0x2400..<image.count, using: &random)
          : Int.random(in: image.indices, using: &random)
        image[place] = [0, 0xff, 0x7f, UInt8.random(in: 0...255, using: &random)].randomElement(
          using: &random)!
      }
      if Int.random(in: 0..<4, using: &random) == 0 {
        image.removeLast(Int.random(in: 1...0x1500, using: &random))
      }
      guard let patch = try? TimestampPatch(image) else { continue }
      var rewritten = image
      patch.apply(to: &rewritten)
      #expect(rewritten.count == image.count)
      #expect(patch.rewritten.allSatisfy { image.indices.contains($0.fileOffset + 1) })
    }
  }
}
