import Testing

@testable import Machine

@Suite("The Linux loader")
struct LinuxLoaderTests {
  let memory: GuestMemory
  init() throws { memory = try GuestMemory(mebibytes: 8) }

  static let initrd = Array("070701".utf8) + archiveRest()

  /// An archive's end after its magic: one member without content, named TRAILER!!!.
  private static func archiveRest() -> [UInt8] {
    let zeros = String(repeating: "0", count: 88)
    return Array((zeros + "0000000B" + "00000000" + "TRAILER!!!").utf8) + [0, 0, 0, 0]
  }

  private func word(_ address: UInt64, _ byteCount: Int = 4) -> UInt64? {
    memory.read(address, count: byteCount)?.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private func text(_ address: UInt64, _ byteCount: Int) -> String? {
    memory.read(address, count: byteCount).map { String(decoding: $0, as: UTF8.self) }
  }

  @Test("A bzImage goes to its preferred address and starts at its 64-bit entry")
  func bzImage64() throws {
    let image = SyntheticLinux.bzImage(payload: SyntheticLinux.zstd(SyntheticLinux.elf()))
    let loader = LinuxLoader(kernel: image, commandLine: "console=ttyS0", initrd: Self.initrd)
    #expect(try loader.entry() == .bootProtocol64)
    let guest = try loader.load(into: memory)
    let address = SyntheticLinux.preferredAddress
    #expect(guest.registers.rip == address + 0x200)
    #expect(guest.registers.rsi == 0x8000)
    #expect(guest.system.efer == 0x500)
    #expect(guest.system.segments[..<6].map(\.selector) == [0x10, 0x18, 0x18, 0x18, 0x18, 0x18])
    #expect(word(guest.system.gdt.base + 0x10, 8) == 0x00af_9b00_0000_ffff)
    #expect(word(guest.system.gdt.base + 0x18, 8) == 0x00cf_9300_0000_ffff)
    #expect(guest.system.gdt.limit == 31)
    let code = Array(image[SyntheticLinux.codeOffset...])
    #expect(memory.read(address, count: code.count) == code)
    let end = address + SyntheticLinux.initByteCount
    #expect(guest.occupied.contains { $0.addresses == address..<end })
  }

  @Test("boot_params holds the setup header, the command line, the initrd and the memory map")
  func bootParameters() throws {
    let image = SyntheticLinux.bzImage(payload: SyntheticLinux.zstd(SyntheticLinux.elf()))
    _ = try LinuxLoader(kernel: image, commandLine: "quiet x=1", initrd: Self.initrd)
      .load(into: memory)
    let page: UInt64 = 0x8000
    #expect(memory.read(page + 0x230, count: 0x38) == Array(image[0x230..<0x268]))
    #expect(word(page + 0x206, 2) == 0x020f)
    #expect(word(page + 0x210, 1) == 0xff)
    let line = try #require(word(page + 0x228))
    #expect(text(line, 10) == "quiet x=1\0")
    let start = try #require(word(page + 0x218))
    #expect(start == (8 << 20) - 4096)
    #expect(word(page + 0x21c) == UInt64(Self.initrd.count))
    #expect(memory.read(start, count: Self.initrd.count) == Self.initrd)
    #expect(word(page + 0x1e8, 1) == 4)
    let map = (0..<4).map { index -> [UInt64?] in
      let entry = page + 0x2d0 + 20 * UInt64(index)
      return [word(entry, 8), word(entry + 8, 8), word(entry + 16)]
    }
    #expect(
      map == [
        [0, 0x9_fc00, 1], [0x9_fc00, 0x6_0400, 2], [0x10_0000, 0x70_0000, 1],
        [0xfeff_c000, 0x4000, 2],
      ])
  }

  @Test("A bzImage without 64-bit entry starts in 32-bit mode; one that cannot move, at 1 MiB")
  func bzImage32() throws {
    var image = SyntheticLinux.bzImage(payload: SyntheticLinux.zstd(SyntheticLinux.elf()))
    image[0x236] = 0
    image[0x234] = 0
    let loader = LinuxLoader(kernel: image)
    #expect(try loader.entry() == .bootProtocol32)
    let guest = try loader.load(into: memory)
    #expect(guest.registers.rip == 0x10_0000)
    #expect(guest.registers.rsi == 0x8000)
    #expect(guest.system.cr0 == 0x11)
    #expect(word(guest.system.gdt.base + 0x10, 8) == 0x00cf_9b00_0000_ffff)
    #expect(memory.read(0x10_0000, count: 0x400)?.dropFirst(0x100).first == 0x28)
    let end = SyntheticLinux.preferredAddress + SyntheticLinux.initByteCount
    #expect(guest.occupied.last?.addresses == 0x10_0000..<end)
    #expect(word(0x8218) == 0)
  }

