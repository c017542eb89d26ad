/// Images made field by field for the loader tests.
struct ImageWriter {
  var bytes: [UInt8]

  init(byteCount: Int) { bytes = [UInt8](repeating: 0, count: byteCount) }

  mutating func put16(_ value: UInt16, at offset: Int) { put(UInt64(value), 2, at: offset) }
  mutating func put32(_ value: UInt32, at offset: Int) { put(UInt64(value), 4, at: offset) }
  mutating func put64(_ value: UInt64, at offset: Int) { put(value, 8, at: offset) }

  private mutating func put(_ value: UInt64, _ width: Int, at offset: Int) {
    for index in 0..<width {
      bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
    }
  }

  mutating func putMultibootHeader(flags: UInt32, at offset: Int) {
    put32(0x1bad_b002, at: offset)
    put32(flags, at: offset + 4)
    put32(0 &- (0x1bad_b002 &+ flags), at: offset + 8)
  }
}

enum SyntheticImage {
  /// Where the ELF images keep their Multiboot header, and where their segment begins.
  static let headerOffset = 0x100
  static let segmentOffset = 0x100

  /// A 32-bit ELF kernel of 0x180 bytes: one segment of 0x80 bytes at 1 MiB (virtual 3 GiB + 1
  /// MiB), 0x1000 bytes of memory, entry 0x20 into it.
  static func elf32(flags: UInt32 = 3) -> [UInt8] {
    var image = ImageWriter(byteCount: 0x180)
    putIdentity(&image, fileClass: 1, machine: 3)
    image.put32(0xc010_0020, at: 24)
    image.put32(52, at: 28)
    image.put16(32, at: 42)
    image.put16(1, at: 44)
    image.put32(1, at: 52)
    image.put32(UInt32(segmentOffset), at: 56)
    image.put32(0xc010_0000, at: 60)
    image.put32(0x10_0000, at: 64)
    image.put32(0x80, at: 68)
    image.put32(0x1000, at: 72)
    return finished(&image, flags: flags)
  }

  /// The same kernel as 64-bit ELF, its virtual address at the top of the address space.
  static func elf64(flags: UInt32 = 3) -> [UInt8] {
    var image = ImageWriter(byteCount: 0x180)
    putIdentity(&image, fileClass: 2, machine: 62)
    image.put64(0xffff_ffff_8010_0020, at: 24)
    image.put64(64, at: 32)
    image.put16(56, at: 54)
    image.put16(1, at: 56)
    image.put32(1, at: 64)
    image.put64(UInt64(segmentOffset), at: 72)
    image.put64(0xffff_ffff_8010_0000, at: 80)
    image.put64(0x10_0000, at: 88)
    image.put64(0x80, at: 96)
    image.put64(0x1000, at: 104)
    return finished(&image, flags: flags)
  }

  /// A flat kernel by address fields: the header at 0x20, the load starting at file offset 0x10.
  static func addressed(loadEnd: UInt32 = 0x10_0070, bssEnd: UInt32 = 0x10_1000) -> [UInt8] {
    var image = ImageWriter(byteCount: 0x80)
    for index in image.bytes.indices { image.bytes[index] = UInt8(index) }
    image.putMultibootHeader(flags: 0x1_0003, at: 0x20)
    image.put32(0x10_0010, at: 0x2c)
    image.put32(0x10_0000, at: 0x30)
    image.put32(loadEnd, at: 0x34)
    image.put32(bssEnd, at: 0x38)
    image.put32(0x10_0040, at: 0x3c)
    return image.bytes
  }

  private static func putIdentity(_ image: inout ImageWriter, fileClass: UInt8, machine: UInt16) {
    image.bytes.replaceSubrange(0..<6, with: [0x7f, 0x45, 0x4c, 0x46, fileClass, 1])
    image.put16(2, at: 16)
    image.put16(machine, at: 18)
  }

  private static func finished(_ image: inout ImageWriter, flags: UInt32) -> [UInt8] {
    for index in segmentOffset..<image.bytes.count { image.bytes[index] = UInt8(index & 0xff) }
    image.putMultibootHeader(flags: flags, at: headerOffset)
    return image.bytes
  }
}
