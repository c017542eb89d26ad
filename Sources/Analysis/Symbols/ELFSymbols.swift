/// The `.symtab` of a linked x86 ELF file of either width (System V gABI 4.1, chapter 4).
///
/// Machine's ELF reader is for loading and does not know symbols; Analysis does without Machine.
struct ELFSymbols {
  private let bytes: [UInt8]
  private let is64Bit: Bool
  private var sections: [Section] = []

  /// What a section header says that symbols need.
  private struct Section {
    var type: UInt32
    var isExecutable: Bool
    var end: UInt64
    var file: (offset: UInt64, byteCount: UInt64)
    var link: UInt32
    var entrySize: UInt64
  }

  /// Whether the bytes begin with ELF's magic number.
  static func isELF(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46]) }

  init(_ bytes: [UInt8]) throws(SymbolTableError) {
    self.bytes = bytes
    guard bytes.count >= 52 else { throw .malformed("its header is cut off") }
    is64Bit = bytes[4] == 2
    guard bytes[4] == 1 || is64Bit, bytes[5] == 1 else {
      throw .unsupported("neither 32- nor 64-bit little-endian")
    }
    let machine: UInt16 = try read(at: 18, "e_machine")
    guard machine == 3 || machine == 62 else { throw .unsupported("for machine \(machine)") }
    let type: UInt16 = try read(at: 16, "e_type")
    // ET_EXEC and ET_DYN: only there symbols have addresses.
    guard type == 2 || type == 3 else {
      throw .unsupported(
        type == 1 ? "an object file" : type == 4 ? "a core dump" : "of type \(type)")
    }
    sections = try readSections()
  }

  /// The symbols in the table's order, and their names.
  consuming func read() throws(SymbolTableError) -> ([SymbolTable.Entry], [UInt8]) {
    guard let table = sections.first(where: { $0.type == 2 }) else { throw .stripped }
    let size: UInt64 = is64Bit ? 24 : 16
    guard table.entrySize == size else { throw .malformed(".symtab's entries have a wrong size") }
    guard Int(table.link) < sections.count, sections[Int(table.link)].type == 3 else {
      throw .malformed(".symtab names no string table")
    }
    let strings = sections[Int(table.link)]
    let text = try range(strings.file.offset, strings.file.byteCount, ".strtab")
    guard text.count < UInt32.max else { throw .tooLarge }
    var names = Array(bytes[text])
    names.append(0)
    let symbols = try range(table.file.offset, table.file.byteCount, ".symtab")
    var entries: [SymbolTable.Entry] = []
    entries.reserveCapacity(symbols.count / Int(size))
    var place = symbols.lowerBound
    while place + Int(size) <= symbols.upperBound {
      if let entry = try entry(at: UInt64(place), names) { entries.append(entry) }
      place += Int(size)
    }
    return (entries, names)
  }

  /// A symbol with a name and an address; `nil` for others (undefined, absolute, files, sections).
  private func entry(
    at place: UInt64, _ names: [UInt8]
  ) throws(SymbolTableError) -> SymbolTable.Entry? {
    let nameStart: UInt32 = try read(at: place, "st_name")
    let information: UInt8 = try read(at: place + (is64Bit ? 4 : 12), "st_info")
    let index: UInt16 = try read(at: place + (is64Bit ? 6 : 14), "st_shndx")
    let address = try word(at: place + (is64Bit ? 8 : 4), "st_value")
    let size = try word(at: place + (is64Bit ? 16 : 8), "st_size")
    guard Int(nameStart) < names.count, names[Int(nameStart)] != 0 else { return nil }
    // SHN_UNDEF; SHN_ABS and SHN_COMMON. SHN_XINDEX (0xffff) is a section, too far up to be told.
    guard index != 0, index < 0xff00 || index == 0xffff else { return nil }
    let section = Int(index) < sections.count ? sections[Int(index)] : nil
    let end = address.addingReportingOverflow(size)
    let name = names[Int(nameStart)...].prefix { $0 == UInt8(ascii: "_") }
    switch information & 15 {
    case 0, 1, 2, 6, 10: break  // NOTYPE, OBJECT, FUNC, TLS, GNU_IFUNC
    default: return nil
    }
    let isFunction = [2, 10].contains(information & 15)
    let isLabel = information & 15 == 0
    let isExecutable = section?.isExecutable ?? isFunction
    // A label at the end of its section marks the end.
    let isBound = isLabel && size == 0 && address == section?.end
    return SymbolTable.Entry(
      address: address, end: end.overflow ? .max : end.partialValue, nameStart: nameStart,
      rank: SymbolTable.rank(name, isGlobal: information >> 4 != 0),
      isCode: (isFunction || isLabel) && isExecutable && !isBound)
  }

  private func readSections() throws(SymbolTableError) -> [Section] {
    let start = try word(at: is64Bit ? 40 : 32, "e_shoff")
    guard start != 0 else { return [] }
    let size: UInt16 = try read(at: is64Bit ? 58 : 46, "e_shentsize")
    guard size == (is64Bit ? 64 : 40) else { throw .malformed("e_shentsize is \(size)") }
    var count = UInt64(try read(UInt16.self, at: is64Bit ? 60 : 48, "e_shnum"))
    // More sections than a field of 16 bits holds are counted in the first one's size.
    if count == 0 { count = try self.section(at: start).file.byteCount }
    guard count <= UInt64(bytes.count) / UInt64(size) else {
      throw .malformed("its section headers lie outside the file")
    }
    _ = try range(start, count * UInt64(size), "the section headers")
    var sections: [Section] = []
    sections.reserveCapacity(Int(count))
    for index in 0..<count { sections.append(try section(at: start + index * UInt64(size))) }
    return sections
  }

  private func section(at place: UInt64) throws(SymbolTableError) -> Section {
    guard place <= UInt64(bytes.count) else {
      throw .malformed("its section headers lie outside the file")
    }
    let address = try word(at: place + (is64Bit ? 16 : 12), "sh_addr")
    let byteCount = try word(at: place + (is64Bit ? 32 : 20), "sh_size")
    return Section(
      type: try read(at: place + 4, "sh_type"),
      isExecutable: try word(at: place + 8, "sh_flags") & 4 != 0,
      end: address &+ byteCount,
      file: (try word(at: place + (is64Bit ? 24 : 16), "sh_offset"), byteCount),
      link: try read(at: place + (is64Bit ? 40 : 24), "sh_link"),
      entrySize: try word(at: place + (is64Bit ? 56 : 36), "sh_entsize"))
  }

  // MARK: Fields

  private func range(
    _ offset: UInt64, _ byteCount: UInt64, _ part: String
  ) throws(SymbolTableError) -> Range<Int> {
    let size = UInt64(bytes.count)
    guard offset <= size, byteCount <= size - offset else {
      throw .malformed("\(part) lies outside the file")
    }
    return Int(offset)..<Int(offset + byteCount)
  }

  private func read<T: FixedWidthInteger & UnsignedInteger>(
    _: T.Type = T.self, at offset: UInt64, _ name: StaticString
  ) throws(SymbolTableError) -> T {
    let width = MemoryLayout<T>.size
    guard offset <= UInt64(bytes.count), width <= bytes.count - Int(offset) else {
      throw .malformed("\(name) lies outside the file")
    }
    var value: T = 0
    for index in 0..<width {
      value |= T(truncatingIfNeeded: bytes[Int(offset) + index]) << T(truncatingIfNeeded: 8 * index)
    }
    return value
  }

  /// An address-sized field: 4 or 8 bytes.
  private func word(at offset: UInt64, _ name: StaticString) throws(SymbolTableError) -> UInt64 {
    is64Bit
      ? try read(UInt64.self, at: offset, name) : UInt64(try read(UInt32.self, at: offset, name))
  }
}