  @Test("An ELF kernel with a PVH note starts there", arguments: [4, 8] as [UInt32])
  func pvh(noteByteCount: UInt32) throws {
    let elf = SyntheticLinux.elf(
      note: SyntheticLinux.pvhNote(entry: 0x10_0080, byteCount: noteByteCount))
    let loader = LinuxLoader(kernel: elf, commandLine: "a", initrd: Self.initrd)
    #expect(try loader.entry() == .pvh)
    let guest = try loader.load(into: memory)
    #expect(guest.registers.rip == 0x10_0080)
    #expect(guest.registers.rbx == 0x8000)
    #expect(guest.system.cr0 == 0x11)
    #expect((0..<4).map { word(0x8000 + 4 * $0) } == [0x336e_c578, 1, 0, 1])
    let modules = try #require(word(0x8010, 8))
    #expect(word(modules, 8) == (8 << 20) - 4096)
    #expect(word(modules + 8, 8) == UInt64(Self.initrd.count))
    #expect(text(try #require(word(0x8018, 8)), 2) == "a\0")
    #expect(word(0x8020, 8) == 0)
    let map = try #require(word(0x8028, 8))
    #expect(word(0x8030) == 4)
    #expect((0..<3).map { word(map + 48 + 8 * $0, 8) } == [0x10_0000, 0x70_0000, 1])
  }

  @Test("Without an initrd or a command line there is none")
  func nothingIsAdded() throws {
    _ = try LinuxLoader(kernel: SyntheticLinux.elf()).load(into: memory)
    #expect(word(0x800c) == 0)
    #expect(word(0x8010, 8) == 0)
    #expect(word(try #require(word(0x8018, 8)), 1) == 0)
  }

  @Test("An ELF64 Linux without a PVH note starts by the 64-bit boot protocol")
  func elf64() throws {
    let loader = LinuxLoader(kernel: SyntheticLinux.elf(note: nil))
    #expect(try loader.entry() == .bootProtocol64)
    let guest = try loader.load(into: memory)
    #expect(guest.registers.rip == SyntheticLinux.entry)
    #expect(guest.registers.rsi == 0x8000)
    #expect(guest.system.efer == 0x500)
    #expect(word(0x8202) == 0x5372_6448)
  }

  @Test("A command line and an initrd may be as large as there is room for")
  func limits() throws {
    let image = SyntheticLinux.bzImage(payload: SyntheticLinux.zstd(SyntheticLinux.elf()))
    let line = String(repeating: "x", count: 255)
    _ = try LinuxLoader(kernel: image, commandLine: line).load(into: memory)
    #expect(throws: LoaderError.commandLineTooLong(byteCount: 256, limit: 255)) {
      try LinuxLoader(kernel: image, commandLine: line + "x").load(into: memory)
    }
    let room = (8 << 20) - Int(SyntheticLinux.preferredAddress + SyntheticLinux.initByteCount)
    let large = Self.initrd + [UInt8](repeating: 0, count: room - Self.initrd.count)
    _ = try LinuxLoader(kernel: image, initrd: large).load(into: memory)
    let error = #expect(throws: LoaderError.self) {
      try LinuxLoader(kernel: image, initrd: large + [0]).load(into: memory)
    }
    #expect(
      error?.description
        == "the kernel with its initrd needs 9 MiB of RAM, but the guest has 8; use -m 9 or more")
  }

  @Test("An initrd that this kernel can never have is refused by its size")
  func initrdAboveTheLimit() throws {
    var image = SyntheticLinux.bzImage(payload: SyntheticLinux.zstd(SyntheticLinux.elf()))
    image.replaceSubrange(0x22c..<0x230, with: [0xff, 0xff, 0x2f, 0])
    let large = Self.initrd + [UInt8](repeating: 0, count: 1 << 20)
    let room = 0x30_0000 - SyntheticLinux.preferredAddress - SyntheticLinux.initByteCount
    #expect(throws: LoaderError.initrdTooLarge(byteCount: large.count, room: room)) {
      try LinuxLoader(kernel: image, initrd: large).load(into: memory)
    }
  }
}
