import Testing

@testable import Machine

/// The walk of a guest's page tables, good and hostile ones.
@Suite struct PageTableTests {
  private static let present: UInt64 = 1
  private static let writable: UInt64 = 2
  private static let user: UInt64 = 4
  private static let large: UInt64 = 1 << 7
  private static let noExecute: UInt64 = 1 << 63

  private let memory: GuestMemory
  private var system = SystemRegisters()

  init() throws {
    memory = try GuestMemory(mebibytes: 1)
    system.cr0 = 1 << 31
    system.efer = 1 << 10
    system.cr3 = 0x1000
  }

  private func set(_ table: UInt64, _ index: Int, _ entry: UInt64) {
    memory.write(
      (0..<8).map { UInt8(truncatingIfNeeded: entry >> (8 * $0)) }, at: table + UInt64(index) * 8)
  }

  private func tables() throws -> PageTables { try #require(PageTables(system, memory)) }

  /// Level 4 at 0x1000, 3 at 0x2000, 2 at 0x3000, 1 at 0x4000; permissions as given above the last.
  private func link(_ permissions: UInt64, slot: Int = 0) {
    set(0x1000, slot, 0x2000 | permissions)
    set(0x2000, 0, 0x3000 | permissions)
    set(0x3000, 0, 0x4000 | permissions)
  }

  @Test func pagesThatContinueEachOtherAreOneRange() throws {
    link(Self.present | Self.writable | Self.user)
    for index in 0..<4 {
      set(0x4000, index, 0x10000 + UInt64(index) * 0x1000 | Self.present | Self.writable)
    }
    set(0x4000, 4, 0x14000 | Self.present)
    set(0x4000, 5, 0x20000 | Self.present | Self.user | Self.noExecute)
    set(0x3000, 1, 0x20_0000 | Self.present | Self.writable | Self.large)
    let list = try tables().ranges(limit: 100)
    #expect(
      list.ranges.map { [$0.virtualAddress, $0.physicalAddress, $0.byteCount] } == [
        [0, 0x10000, 0x4000], [0x4000, 0x14000, 0x1000], [0x5000, 0x20000, 0x1000],
        [0x20_0000, 0x20_0000, 0x20_0000],
      ])
    #expect(list.ranges.map(\.isWritable) == [true, false, false, true])
    #expect(list.ranges.map(\.isUser) == [false, false, true, false])
    #expect(list.ranges.map(\.isExecutable) == [true, true, false, true])
    #expect(!list.isTruncated)
    for range in list.ranges {
      #expect(try tables().translate(range.virtualAddress + 0x123) == range.physicalAddress + 0x123)
    }
  }

  @Test func everyLevelMustAllowIt() throws {
    link(Self.present | Self.user | Self.noExecute)
    set(0x4000, 0, 0x10000 | Self.present | Self.writable | Self.user)
    let range = try #require(try tables().ranges(limit: 9).ranges.first)
    #expect(!range.isWritable && range.isUser && !range.isExecutable)
  }

  @Test func theUpperHalfIsCanonical() throws {
    link(Self.present, slot: 511)
    set(0x4000, 7, 0x10000 | Self.present)
    let range = try #require(try tables().ranges(limit: 9).ranges.first)
    #expect(range.virtualAddress == 0xffff_ff80_0000_7000)
    #expect(try tables().translate(range.virtualAddress) == 0x10000)
  }

  @Test func theListIsBounded() throws {
    link(Self.present)
    for index in 0..<512 { set(0x4000, index, 0x10000 | Self.present) }
    let list = try tables().ranges(limit: 10)
    #expect(list.ranges.count == 10 && list.isTruncated)
  }

  /// Each entry of the only table points at the table itself.
  @Test func circularTablesEnd() throws {
    for index in 0..<512 { set(0x1000, index, 0x1000 | Self.present | Self.large) }
    let circular = try tables().ranges(limit: 5)
    #expect(circular.isTruncated && circular.ranges.count <= 5)
    // The deepest tables map nothing, so that no limit on ranges ends the walk.
    for index in 0..<512 { set(0x1000, index, index == 0 ? 0x1000 | Self.present : 0) }
    #expect(try tables().ranges(limit: 5).ranges.count == 1)
  }

  @Test func tablesOutsideRAMMapNothing() throws {
    var system = system
    set(0x1000, 0, 0x000f_ffff_ffff_f000 | Self.present)
    #expect(try tables().ranges(limit: 5) == PageTables.RangeList())
    #expect(try tables().translate(0) == nil)
    system.cr3 = 0x000f_ffff_ffff_f000
    let outside = try #require(PageTables(system, memory))
    #expect(outside.ranges(limit: 5) == PageTables.RangeList())
    #expect(outside.translate(0) == nil)
  }

  @Test func otherKindsOfPagingHaveNone() {
    var other = system
    other.cr4 = 1 << 12
    #expect((PageTables(other, memory) == nil) as Bool)
    other = system
    other.efer = 0
    #expect((PageTables(other, memory) == nil) as Bool)
    other = system
    other.cr0 = 0
    #expect((PageTables(other, memory) == nil) as Bool)
  }
}
