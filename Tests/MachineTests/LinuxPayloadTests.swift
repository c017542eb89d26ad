import Testing

@testable import Machine

/// The kernel inside a bzImage.
struct LinuxPayloadTests {
  @Test("A payload of either known compression unpacks to the ELF file", arguments: [true, false])
  func unpacks(lz4: Bool) throws {
    let elf = SyntheticLinux.elf()
    let image = SyntheticLinux.bzImage(
      payload: lz4 ? SyntheticLinux.lz4(elf) : SyntheticLinux.zstd(elf))
    #expect(try LinuxPayload.extract(image) == elf)
  }

  @Test("An LZ4 payload of several blocks unpacks whole")
  func severalBlocks() throws {
    let elf = SyntheticLinux.elf() + [UInt8](repeating: 7, count: 9 << 20)
    let image = SyntheticLinux.bzImage(payload: SyntheticLinux.lz4(elf))
    #expect(try LinuxPayload.extract(image) == elf)
  }

  @Test(
    "Other compressions are refused by their names",
    arguments: [
      ("gzip", [0x1f, 0x8b, 8, 0]), ("xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]),
      ("bzip2", [0x42, 0x5a, 0x68, 0x39]), ("lzma", [0x5d, 0, 0, 0]),
      ("lzo", [0x89, 0x4c, 0x5a, 0x4f]), ("an unknown method", [1, 2, 3, 4]),
    ] as [(String, [UInt8])])
  func unknownCompression(name: String, magic: [UInt8]) throws {
    let payload = magic + [UInt8](repeating: 0, count: 16) + [100, 0, 0, 0]
    let error = #expect(throws: LoaderError.self) {
      try LinuxPayload.extract(SyntheticLinux.bzImage(payload: payload))
    }
    #expect(error == .unsupportedCompression(name: name, offset: SyntheticLinux.payloadOffset))
  }

  @Test("A damaged payload, or one that states another size, is refused", arguments: [true, false])
  func damaged(lz4: Bool) throws {
    let elf = SyntheticLinux.elf()
    let good = lz4 ? SyntheticLinux.lz4(elf) : SyntheticLinux.zstd(elf)
    var longer = good
    longer[longer.count - 4] += 1
    var shorter = good
    shorter[shorter.count - 3] -= 1
    var broken = good
    broken[4] ^= 0x40
    for payload in [longer, shorter, broken] {
      let error = #expect(throws: LoaderError.self) {
        try LinuxPayload.extract(SyntheticLinux.bzImage(payload: payload))
      }
      #expect(error == .damagedPayload(offset: SyntheticLinux.payloadOffset))
    }
  }

  @Test("A size out of all proportion is refused before memory is asked for")
  func hugeSize() throws {
    let payload = Array(SyntheticLinux.lz4(SyntheticLinux.elf()).dropLast(4)) + [0, 0, 0, 0xf0]
    let error = #expect(throws: LoaderError.self) {
      try LinuxPayload.extract(SyntheticLinux.bzImage(payload: payload))
    }
    #expect(error?.description.contains("unpacked size") == true)
  }

  @Test("A payload that is no ELF file is refused")
  func notELF() throws {
    let payload = SyntheticLinux.zstd([UInt8](repeating: 1, count: 64))
    let error = #expect(throws: LoaderError.self) {
      try LinuxPayload.extract(SyntheticLinux.bzImage(payload: payload))
    }
    #expect(error == .payloadNotELF(offset: SyntheticLinux.payloadOffset))
  }

  @Test("What is no bzImage, is too old or cut short is refused")
  func notBzImage() throws {
    #expect(throws: LoaderError.emptyImage) { try LinuxPayload.extract([]) }
    #expect(throws: LoaderError.notLinux) { try LinuxPayload.extract(SyntheticLinux.elf()) }
    var image = SyntheticLinux.bzImage(payload: SyntheticLinux.zstd(SyntheticLinux.elf()))
    for count in [0x206, 0x20a, 0x260, 0x400, image.count - 20] {
      #expect(throws: LoaderError.self) { try LinuxPayload.extract(Array(image.prefix(count))) }
    }
    image[0x206] = 0x09
    #expect(throws: LoaderError.kernelTooOld(version: 0x0209)) {
      try LinuxPayload.extract(image)
    }
  }
}
