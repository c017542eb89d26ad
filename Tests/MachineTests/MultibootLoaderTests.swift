import Machine
import Testing

@Suite("The Multiboot loader")
struct MultibootLoaderTests {
  let memory: GuestMemory
  init() throws { memory = try GuestMemory(mebibytes: 4) }

  @Test(
    "Loads ELF at physical addresses", arguments: [SyntheticImage.elf32(), SyntheticImage.elf64()])
  func loadsELFAtPhysicalAddresses(image: [UInt8]) throws {
    let guest = try MultibootLoader(image: image).load(into: memory)
    #expect(guest.registers.rip == 0x10_0020)
    #expect(memory.read(0x10_0000, count: 0x80) == Array(image[0x100..<0x180]))
    #expect(memory.read(0x10_0080, count: 1) == [0])
    #expect(
      guest.occupied.map(\.addresses) == [
        GuestMemoryLayout.bootLoaderData, 0x10_0000..<0x10_1000,
      ])
  }

  @Test("Loads by address fields")
  func loadsByAddressFields() throws {
    let image = SyntheticImage.addressed()
    let guest = try MultibootLoader(image: image).load(into: memory)
    #expect(guest.registers.rip == 0x10_0040)
    #expect(memory.read(0x10_0000, count: 0x70) == Array(image[0x10..<0x80]))
    #expect(guest.occupied.last?.addresses == 0x10_0000..<0x10_1000)
  }

  @Test("Zero address fields mean the whole file and no BSS")
  func zeroAddressFieldsMeanTheWholeFileAndNoBSS() throws {
    let image = SyntheticImage.addressed(loadEnd: 0, bssEnd: 0)
    let guest = try MultibootLoader(image: image).load(into: memory)
    #expect(guest.occupied.last?.addresses == 0x10_0000..<0x10_0070)
  }

  @Test("Address fields override ELF")
  func addressFieldsOverrideELF() throws {
    var image = ImageWriter(byteCount: 0)
    image.bytes = SyntheticImage.elf64(flags: 0x1_0003)
    for (index, field) in [0x20_0100, 0x20_0000, 0, 0, 0x20_0110].enumerated() {
      image.put32(UInt32(field), at: SyntheticImage.headerOffset + 12 + 4 * index)
    }
    let guest = try MultibootLoader(image: image.bytes).load(into: memory)
    #expect(guest.registers.rip == 0x20_0110)
    #expect(memory.read(0x20_0000, count: 0x180) == image.bytes)
  }

  @Test("Starts in flat protected mode")
  func startsInFlatProtectedMode() throws {
    let guest = try MultibootLoader(image: SyntheticImage.elf32()).load(into: memory)
    #expect(guest.registers.rax == 0x2bad_b002)
    #expect(guest.registers.rflags == 2)
    #expect(guest.system.cr0 == 0x11)
    #expect(guest.system.efer == 0)
    let segments = guest.system.segments
    #expect(segments[..<6].allSatisfy { $0.base == 0 && $0.limit == 0xffff_ffff })
    #expect(segments[..<6].map(\.type) == [0xb, 3, 3, 3, 3, 3])
    #expect(segments[..<6].allSatisfy { $0.attributes == 0x59 })
  }

  @Test("Describes memory, command line and modules")
  func describesMemoryCommandLineAndModules() throws {
    let modules = [
      MultibootLoader.Module(bytes: [1, 2, 3], commandLine: "first"),
      MultibootLoader.Module(bytes: [], commandLine: "empty"),
      MultibootLoader.Module(bytes: [UInt8](repeating: 7, count: 5000), commandLine: "third"),
    ]
    let guest = try MultibootLoader(
      image: SyntheticImage.elf32(), commandLine: "kernel a=b", modules: modules
    ).load(into: memory)
    let block = guest.registers.rbx
    #expect(try word(block) == 0x24d)
    #expect(try word(block + 4) == 639)
    #expect(try word(block + 8) == 3072)
    #expect(try text(UInt64(word(block + 16))) == "kernel a=b")
    #expect(try text(UInt64(word(block + 64))) == "vmreel")
    #expect(try word(block + 20) == 3)
    let list = UInt64(try word(block + 24))
    for (index, module) in modules.enumerated() {
      let entry = list + UInt64(16 * index)
      let start = UInt64(try word(entry))
      #expect(start % 4096 == 0)
      #expect(start >= 0x10_1000)
      #expect(UInt64(try word(entry + 4)) - start == UInt64(module.bytes.count))
      #expect(memory.read(start, count: module.bytes.count) == module.bytes)
      #expect(try text(UInt64(word(entry + 8))) == module.commandLine)
    }
  }

  @Test("Memory map covers RAM and the hypervisor's pages")
  func memoryMapCoversRAMAndTheHypervisorsPages() throws {
    let guest = try MultibootLoader(image: SyntheticImage.elf32()).load(into: memory)
    let block = guest.registers.rbx
    let count = UInt64(try word(block + 44))
    let start = UInt64(try word(block + 48))
    var entries: [[UInt32]] = []
    var address = start
    while address < start + count {
      entries.append([try word(address + 4), try word(address + 12), try word(address + 20)])
      address += UInt64(try word(address)) + 4
    }
    #expect(
      entries == [
        [0, 0x9_fc00, 1], [0x9_fc00, 0x6_0400, 2], [0x10_0000, 0x30_0000, 1],
        [0xfeff_c000, 0x4000, 2],
      ])
  }

  private func word(_ address: UInt64) throws -> UInt32 {
    try #require(memory.read(address, count: 4)).reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }

  private func text(_ address: UInt64) throws -> String {
    let bytes = try #require(memory.read(address, count: 64))
    return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
}
