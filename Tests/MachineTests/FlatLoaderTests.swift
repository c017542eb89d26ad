import BuiltInGuests
import Machine
import Testing

@Suite("The loader for bare machine code")
struct FlatLoaderTests {
  let memory: GuestMemory
  init() throws { memory = try GuestMemory(mebibytes: 1) }

  @Test("Real mode starts at the load address with all else zero")
  func realModeStartsAtTheLoadAddressWithAllElseZero() throws {
    let guest = try FlatLoader(image: [0xf4, 0x90], loadAddress: 0x7c00, mode: .realMode)
      .load(into: memory)
    var expected = GeneralRegisters()
    expected.rip = 0x7c00
    expected.rsp = 0x7c00
    #expect(guest.registers == expected)
    #expect(guest.system.cr0 == 0x10)
    #expect(guest.system.segments.allSatisfy { $0.base == 0 && $0.selector == 0 })
    #expect(guest.system.segments.allSatisfy { $0.limit == 0xffff })
    #expect(guest.system.idt.limit == 0x3ff)
    #expect(memory.read(0x7c00, count: 2) == [0xf4, 0x90])
    #expect(guest.occupied.map(\.addresses) == [0..<0x400, 0x7c00..<0x7c02])
  }

  @Test("Long mode maps 4 GiB one to one")
  func longModeMapsFourGiBOneToOne() throws {
    let guest = try FlatLoader(image: [0xf4], loadAddress: 0x1_0000, mode: .longMode64)
      .load(into: memory)
    #expect(guest.system.cr0 == 0x8000_0033)
    #expect(guest.system.cr4 == 0x620)
    #expect(guest.system.efer == 0x500)
    #expect(guest.registers.rsp == 0x1_0000)
    for address: UInt64 in [0, 0x20_1234, 0xfed0_0000, 0xffff_ffff] {
      #expect(try translate(address, from: guest.system.cr3) == address)
    }
    let code = try quadword(at: guest.system.gdt.base + 8)
    #expect(code == 0x00af_9b00_0000_ffff)
    #expect(guest.system.segments[0].attributes == 0x71)
    #expect(guest.system.segments[0].selector == 8)
  }

  @Test("Guests do not see an APIC")
  func guestsDoNotSeeAnAPIC() throws {
    let guest = try FlatLoader(image: [0xf4], loadAddress: 0x8000, mode: .realMode)
      .load(into: memory)
    #expect(guest.system.apicBase & 1 << 11 == 0)
  }

  @Test("Apply replaces registers and system only")
  func applyReplacesRegistersAndSystemOnly() throws {
    let guest = try FlatLoader(image: [0xf4], loadAddress: 0x8000, mode: .realMode)
      .load(into: memory)
    var state = VCPUState()
    state.floatingPoint = [1]
    guest.apply(to: &state)
    #expect(state.registers == guest.registers)
    #expect(state.system == guest.system)
    #expect(state.floatingPoint == [1])
  }

  @Test(
    "Refuses load addresses out of reach",
    arguments: [
      (UInt64(0x1_0000), FlatLoader.Mode.realMode), (.max, .realMode), (0x8fff, .longMode64),
      (0, .longMode64),
    ])
  func refusesLoadAddressesOutOfReach(address: UInt64, mode: FlatLoader.Mode) {
    let error = #expect(throws: LoaderError.self) {
      try FlatLoader(image: [0xf4], loadAddress: address, mode: mode).load(into: memory)
    }
    guard case .unusableLoadAddress(address, _) = error else {
      Issue.record("got \(String(describing: error))")
      return
    }
  }

  @Test("Refuses to cover the vectors")
  func refusesToCoverTheVectors() {
    #expect(
      throws: LoaderError.overlap(
        part: "the image", other: "the interrupt vector table", address: 0x3ff)
    ) {
      try FlatLoader(image: [0xf4], loadAddress: 0x3ff, mode: .realMode).load(into: memory)
    }
  }

  @Test("Says how much memory an image needs")
  func saysHowMuchMemoryAnImageNeeds() {
    let image = [UInt8](repeating: 0, count: 2 << 20)
    let error = #expect(throws: LoaderError.self) {
      try FlatLoader(image: image, loadAddress: 0x1_0000, mode: .longMode64).load(into: memory)
    }
    #expect(
      error?.description
        == "the image needs 3 MiB of RAM, but the guest has 1; use -m 3 or more")
    #expect(memory.takeBoardWrittenPages().isEmpty)
  }

  @Test("Refuses an empty image and an end beyond 64 bits")
  func refusesAnEmptyImageAndAnEndBeyond64Bits() {
    #expect(throws: LoaderError.emptyImage) {
      try FlatLoader(image: [], loadAddress: 0x8000, mode: .realMode).load(into: memory)
    }
    #expect(throws: LoaderError.self) {
      try FlatLoader(image: [1, 2], loadAddress: .max, mode: .longMode64).load(into: memory)
    }
  }

  private func quadword(at address: UInt64) throws -> UInt64 {
    try #require(memory.read(address, count: 8)).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Walks the three levels of tables down to a 2 MiB page, all accessed and dirty already.
  private func translate(_ address: UInt64, from root: UInt64) throws -> UInt64 {
    var table = root
    for shift: UInt64 in [39, 30, 21] {
      let entry = try quadword(at: table + (address >> shift & 511) * 8)
      try #require(entry & 0x21 == 0x21)
      table = entry & 0x000f_ffff_ffff_f000
      if shift == 21 { try #require(entry & 0xc0 == 0xc0) }
    }
    return table | address & 0x1f_ffff
  }
}

@Suite("The built-in guests")
struct BuiltInGuestLoaderTests {
  @Test("Loads in its own memory", arguments: BuiltInGuest.all)
  func loadsInItsOwnMemory(guest: BuiltInGuest) throws {
    let memory = try GuestMemory(mebibytes: guest.memoryMiB)
    let loaded: LoadedGuest
    switch guest.entry {
    case .realMode:
      loaded = try FlatLoader(
        image: guest.image, loadAddress: guest.loadAddress, mode: .realMode
      ).load(into: memory)
    case .longMode64:
      loaded = try FlatLoader(
        image: guest.image, loadAddress: guest.loadAddress, mode: .longMode64
      ).load(into: memory)
    case .multiboot:
      loaded = try MultibootLoader(image: guest.image).load(into: memory)
    }
    #expect(loaded.occupied.contains { $0.addresses.contains(loaded.registers.rip) })
    #expect(loaded.occupied.contains { $0.addresses.contains(guest.loadAddress) })
  }

  @Test("Names are unique and found")
  func namesAreUniqueAndFound() {
    #expect(Set(BuiltInGuest.all.map(\.name)).count == BuiltInGuest.all.count)
    #expect(BuiltInGuest.named("echo")?.isInteractive == true)
    #expect(BuiltInGuest.named("nothing") == nil)
  }

  @Test("Images are decoded whole")
  func imagesAreDecodedWhole() throws {
    let hello = try #require(BuiltInGuest.named("hello"))
    #expect(hello.image.starts(with: [0x31, 0xc0]))
    let text = Array("Hello from inside a vmreel guest.\n\0".utf8)
    let found = hello.image.indices.contains { hello.image[$0...].starts(with: text) }
    #expect(found)
  }
}
