/// Linux kernels made field by field: just enough of them for the loaders.
enum SyntheticLinux {
  /// Where the ELF kernels are linked and start.
  static let entry: UInt64 = 0x10_0040
  /// Two sectors of real-mode code, then the protected-mode code with the payload 0x100 into it.
  static let codeOffset = 0x400
  static let payloadOffset = 0x500
  static let preferredAddress: UInt64 = 0x20_0000
  static let initByteCount: UInt64 = 0x8_0000

  /// A 64-bit ELF kernel with one segment at 1 MiB, and a note segment unless `note` is `nil`.
  static func elf(note: [UInt8]? = pvhNote(), banner: String = "Linux version 6") -> [UInt8] {
    var image = ImageWriter(byteCount: 0x200)
    image.bytes.replaceSubrange(0..<6, with: [0x7f, 0x45, 0x4c, 0x46, 2, 1])
    image.put16(2, at: 16)
    image.put16(62, at: 18)
    image.put64(entry, at: 24)
    image.put64(64, at: 32)
    image.put16(56, at: 54)
    image.put16(note == nil ? 1 : 2, at: 56)
    putProgramHeader(&image, at: 64, type: 1, offset: 0x100, address: 0x10_0000, 0x100, 0x4000)
    let note = note ?? []
    putProgramHeader(
      &image, at: 120, type: 4, offset: 0x1c0, address: 0x10_00c0, note.count, note.count)
    image.bytes.replaceSubrange(0x180..<0x180 + banner.utf8.count, with: Array(banner.utf8))
    image.bytes.replaceSubrange(0x1c0..<0x1c0 + note.count, with: note)
    return image.bytes
  }

  private static func putProgramHeader(
    _ image: inout ImageWriter, at place: Int, type: UInt32, offset: UInt64, address: UInt64,
    _ fileSize: Int, _ memorySize: Int
  ) {
    image.put32(type, at: place)
    image.put64(offset, at: place + 8)
    image.put64(0xffff_ffff_8000_0000 + address, at: place + 16)
    image.put64(address, at: place + 24)
    image.put64(UInt64(fileSize), at: place + 32)
    image.put64(UInt64(memorySize), at: place + 40)
  }

  /// A note that is none of ours, then XEN_ELFNOTE_PHYS32_ENTRY with 4 or 8 bytes.
  static func pvhNote(entry: UInt64 = entry, byteCount: UInt32 = 4) -> [UInt8] {
    words([4, 3, 1]) + Array("GNU\0".utf8) + [1, 2, 3, 0]
      + words([4, byteCount, 18]) + Array("Xen\0".utf8)
      + (0..<byteCount).map { UInt8(truncatingIfNeeded: entry >> UInt64(8 * $0)) }
  }

  /// A bzImage of protocol 2.15 with a 64-bit entry.
  static func bzImage(payload: [UInt8]) -> [UInt8] {
    var image = ImageWriter(byteCount: payloadOffset)
    image.bytes += payload
    image.bytes += [UInt8](repeating: 0, count: (16 - image.bytes.count % 16) % 16)
    image.bytes[0x1f1] = 1
    image.put32(UInt32((image.bytes.count - codeOffset) / 16), at: 0x1f4)
    image.put16(0xaa55, at: 0x1fe)
    image.bytes.replaceSubrange(0x200..<0x206, with: [0xeb, 0x6a] + Array("HdrS".utf8))
    image.put16(0x020f, at: 0x206)
    image.bytes[0x211] = 1
    image.put32(0x10_0000, at: 0x214)
    image.put32(0x7fff_ffff, at: 0x22c)
    image.put32(0x20_0000, at: 0x230)
    image.bytes[0x234] = 1
    image.put16(1, at: 0x236)
    image.put32(255, at: 0x238)
    image.put32(UInt32(payloadOffset - codeOffset), at: 0x248)
    image.put32(UInt32(payload.count), at: 0x24c)
    image.put64(preferredAddress, at: 0x258)
    image.put32(UInt32(initByteCount), at: 0x260)
    return image.bytes
  }

  /// The bytes as an LZ4 legacy frame of uncompressed blocks, and the unpacked size behind it.
  static func lz4(_ bytes: [UInt8]) -> [UInt8] {
    var frame = words([0x184c_2102])
    for start in stride(from: 0, to: bytes.count, by: 8 << 20) {
      let part = bytes[start..<min(start + 8 << 20, bytes.count)]
      // A token that says "15 literals and more", the rest of their number, the literals.
      var block: [UInt8] = [0xf0]
      var left = part.count - 15
      while left >= 255 {
        block.append(255)
        left -= 255
      }
      block.append(UInt8(left))
      block += part
      frame += words([UInt32(block.count)]) + block
    }
    return frame + words([UInt32(bytes.count)])
  }

  /// The bytes as one zstd frame of one uncompressed block, and the unpacked size behind it.
  static func zstd(_ bytes: [UInt8]) -> [UInt8] {
    let count = UInt32(bytes.count)
    return words([0xfd2f_b528]) + [0xa0] + words([count])
      + words([count << 3 | 1]).prefix(3) + bytes + words([count])
  }

  static func words(_ values: [UInt32]) -> [UInt8] {
    values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) } }
  }
}
