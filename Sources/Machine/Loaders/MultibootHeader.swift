/// The header by which a kernel says it wants a Multiboot loader (Multiboot 0.6.96, 3.1).
///
///      0  magic 0x1BADB002     12  header_addr    24  bss_end_addr
///      4  flags                16  load_addr      28  entry_addr
///      8  checksum             20  load_end_addr
struct MultibootHeader: Equatable {
  static let magic: UInt32 = 0x1bad_b002
  /// The header lies wholly within this many bytes.
  static let searchedByteCount = 8192
  /// The demands this loader meets.
  ///
  /// Bit 0: modules on page boundaries (always so here). Bit 1: memory facts (always given). The
  /// video mode of bit 2 is not offered.
  static let supportedFlags: UInt32 = 0x3

  /// Where the header is in the image.
  var offset: Int
  /// The demands: bits 0–15 must be met, bits 16–31 may be ignored.
  var flags: UInt32

  /// Whether the address fields are valid and override the executable's own (bit 16).
  var hasAddresses: Bool { flags & 1 << 16 != 0 }

  /// Finds the first header with a right checksum.
  static func find(in image: [UInt8]) throws(LoaderError) -> MultibootHeader {
    let fields = ImageFields(bytes: image)
    let searched = min(image.count, searchedByteCount)
    var badChecksum: Int?
    for offset in stride(from: 0, through: searched - 12, by: 4) {
      let place = UInt64(offset)
      guard try fields.read(UInt32.self, at: place, "the magic number") == magic else { continue }
      let flags: UInt32 = try fields.read(at: place + 4, "the Multiboot flags")
      let checksum: UInt32 = try fields.read(at: place + 8, "the Multiboot checksum")
      guard magic &+ flags &+ checksum == 0 else {
        badChecksum = badChecksum ?? offset
        continue
      }
      guard flags & 0xffff & ~supportedFlags == 0 else {
        throw .unsupportedFlags(flags: flags, offset: offset)
      }
      return MultibootHeader(offset: offset, flags: flags)
    }
    if let badChecksum { throw .badChecksum(offset: badChecksum) }
    throw .notMultiboot(searchedBytes: searched)
  }

  /// What to load where: by the address fields if there are any, by the ELF headers otherwise.
  func plan(_ image: [UInt8]) throws(LoaderError) -> ImagePlan {
    if hasAddresses { return try planByAddresses(image) }
    guard ELFImage.isELF(image) else { throw .notELF(headerOffset: offset) }
    return try ELFImage.plan(image)
  }

  /// One segment by the address fields (3.1.3), for a.out and flat files.
  private func planByAddresses(_ image: [UInt8]) throws(LoaderError) -> ImagePlan {
    let fields = ImageFields(bytes: image)
    let base = UInt64(offset)
    let headerAddress: UInt32 = try fields.read(at: base + 12, "header_addr")
    let loadAddress: UInt32 = try fields.read(at: base + 16, "load_addr")
    let loadEnd: UInt32 = try fields.read(at: base + 20, "load_end_addr")
    let bssEnd: UInt32 = try fields.read(at: base + 24, "bss_end_addr")
    let entry: UInt32 = try fields.read(at: base + 28, "entry_addr")

    guard loadAddress <= headerAddress, headerAddress - loadAddress <= UInt32(offset) else {
      throw .invalidField(
        name: "load_addr", offset: base + 16, value: UInt64(loadAddress),
        expected: "at most header_addr, and by no more than the header's offset in the file")
    }
    let start = base - UInt64(headerAddress - loadAddress)
    guard loadEnd == 0 || loadEnd > loadAddress else {
      throw .invalidField(
        name: "load_end_addr", offset: base + 20, value: UInt64(loadEnd),
        expected: "0 or above load_addr")
    }
    let fileByteCount =
      loadEnd == 0 ? UInt64(image.count) - start : UInt64(loadEnd - loadAddress)
    let fileEnd = UInt64(loadAddress) + fileByteCount
    guard bssEnd == 0 || UInt64(bssEnd) >= fileEnd else {
      throw .invalidField(
        name: "bss_end_addr", offset: base + 24, value: UInt64(bssEnd),
        expected: "0 or not below the end of the loaded bytes")
    }
    let memoryEnd = bssEnd == 0 ? fileEnd : UInt64(bssEnd)
    let name = "the Multiboot image"
    let segment = ImageSegment(
      name: name, file: try fields.range(at: start, byteCount: fileByteCount, name),
      address: UInt64(loadAddress), memoryByteCount: memoryEnd - UInt64(loadAddress))
    guard segment.contains(UInt64(entry)) else {
      throw .entryOutsideImage(address: UInt64(entry))
    }
    return ImagePlan(segments: [segment], entry: UInt64(entry))
  }
}
