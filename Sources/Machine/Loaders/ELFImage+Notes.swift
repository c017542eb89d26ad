extension ELFImage {
  /// The physical address of the 32-bit entry point a kernel offers to PVH boot loaders: the note
  /// XEN_ELFNOTE_PHYS32_ENTRY; `nil` without one.
  ///
  /// - Throws: ``LoaderError`` when a note segment lies outside the file.
  static func pvhEntry(_ bytes: [UInt8]) throws(LoaderError) -> UInt64? {
    let fields = ImageFields(bytes: bytes)
    for header in try programHeaders(fields, ofType: 4) {
      let range = try fields.range(
        at: header.fileOffset, byteCount: header.fileSize,
        "the ELF note segment of the program header at \(header.offsetInFile)")
      if let entry = pvhEntry(in: bytes[range]) { return entry }
    }
    return nil
  }

  /// Walks notes: sizes of name and description, type, then both, each padded to 4 bytes; ends
  /// at the first that does not fit.
  private static func pvhEntry(in notes: ArraySlice<UInt8>) -> UInt64? {
    var rest = notes
    while rest.count >= 12 {
      let nameSize = Int(word(rest.prefix(4)))
      let descriptionSize = Int(word(rest.dropFirst(4).prefix(4)))
      let type = word(rest.dropFirst(8).prefix(4))
      rest = rest.dropFirst(12)
      let paddedNameSize = (nameSize + 3) & ~3
      guard paddedNameSize <= rest.count, descriptionSize <= rest.count - paddedNameSize else {
        return nil
      }
      let name = rest.prefix(nameSize)
      let description = rest.dropFirst(paddedNameSize).prefix(descriptionSize)
      if type == 18, name.elementsEqual("Xen\0".utf8), [4, 8].contains(descriptionSize) {
        return word(description)
      }
      rest = rest.dropFirst(paddedNameSize + (descriptionSize + 3) & ~3)
    }
    return nil
  }

  private static func word(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
