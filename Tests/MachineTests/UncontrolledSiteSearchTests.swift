import Machine
import Testing

/// Guests whose page tables are at 0x1000 (level 4) to 0x4000 (level 1), with code at 0x5000.
@Suite struct UncontrolledSiteSearchTests {
  private let memory: GuestMemory
  private var state = VCPUState()
  private static let supervisorPage: UInt64 = 3
  private static let userPage: UInt64 = 7
  private static let nops = [UInt8](repeating: 0x90, count: 80)

  init() throws {
    memory = try GuestMemory(mebibytes: 1)
    state.system.cr0 = 0x8000_0001
    state.system.cr3 = 0x1000
    state.system.cr4 = 0x20
    state.system.efer = 0xd00
    state.system.segments[0].attributes = 1 << 5
    state.registers.rip = 0x800
    for level in 0..<3 { put(UInt64(level + 2) << 12 | Self.userPage, at: UInt64(level + 1) << 12) }
    map(0, to: 0x5000)
  }

  private func put(_ entry: UInt64, at address: UInt64) {
    memory.write((0..<8).map { UInt8(truncatingIfNeeded: entry >> UInt64(8 * $0)) }, at: address)
  }

  private func map(_ index: UInt64, to address: UInt64, flags: UInt64 = supervisorPage) {
    put(address | flags, at: 0x4000 + 8 * index)
  }

  private func search(from functionStart: UInt64? = nil) -> UncontrolledSiteSearch {
    UncontrolledSiteSearch(state, memory) { _ in functionStart }
  }

  @Test func sitesAreInstructionsAndNotTheirBytes() {
    // rdtsc; mov ebp, 0x310f; rdrand rax; rdtscp; nop; rdpid rcx; cmpxchg8b [rax]
    memory.write(
      Self.nops + [0x0f, 0x31, 0xbd, 0x0f, 0x31, 0, 0, 0x48, 0x0f, 0xc7, 0xf0, 0x0f, 0x01, 0xf9]
        + [0x90, 0xf3, 0x0f, 0xc7, 0xf9, 0x0f, 0xc7, 0x08], at: 0x5000)
    let found = search()
    #expect(found.sites.map(\.virtualAddress) == [0x50, 0x57, 0x5b, 0x5f])
    #expect(found.sites.map(\.physicalAddress) == [0x5050, 0x5057, 0x505b, 0x505f])
    #expect(found.sites.map(\.bytes.count) == [2, 4, 3, 4])
    #expect(found.byteCount == 4096 && found.omissions.isEmpty)
  }

  @Test func anInstructionThatIsKnownToBeginSettlesIt() {
    // Whatever comes before, decoding from RIP or a function's beginning arrives at it.
    memory.write([UInt8](repeating: 0xb8, count: 80) + [0x0f, 0x31], at: 0x5000)
    #expect(search().sites.isEmpty)
    #expect(search(from: 0x50).sites.map(\.virtualAddress) == [0x50])
    var other = self
    other.state.registers.rip = 0x50
    #expect(other.search().sites.map(\.virtualAddress) == [0x50])
  }

  @Test func anInstructionMayLieAcrossTwoPages() {
    map(1, to: 0x6000)
    memory.write([UInt8](repeating: 0x90, count: 0xfff) + [0x0f, 0x31], at: 0x5000)
    #expect(search().sites.map(\.physicalAddress) == [0x5fff])
  }

  @Test(arguments: [3, 3 | 1 << 63, 2] as [UInt64])
  func onlyExecutableCodeIsSearched(flags: UInt64) {
    map(0, to: 0x5000, flags: flags)
    memory.write(Self.nops + [0x0f, 0x31], at: 0x5000)
    #expect(search().sites.count == (flags == 3 ? 1 : 0))
  }

  @Test func userCodeIsLeftOutWhereTheKernelCannotExecuteIt() {
    map(0, to: 0x5000, flags: Self.userPage)
    memory.write(Self.nops + [0x0f, 0x31], at: 0x5000)
    #expect(search().sites.count == 1)
    var prevented = self
    prevented.state.system.cr4 |= 1 << 20
    #expect(prevented.search().sites.isEmpty)
    #expect(prevented.search().omissions == ["user-mode code cannot be trapped"])
  }

  @Test func withoutPagingRAMIsSearched() {
    var flat = self
    flat.state.system.cr0 = 1
    flat.state.system.segments[0].attributes = 1 << 3
    memory.write(Self.nops + [0x0f, 0x31], at: 0x9000)
    let found = flat.search()
    #expect(found.sites.map(\.virtualAddress) == [0x9050])
    #expect(found.sites.map(\.bits) == [32])
  }

  @Test func tablesThatMapThePagesOverAndOverCostNoMore() {
    // Every level's entries lead to the next table again and again; RAM has one page of code.
    for level in 1..<4 as Range<UInt64> {
      for index in 0..<512 as Range<UInt64> {
        put((level + 1) << 12 | Self.supervisorPage, at: level << 12 + 8 * index)
      }
    }
    for index in 0..<512 as Range<UInt64> { map(index, to: 0x5000) }
    memory.write(Self.nops + [0x0f, 0x31], at: 0x5000)
    let found = search()
    #expect(found.sites.map(\.physicalAddress) == [0x5050])
    #expect(!found.omissions.isEmpty)
  }
}
