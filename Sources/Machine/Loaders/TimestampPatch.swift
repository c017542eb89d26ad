internal import Disassembly

/// What ``TSCPolicy/patch`` does to a Linux kernel: each RDTSC becomes `IN EAX,` ``TimestampPort``.
///
/// Both are two bytes long, leave the flags alone and zero-extend into RAX; the run loop sets RDX
/// with the answer. Sites are found by decoding the executable sections from end to end, put right
/// by the instruction addresses the unwind table gives. The code that the kernel copies over its own
/// at boot (`.altinstr_replacement`) is rewritten like any other: what is copied is rewritten, and
/// lengths stay as they were. Not covered: modules loaded later, and user space.
public struct TimestampPatch: Equatable, Sendable {
  /// RDTSC in the kernel's own code, ascending by file offset: these are rewritten.
  public private(set) var rewritten: [TimestampSite] = []
  /// RDTSCP in the kernel's own code: left, since Linux puts it into place only where CPUID shows
  /// it, and KVM answers it with #UD where CPUID hides it.
  public private(set) var hidden: [TimestampSite] = []
  /// Either in the vDSO images, which run in user space, where IN would be refused: left.
  public private(set) var userSpace: [TimestampSite] = []
  /// Occurrences of RDTSC's two bytes in executable sections that belong to other instructions.
  public private(set) var otherOccurrences = 0
  /// Where decoding had to start anew: data between code.
  public private(set) var resynchronisations = 0

  /// No kernel has more sites of a kind (Debian's have about a hundred); it bounds the metadata.
  public static let maximumSites = 4096

  /// Finds the sites of a Linux kernel.
  ///
  /// - Parameter elf: the ELF file, extracted from a bzImage (``LinuxPayload``).
  /// - Throws: ``LoaderError/notPatchable(reason:)`` when it is no ELF file for x86-64, has no
  ///   section headers, or no RDTSC.
  public init(_ elf: [UInt8]) throws(LoaderError) {
    guard ELFImage.isELF(elf), elf.count > 20, elf[4] == 2, elf[18] == 62, elf[19] == 0 else {
      throw .notPatchable(reason: "it is no 64-bit x86 ELF file")
    }
    let segments = try ELFImage.plan(elf).segments
    let sections = try ELFImage.sections(elf)
    let loaded = sections.filter(\.isLoaded)
    let code = loaded.filter(\.isExecutable)
    guard !code.isEmpty else {
      throw .notPatchable(
        reason: "it has no section headers, so its code cannot be told from its data")
    }
    // Overlapping sections could make a small file a long job.
    guard loaded.reduce(0, { $0 + $1.file.count }) <= elf.count else {
      throw .notPatchable(reason: "its sections overlap")
    }
    var sweep = CodeSweep(
      bytes: elf, segments: segments, boundaries: try InstructionBoundaries(elf, sections))
    for section in code { sweep.run(section, width: .bits64) }
    rewritten = sweep.sites.filter { $0.kind == .rdtsc }
    hidden = sweep.sites.filter { $0.kind == .rdtscp }
    resynchronisations = sweep.resynchronisations
    otherOccurrences = sweep.otherOccurrences
    var images = 0
    for section in loaded where !section.isExecutable {
      userSpace += try Self.userSpaceSites(elf, section, segments, &images)
    }
    guard !rewritten.isEmpty else {
      throw .notPatchable(reason: "no RDTSC instruction was found in it; is it Linux?")
    }
    for sites in [rewritten, hidden, userSpace] where sites.count > Self.maximumSites {
      throw .tooMany(
        what: "timestamp instructions", count: sites.count, limit: Self.maximumSites)
    }
  }

  /// Rewrites the sites in the file they were found in.
  public func apply(to elf: inout [UInt8]) {
    // IN EAX, imm8 (Intel SDM volume 2A); NOPs take the place of prefixes, which would bear on IN.
    let access: [UInt8] = [0xe5, TimestampPort.number]
    for site in rewritten {
      let place = site.fileOffset..<site.fileOffset + site.byteCount
      guard elf.indices.contains(place.upperBound - 1) else { continue }
      elf.replaceSubrange(
        place, with: access + [UInt8](repeating: 0x90, count: place.count - access.count))
    }
  }

