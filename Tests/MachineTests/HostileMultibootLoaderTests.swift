import BuiltInGuests
import Machine
import Testing

/// What malformed and hostile images are answered with.
@Suite("The Multiboot loader facing hostile images")
struct HostileMultibootLoaderTests {
  let memory: GuestMemory
  init() throws { memory = try GuestMemory(mebibytes: 4) }

  /// One change to a valid image and a part of the message it must earn.
  struct Damage: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var image: [UInt8]
    var message: String

    init(
      _ name: String, _ image: [UInt8], _ message: String, _ change: (inout ImageWriter) -> Void
    ) {
      var writer = ImageWriter(byteCount: 0)
      writer.bytes = image
      change(&writer)
      testDescription = name
      self.image = writer.bytes
      self.message = message
    }
  }

  static let elf32: [Damage] = [
    Damage("no header", SyntheticImage.elf32(), "no Multiboot header in the first 384 bytes") {
      $0.put32(0, at: 0x100)
    },
    Damage("checksum", SyntheticImage.elf32(), "at offset 0x100 has a wrong checksum") {
      $0.put32(0, at: 0x108)
    },
    Damage("video mode", SyntheticImage.elf32(flags: 7), "flag bits 2; 2 is a video mode") { _ in },
    Damage("unknown demand", SyntheticImage.elf32(flags: 0x8003), "flag bits 15)") { _ in },
    Damage("not ELF", SyntheticImage.elf32(), "gives no addresses and the image is not ELF") {
      $0.bytes[0] = 0
    },
    Damage("class", SyntheticImage.elf32(), "the ELF class at offset 0x4 is 0x3") {
      $0.bytes[4] = 3
    },
    Damage("byte order", SyntheticImage.elf32(), "the ELF byte order") { $0.bytes[5] = 2 },
    Damage("machine", SyntheticImage.elf32(), "e_machine") { $0.put16(0xb7, at: 18) },
    Damage("header size", SyntheticImage.elf32(), "e_phentsize") { $0.put16(31, at: 42) },
    Damage("no headers", SyntheticImage.elf32(), "number of loadable ELF segments") {
      $0.put16(0, at: 44)
    },
    Damage("many headers", SyntheticImage.elf32(), "65535 ELF program headers") {
      $0.put16(0xffff, at: 44)
    },
    Damage("table behind the end", SyntheticImage.elf32(), "program header table at offset") {
      $0.put32(0xffff_fff0, at: 28)
    },
    Damage("segment behind the end", SyntheticImage.elf32(), "the image ends at 0x180") {
      $0.put32(0x101, at: 56)
    },
    Damage("file above memory size", SyntheticImage.elf32(), "at most p_memsz") {
      $0.put32(0x7f, at: 72)
    },
    Damage("memory too small", SyntheticImage.elf32(), "needs 5 MiB of RAM, but the guest has 4") {
      $0.put32(0x30_0001, at: 72)
    },
    Damage("absurd memory", SyntheticImage.elf32(), "more than the 3072 MiB a guest can have") {
      $0.put32(0xffff_ffff, at: 72)
    },
    Damage("over the loader", SyntheticImage.elf32(), "both claim memory at 0x7fff") {
      $0.put32(0x7fff, at: 64)
    },
    Damage("entry", SyntheticImage.elf32(), "the entry point 0x101000 is in no loaded part") {
      $0.put32(0x10_1000, at: 24)
    },
  ]

  static let others: [Damage] = [
    Damage("64-bit offset", SyntheticImage.elf64(), "at offset 0xffffffffffffff80 has 128 bytes") {
      $0.put64(UInt64.max - 0x7f, at: 72)
    },
    Damage("64-bit file size", SyntheticImage.elf64(), "the image ends at 0x180") {
      $0.put64(.max, at: 96)
      $0.put64(.max, at: 104)
    },
    Damage("64-bit address", SyntheticImage.elf64(), "ends beyond 64 bits") {
      $0.put64(.max, at: 88)
    },
    Damage("64-bit table", SyntheticImage.elf64(), "the ELF program header table") {
      $0.put64(.max, at: 32)
    },
    Damage("load above header", SyntheticImage.addressed(), "load_addr at offset 0x30") {
      $0.put32(0x10_0011, at: 0x30)
    },
    Damage("load before the file", SyntheticImage.addressed(), "load_addr at offset 0x30") {
      $0.put32(0x0f_0000, at: 0x30)
    },
    Damage("load end", SyntheticImage.addressed(loadEnd: 5), "load_end_addr at offset 0x34") { _ in
    },
    Damage("bss end", SyntheticImage.addressed(bssEnd: 5), "bss_end_addr at offset 0x38") { _ in },
    Damage("truncated", SyntheticImage.addressed(), "has 112 bytes, but the image ends at 0x7f") {
      $0.bytes.removeLast()
    },
    Damage("entry field", SyntheticImage.addressed(), "the entry point 0x5 is in no") {
      $0.put32(5, at: 0x3c)
    },
  ]

  @Test("Refuses with one clear sentence", arguments: elf32 + others)
  func refusesWithOneClearSentence(damage: Damage) throws {
    let error = #expect(throws: LoaderError.self) {
      try MultibootLoader(image: damage.image).load(into: memory)
    }
    let message = try #require(error).description
    #expect(message.contains(damage.message))
    #expect(!message.contains("\n"))
    #expect(memory.takeBoardWrittenPages().isEmpty)
  }

  @Test("Refuses overlapping segments")
  func refusesOverlappingSegments() throws {
    // The second program header reuses the bytes behind the first, up to the segment's start.
    var image = ImageWriter(byteCount: 0)
    image.bytes = SyntheticImage.elf32()
    image.put16(2, at: 44)
    for index in 0..<32 { image.bytes[84 + index] = image.bytes[52 + index] }
    image.put32(0x10_0800, at: 84 + 12)
    #expect(
      throws: LoaderError.overlap(
        part: "the ELF segment of the program header at 84",
        other: "the ELF segment of the program header at 52", address: 0x10_0800)
    ) {
      try MultibootLoader(image: image.bytes).load(into: memory)
    }
  }

  @Test("Bounds modules and command lines")
  func boundsModulesAndCommandLines() {
    let module = MultibootLoader.Module(bytes: [1], commandLine: "")
    let image = SyntheticImage.elf32()
    #expect(throws: LoaderError.tooMany(what: "Multiboot modules", count: 65, limit: 64)) {
      try MultibootLoader(image: image, modules: Array(repeating: module, count: 65))
        .load(into: memory)
    }
    #expect(throws: LoaderError.self) {
      try MultibootLoader(image: image, commandLine: String(repeating: "x", count: 30_000))
        .load(into: memory)
    }
    let large = MultibootLoader.Module(
      bytes: [UInt8](repeating: 1, count: 3 << 20), commandLine: "")
    #expect(
      throws: LoaderError.memoryTooSmall(part: "module 1", neededMiB: 5, availableMiB: 4)
    ) {
      try MultibootLoader(image: image, modules: [large]).load(into: memory)
    }
  }

  @Test("Twenty thousand mutations never trap")
  func twentyThousandMutationsNeverTrap() throws {
    let kernel = try #require(BuiltInGuest.named("multiboot")).image
    let seeds = [
      SyntheticImage.elf32(), SyntheticImage.elf64(), SyntheticImage.addressed(), kernel,
    ]
    var generator = Xorshift(state: 0x9e37_79b9_7f4a_7c15)
    var loaded = 0
    for round in 0..<20_000 {
      let image = generator.mutated(seeds[round % seeds.count])
      do {
        let guest = try MultibootLoader(image: image).load(into: memory)
        #expect(guest.occupied.contains { $0.addresses.contains(guest.registers.rip) })
        loaded += 1
      } catch {
        #expect(!error.description.isEmpty)
      }
      _ = memory.takeBoardWrittenPages()
    }
    // Some must get through and some must not, or the mutations test nothing.
    #expect(loaded > 500)
    #expect(loaded < 19_000)
  }
}

/// A small generator with a fixed seed, so that a failure comes back.
struct Xorshift: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }

  /// The image with one to four fields replaced by edge values or noise, or cut short.
  mutating func mutated(_ image: [UInt8]) -> [UInt8] {
    var result = image
    for _ in 0..<Int.random(in: 1...4, using: &self) {
      let edges: [UInt8] = [0, 1, 0x7f, 0x80, 0xff, UInt8.random(in: 0...255, using: &self)]
      let width = [1, 2, 4, 8].randomElement(using: &self) ?? 1
      let start = Int.random(in: 0..<result.count, using: &self)
      let value = edges.randomElement(using: &self) ?? 0
      for index in start..<min(start + width, result.count) { result[index] = value }
    }
    if Int.random(in: 0..<16, using: &self) == 0 {
      result.removeLast(Int.random(in: 0..<result.count, using: &self))
    }
    return result
  }
}
