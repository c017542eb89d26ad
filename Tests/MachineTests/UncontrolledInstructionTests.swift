import Machine
import Testing

/// Guests whose page tables are at 0x1000 (level 4) to 0x4000 (level 1).
@Suite struct UncontrolledInstructionTests {
  private let memory: GuestMemory
  private var system = SystemRegisters()
  private let code: UInt64 = 0x5000
  private static let userPage: UInt64 = 7
  private static let noExecute: UInt64 = 1 << 63

  init() throws {
    memory = try GuestMemory(mebibytes: 1)
    system.cr0 = 0x8000_0001
    system.cr3 = 0x1000
    system.cr4 = 0x20
    system.efer = 0xd00
    system.segments[0].attributes = 1 << 5
    for level in 0..<3 { put(UInt64(level + 2) << 12 | Self.userPage, at: UInt64(level + 1) << 12) }
    map(0, to: code)
  }

  private func put(_ entry: UInt64, at address: UInt64) {
    memory.write((0..<8).map { UInt8(truncatingIfNeeded: entry >> UInt64(8 * $0)) }, at: address)
  }

  private func map(_ index: UInt64, to address: UInt64, flags: UInt64 = userPage) {
    put(address | flags, at: 0x4000 + 8 * index)
  }

  private func found(_ includesTimestamp: Bool = true) -> [UncontrolledInstruction] {
    var search = UncontrolledInstructionSearch(includesTimestamp: includesTimestamp)
    search.look(at: system, in: memory)
    return search.found
  }

  @Test func instructionsAreDecodedNotSearchedFor() {
    // jne; xor eax, eax; rdtsc; rdrand ecx
    memory.write([0x75, 0x0f, 0x31, 0xc0, 0x0f, 0x31, 0x0f, 0xc7, 0xf1], at: code)
    #expect(found().map(\.text) == ["rdtsc", "rdrand ecx"])
    #expect(found().map(\.address) == [4, 6])
    #expect(found(false).map(\.text) == ["rdrand ecx"])
  }

  @Test func oneAcrossTwoPagesIsFound() {
    map(1, to: 0x9000)
    memory.write([UInt8](repeating: 0x90, count: 0xfff) + [0x0f], at: code)
    memory.write([0x31], at: 0x9000)
    #expect(found().map(\.address) == [0xfff])
  }

  @Test(arguments: [5, 3, 7 | noExecute, 6] as [UInt64])
  func onlyWhatUserModeMayExecuteCounts(flags: UInt64) {
    map(0, to: code, flags: flags)
    memory.write([0x0f, 0x31], at: code)
    #expect(found().count == (flags == 5 ? 1 : 0))
  }

  @Test func largePages() {
    // 2 MiB at 0, of which 1 MiB is RAM.
    put(0 | Self.userPage | 1 << 7, at: 0x3000)
    memory.write([0x0f, 0x31], at: 0x8000)
    #expect(found().map(\.address) == [0x8000])
  }

  @Test func aListStaysShort() {
    for index in 0..<20 as Range<UInt64> {
      map(index, to: 0x1_0000 + index << 12)
      memory.write([0x0f, 0x31, 0x0f, 0x31, 0x0f, 0x31], at: 0x1_0000 + index << 12)
    }
    #expect(found().count == UncontrolledInstructionSearch.limit)
    #expect(found().prefix(3).map(\.address) == [0, 2, 0x1000])
  }

  /// Processes share the pages of programs and libraries, at addresses of their own.
  @Test func aPageIsLookedAtOnce() {
    memory.write([0x0f, 0x31], at: code)
    map(7, to: code)
    #expect(found().map(\.address) == [0])
  }

  @Test func tablesThatGoInCirclesEnd() {
    // Every entry of the one table is the table: 2⁴⁵ bytes of address space.
    for index in 0..<512 as Range<UInt64> { put(0x1000 | Self.userPage, at: 0x1000 + 8 * index) }
    memory.write([0x0f, 0x31], at: 0x1000)
    #expect(found().count <= UncontrolledInstructionSearch.limit)
  }

  @Test func tablesOutsideRAMAndOtherModesHaveNothing() {
    memory.write([0x0f, 0x31], at: code)
    var hostile = self
    hostile.system.cr3 = 0x000f_ffff_ffff_f000
    #expect(hostile.found().isEmpty)
    hostile = self
    hostile.system.efer = 0
    #expect(hostile.found().isEmpty)
    hostile = self
    hostile.system.cr4 |= 1 << 12
    #expect(hostile.found().isEmpty)
    hostile = self
    hostile.map(0, to: 0x000f_ffff_ffff_f000)
    #expect(hostile.found().isEmpty)
  }

  @Test func theInstructionAtRIP() {
    memory.write([0x0f, 0x31], at: code + 0xffe)
    #expect(UncontrolledInstructionSearch.text(at: 0xffe, system, in: memory) == "rdtsc")
    #expect(UncontrolledInstructionSearch.text(at: 0xfff, system, in: memory) == nil)
    #expect(UncontrolledInstructionSearch.text(at: 0x1_0000, system, in: memory) == nil)
  }
}
