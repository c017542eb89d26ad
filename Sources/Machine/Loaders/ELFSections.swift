/// A section of an ELF file that has bytes there (System V gABI 4.1, chapter 4, "Sections").
struct ELFSection: Equatable {
  /// Its name, such as `.text`.
  var name: String
  /// Its virtual address.
  var address: UInt64
  /// Its bytes in the file.
  var file: Range<Int>
  /// Whether it is loaded into memory (SHF_ALLOC).
  var isLoaded: Bool
  /// Whether it holds instructions (SHF_EXECINSTR).
  var isExecutable: Bool
}

extension ELFImage {
  /// The sections with bytes in the file, in the order of their headers.
  ///
  /// Any ELF file will do, of either width; one without section headers has none.
  static func sections(_ bytes: [UInt8]) throws(LoaderError) -> [ELFSection] {
    let table = try SectionTable(ImageFields(bytes: bytes))
    var sections: [ELFSection] = []
    for index in 0..<table.count {
      if let section = try table.section(at: index) { sections.append(section) }
    }
    return sections
  }
}

/// The section header table of an ELF file of either width.
private struct SectionTable {
  let fields: ImageFields
  let is64Bit: Bool
  let start: UInt64
  let count: UInt64
  /// Where the section names lie in the file.
  var names = 0..<0

  var headerSize: UInt64 { is64Bit ? 64 : 40 }

  init(_ fields: ImageFields) throws(LoaderError) {
    self.fields = fields
    let fileClass: UInt8 = try fields.read(at: 4, "the ELF class")
    is64Bit = fileClass == 2
    start = try Self.word(fields, is64Bit, at: is64Bit ? 40 : 32, "e_shoff")
    let size: UInt16 = try fields.read(at: is64Bit ? 58 : 46, "e_shentsize")
    let stated: UInt16 = try fields.read(at: is64Bit ? 60 : 48, "e_shnum")
    let namesIndex: UInt16 = try fields.read(at: is64Bit ? 62 : 50, "e_shstrndx")
    count = start == 0 ? 0 : UInt64(stated)
    guard count > 0 else { return }
    guard UInt64(size) == headerSize else {
      throw .invalidField(
        name: "e_shentsize", offset: is64Bit ? 58 : 46, value: UInt64(size),
        expected: "\(headerSize)")
    }
    _ = try fields.range(
      at: start, byteCount: count * headerSize, "the ELF section header table")
    guard UInt64(namesIndex) < count else { return }
    names = try bytes(at: start + UInt64(namesIndex) * headerSize, "the section names")
  }

  /// The section whose header has an index; `nil` when it has no bytes in the file.
  func section(at index: UInt64) throws(LoaderError) -> ELFSection? {
    let header = start + index * headerSize
    let type: UInt32 = try fields.read(at: header + 4, "sh_type")
    // SHT_NULL and SHT_NOBITS.
    guard type != 0, type != 8 else { return nil }
    let flags = try Self.word(fields, is64Bit, at: header + 8, "sh_flags")
    let name = name(at: try fields.read(at: header, "sh_name"))
    return ELFSection(
      name: name,
      address: try Self.word(fields, is64Bit, at: header + (is64Bit ? 16 : 12), "sh_addr"),
      file: try bytes(at: header, "the section \(name)"),
      isLoaded: flags & 2 != 0, isExecutable: flags & 4 != 0)
  }

  private func bytes(at header: UInt64, _ part: String) throws(LoaderError) -> Range<Int> {
    try fields.range(
      at: Self.word(fields, is64Bit, at: header + (is64Bit ? 24 : 16), "sh_offset"),
      byteCount: Self.word(fields, is64Bit, at: header + (is64Bit ? 32 : 20), "sh_size"), part)
  }

  /// A name of at most 64 bytes; no section that matters has a longer one.
  private func name(at offset: UInt32) -> String {
    guard Int(offset) < names.count else { return "" }
    let text = fields.bytes[names].dropFirst(Int(offset)).prefix(64).prefix { $0 != 0 }
    return String(decoding: text, as: UTF8.self)
  }

  /// An address-sized field: 4 or 8 bytes.
  private static func word(
    _ fields: ImageFields, _ is64Bit: Bool, at offset: UInt64, _ name: String
  ) throws(LoaderError) -> UInt64 {
    is64Bit
      ? try fields.read(UInt64.self, at: offset, name)
      : UInt64(try fields.read(UInt32.self, at: offset, name))
  }
}
