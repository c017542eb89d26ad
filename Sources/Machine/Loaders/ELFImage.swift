/// A 32- or 64-bit x86 ELF executable, reduced to what a boot loader needs (System V gABI 4.1,
/// chapters 4 and 5).
enum ELFImage {
  /// No kernel has more; it bounds the work a hostile file can ask for.
  static let maximumProgramHeaders = 128

  /// Whether the bytes begin with ELF's magic number.
  static func isELF(_ bytes: [UInt8]) -> Bool {
    bytes.starts(with: [0x7f, UInt8(ascii: "E"), UInt8(ascii: "L"), UInt8(ascii: "F")])
  }

  /// The loadable segments at their physical addresses, and the physical entry point.
  static func plan(_ bytes: [UInt8]) throws(LoaderError) -> ImagePlan {
    let fields = ImageFields(bytes: bytes)
    let shape = try readShape(fields)
    let headers = try programHeaders(fields, ofType: 1)
    var segments: [ImageSegment] = []
    for header in headers where header.memorySize > 0 {
      segments.append(try segment(header, fields))
    }
    guard !segments.isEmpty else {
      throw .invalidField(
        name: "the number of loadable ELF segments", offset: shape.programHeaderCountOffset,
        value: 0, expected: "1 or more")
    }
    let entry = try fields.readWord(at: 24, shape, "e_entry")
    return ImagePlan(
      segments: segments, entry: try physicalEntry(entry, headers, segments))
  }

  /// Which of the two layouts a file has.
  struct Shape {
    let is64Bit: Bool
    var programHeaderOffsetOffset: UInt64 { is64Bit ? 32 : 28 }
    var programHeaderSizeOffset: UInt64 { is64Bit ? 54 : 42 }
    var programHeaderCountOffset: UInt64 { is64Bit ? 56 : 44 }
    var programHeaderSize: UInt16 { is64Bit ? 56 : 32 }
    /// Offsets of p_offset, p_vaddr, p_paddr, p_filesz and p_memsz within a program header.
    var programHeaderFields: [UInt64] { is64Bit ? [8, 16, 24, 32, 40] : [4, 8, 12, 16, 20] }
  }

  struct ProgramHeader {
    var offsetInFile: UInt64
    var fileOffset: UInt64
    var virtualAddress: UInt64
    var physicalAddress: UInt64
    var fileSize: UInt64
    var memorySize: UInt64
  }

  private static func readShape(_ fields: ImageFields) throws(LoaderError) -> Shape {
    let fileClass: UInt8 = try fields.read(at: 4, "the ELF class")
    guard fileClass == 1 || fileClass == 2 else {
      throw .invalidField(
        name: "the ELF class", offset: 4, value: UInt64(fileClass), expected: "1 or 2")
    }
    try expect(fields, UInt8.self, at: 5, "the ELF byte order", in: [1], "1 (little-endian)")
    try expect(fields, UInt16.self, at: 16, "e_type", in: [2], "2 (a linked executable)")
    try expect(fields, UInt16.self, at: 18, "e_machine", in: [3, 62], "3 or 62 (x86)")
    return Shape(is64Bit: fileClass == 2)
  }

  private static func expect<T: FixedWidthInteger & UnsignedInteger>(
    _ fields: ImageFields, _: T.Type, at offset: UInt64, _ name: String, in allowed: [T],
    _ expected: String
  ) throws(LoaderError) {
    let value: T = try fields.read(at: offset, name)
    guard allowed.contains(value) else {
      throw .invalidField(name: name, offset: offset, value: UInt64(value), expected: expected)
    }
  }

  /// The program headers of one type: 1 is PT_LOAD, 4 PT_NOTE.
  static func programHeaders(
    _ fields: ImageFields, ofType type: UInt32
  ) throws(LoaderError) -> [ProgramHeader] {
    let shape = try readShape(fields)
    let start = try fields.readWord(at: shape.programHeaderOffsetOffset, shape, "e_phoff")
    let size: UInt16 = try fields.read(at: shape.programHeaderSizeOffset, "e_phentsize")
    let count: UInt16 = try fields.read(at: shape.programHeaderCountOffset, "e_phnum")
    guard size == shape.programHeaderSize else {
      throw .invalidField(
        name: "e_phentsize", offset: shape.programHeaderSizeOffset, value: UInt64(size),
        expected: "\(shape.programHeaderSize)")
    }
    guard count <= maximumProgramHeaders else {
      throw .tooMany(
        what: "ELF program headers", count: Int(count), limit: maximumProgramHeaders)
    }
    let table = try fields.range(
      at: start, byteCount: UInt64(size) * UInt64(count), "the ELF program header table")
    var headers: [ProgramHeader] = []
    for index in 0..<UInt64(count) {
      let offset = UInt64(table.lowerBound) + index * UInt64(size)
      if try fields.read(UInt32.self, at: offset, "p_type") == type {
        headers.append(try readProgramHeader(fields, shape, at: offset))
      }
    }
    return headers
  }

  private static func readProgramHeader(
    _ fields: ImageFields, _ shape: Shape, at offset: UInt64
  ) throws(LoaderError) -> ProgramHeader {
    let places = shape.programHeaderFields
    return ProgramHeader(
      offsetInFile: offset,
      fileOffset: try fields.readWord(at: offset + places[0], shape, "p_offset"),
      virtualAddress: try fields.readWord(at: offset + places[1], shape, "p_vaddr"),
      physicalAddress: try fields.readWord(at: offset + places[2], shape, "p_paddr"),
      fileSize: try fields.readWord(at: offset + places[3], shape, "p_filesz"),
      memorySize: try fields.readWord(at: offset + places[4], shape, "p_memsz"))
  }

  private static func segment(
    _ header: ProgramHeader, _ fields: ImageFields
  ) throws(LoaderError) -> ImageSegment {
    let name = "the ELF segment of the program header at \(header.offsetInFile)"
    guard header.fileSize <= header.memorySize else {
      throw .invalidField(
        name: "p_filesz of the program header", offset: header.offsetInFile,
        value: header.fileSize, expected: "at most p_memsz")
    }
    return ImageSegment(
      name: name,
      file: try fields.range(at: header.fileOffset, byteCount: header.fileSize, name),
      address: header.physicalAddress, memoryByteCount: header.memorySize)
  }

  /// The physical address of e_entry, which is virtual by the letter; kernels that relocate
  /// themselves often give the physical one.
  private static func physicalEntry(
    _ entry: UInt64, _ headers: [ProgramHeader], _ segments: [ImageSegment]
  ) throws(LoaderError) -> UInt64 {
    for header in headers where entry >= header.virtualAddress {
      let distance = entry - header.virtualAddress
      guard distance < header.memorySize else { continue }
      return header.physicalAddress &+ distance
    }
    guard segments.contains(where: { $0.contains(entry) }) else {
      throw .entryOutsideImage(address: entry)
    }
    return entry
  }
}

extension ImageFields {
  /// An address-sized field of an ELF file: 4 or 8 bytes.
  fileprivate func readWord(
    at offset: UInt64, _ shape: ELFImage.Shape, _ name: String
  ) throws(LoaderError) -> UInt64 {
    shape.is64Bit
      ? try read(UInt64.self, at: offset, name) : UInt64(try read(UInt32.self, at: offset, name))
  }
}