  /// A vDSO image is a small ELF file on a page of its own in the kernel's data.
  private static func userSpaceSites(
    _ elf: [UInt8], _ section: ELFSection, _ segments: [ImageSegment], _ images: inout Int
  ) throws(LoaderError) -> [TimestampSite] {
    let page = UInt64(GuestMemory.pageSize)
    var sites: [TimestampSite] = []
    var offset = section.file.lowerBound + Int((0 &- section.address) % page)
    while offset + 64 <= section.file.upperBound {
      defer { offset += Int(page) }
      guard elf[offset] == 0x7f, elf[offset + 1] == 0x45, elf[offset + 2] == 0x4c,
        elf[offset + 3] == 0x46
      else { continue }
      images += 1
      guard images <= maximumImages else {
        throw .tooMany(what: "ELF images in its data", count: images, limit: maximumImages)
      }
      let image = Array(elf[offset..<min(offset + maximumVDSOByteCount, section.file.upperBound)])
      guard let inner = try? ELFImage.sections(image) else { continue }
      let code = inner.filter(\.isExecutable)
      guard code.reduce(0, { $0 + $1.file.count }) <= image.count else { continue }
      for part in code {
        let name = "\(section.name) (vDSO \(part.name))"
        let start = offset + part.file.lowerBound
        var sweep = CodeSweep(bytes: elf, segments: segments, boundaries: nil)
        sweep.run(
          ELFSection(
            name: name,
            address: section.address &+ UInt64(start - section.file.lowerBound),
            file: start..<start + part.file.count, isLoaded: true, isExecutable: true),
          width: image[4] == 2 ? .bits64 : .bits32)
        sites += sweep.sites
      }
    }
    return sites
  }

  private static let maximumVDSOByteCount = 64 << 10
  /// Linux has three (for 64-bit, x32 and 32-bit programs); a file of many would be a long job.
  private static let maximumImages = 64
}

/// Decodes sections from end to end and collects what reads the counter.
private struct CodeSweep {
  let bytes: [UInt8]
  let segments: [ImageSegment]
  let boundaries: InstructionBoundaries?
  var sites: [TimestampSite] = []
  var resynchronisations = 0
  var otherOccurrences = 0

  mutating func run(_ section: ELFSection, width: CodeWidth) {
    let firstSite = sites.count
    let end = section.address &+ UInt64(section.file.count)
    let known = boundaries?.addresses ?? []
    var index = boundaries?.next(above: section.address) ?? 0
    var offset = section.file.lowerBound
    while offset < section.file.upperBound {
      let address = section.address &+ UInt64(offset - section.file.lowerBound)
      while index < known.count, known[index] <= address { index += 1 }
      let boundary = index < known.count && known[index] < end ? known[index] : nil
      let room = boundary.map { Int($0 - address) } ?? section.file.upperBound - offset
      let instruction = Instruction(decoding: bytes, at: offset, width: width)
      guard let instruction, instruction.length <= room else {
        // Data, or out of step: go on where an instruction is known to begin.
        resynchronisations += 1
        offset += boundary == nil ? 1 : room
        continue
      }
      note(instruction, at: offset, address, section)
      offset += instruction.length
    }
    countOthers(in: section, taken: sites.count - firstSite)
  }

  private mutating func note(
    _ instruction: Instruction, at offset: Int, _ address: UInt64, _ section: ELFSection
  ) {
    let kind: TimestampSite.Kind
    switch instruction.operation {
    case .rdtsc: kind = .rdtsc
    case .rdtscp: kind = .rdtscp
    default: return
    }
    guard let segment = segments.first(where: { $0.file.contains(offset) }) else { return }
    sites.append(
      TimestampSite(
        address: address,
        physicalAddress: segment.address &+ UInt64(offset - segment.file.lowerBound),
        fileOffset: offset, byteCount: instruction.length, kind: kind, section: section.name))
  }

  private mutating func countOthers(in section: ELFSection, taken: Int) {
    let rdtsc = sites.suffix(taken).count { $0.kind == .rdtsc }
    var occurrences = 0
    for offset in section.file.dropLast() where bytes[offset] == 0x0f && bytes[offset + 1] == 0x31 {
      occurrences += 1
    }
    otherOccurrences += max(0, occurrences - rdtsc)
  }
}
