/// An ELF kernel with the sections Linux has, made field by field.
enum SyntheticVMLinux {
  static let base: UInt64 = 0xffff_ffff_8100_0000
  static let physicalBase: UInt64 = 0x100_0000
  static let fileBase = 0x1000

  /// `.text`: what looks like RDTSC within other instructions, RDTSC, data that swallows the next
  /// instruction unless the unwind table says where it begins, and RDTSC with a prefix.
  static let text: [UInt8] = [
    0x75, 0x0f, 0x31, 0xc0,  // jne +15; xor eax, eax
    0x48, 0xc7, 0xc6, 0x0f, 0x31, 0, 0,  // mov rsi, 0x310f
    0x0f, 0x31,  // rdtsc, at 11
    0xe9,  // a byte of data: jmp of five bytes
    0x0f, 0x31, 0x90, 0x90,  // rdtsc, at 14; nop; nop
    0x66, 0x0f, 0x31,  // data16 rdtsc, at 18
    0xc3,  // ret
  ]
  /// `.altinstr_replacement`: lfence; rdtsc, at 3; rdtscp, at 5.
  static let replacement: [UInt8] = [0x0f, 0xae, 0xe8, 0x0f, 0x31, 0x0f, 0x01, 0xf9]

  struct Section {
    var name: String
    var offset: Int
    var bytes: [UInt8]
    var flags: UInt64
    var address: UInt64 { base &+ UInt64(bitPattern: Int64(offset - fileBase)) }
  }

  static func sections(boundaries: [Int] = [0, 14], alternativeSize: Int = 12) -> [Section] {
    let orc = 0x1100
    let alternatives = 0x1200
    var table: [UInt8] = []
    for (index, boundary) in boundaries.enumerated() {
      table += word(fileBase + boundary - (orc + 4 * index))
    }
    // rdtsc at 11 may be replaced by what is in .altinstr_replacement.
    let alternative =
      word(fileBase + 11 - alternatives) + word(0x1080 - (alternatives + 4))
      + [UInt8](repeating: 0, count: alternativeSize - 10) + [2, 5]
    return [
      Section(name: ".text", offset: fileBase, bytes: text, flags: 6),
      Section(name: ".altinstr_replacement", offset: 0x1080, bytes: replacement, flags: 6),
      Section(name: ".orc_unwind_ip", offset: orc, bytes: table, flags: 2),
      Section(name: ".altinstructions", offset: alternatives, bytes: alternative, flags: 2),
      Section(name: ".rodata", offset: 0x2000, bytes: vdso, flags: 2),
    ]
  }

  static func elf(_ sections: [Section] = sections()) -> [UInt8] {
    let end = sections.map { $0.offset + $0.bytes.count }.max() ?? 0
    var image = ImageWriter(byteCount: max(0x2400, end))
    putIdentity(&image, type: 2)
    image.put64(base + 0x40, at: 24)
    image.put64(64, at: 32)
    image.put16(56, at: 54)
    image.put16(1, at: 56)
    image.put32(1, at: 64)
    image.put64(UInt64(fileBase), at: 72)
    image.put64(base, at: 80)
    image.put64(physicalBase, at: 88)
    image.put64(0x1400, at: 96)
    image.put64(0x1400, at: 104)
    for section in sections {
      image.bytes.replaceSubrange(
        section.offset..<section.offset + section.bytes.count, with: section.bytes)
    }
    putSections(&image, sections)
    return image.bytes
  }

  /// A vDSO: an ELF file of its own with rdtscp in its code.
  static let vdso: [UInt8] = {
    var image = ImageWriter(byteCount: 0x80)
    putIdentity(&image, type: 3)
    image.bytes.replaceSubrange(0x40..<0x44, with: [0x0f, 0x01, 0xf9, 0xc3])
    putSections(
      &image, [Section(name: ".text", offset: 0x40, bytes: [0x0f, 0x01, 0xf9, 0xc3], flags: 6)])
    return image.bytes
  }()

  private static func putIdentity(_ image: inout ImageWriter, type: UInt16) {
    image.bytes.replaceSubrange(0..<6, with: [0x7f, 0x45, 0x4c, 0x46, 2, 1])
    image.put16(type, at: 16)
    image.put16(62, at: 18)
  }

  /// Appends the section names and the header table.
  private static func putSections(_ image: inout ImageWriter, _ sections: [Section]) {
    let namesOffset = image.bytes.count
    var names: [UInt8] = [0]
    var starts: [Int] = []
    for section in sections {
      starts.append(names.count)
      names += Array(section.name.utf8) + [0]
    }
    image.bytes += names
    let table = image.bytes.count
    image.bytes += [UInt8](repeating: 0, count: 64 * (sections.count + 2))
    for (index, section) in sections.enumerated() {
      let header = table + 64 * (index + 1)
      image.put32(UInt32(starts[index]), at: header)
      image.put32(1, at: header + 4)
      image.put64(section.flags, at: header + 8)
      image.put64(section.address, at: header + 16)
      image.put64(UInt64(section.offset), at: header + 24)
      image.put64(UInt64(section.bytes.count), at: header + 32)
    }
    let last = table + 64 * (sections.count + 1)
    image.put32(3, at: last + 4)
    image.put64(UInt64(namesOffset), at: last + 24)
    image.put64(UInt64(names.count), at: last + 32)
    image.put64(UInt64(table), at: 40)
    image.put16(64, at: 58)
    image.put16(UInt16(sections.count + 2), at: 60)
    image.put16(UInt16(sections.count + 1), at: 62)
  }

  private static func word(_ value: Int) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
}
