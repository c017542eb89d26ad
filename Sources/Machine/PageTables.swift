/// The guest's own 4-level page tables (Intel SDM volume 3A, 4.5), read without trusting them.
///
/// Tables that lie outside RAM, are not present or go round in circles end the walk; they never
/// trap it.
public struct PageTables {
  /// A 4 KiB page, or a 4 KiB part of a larger one.
  struct Page {
    /// Its virtual address.
    var virtualAddress: UInt64
    /// Its guest physical address.
    var physicalAddress: UInt64
  }

  let memory: GuestMemory
  let root: UInt64

  static let present: UInt64 = 1
  static let user: UInt64 = 1 << 2
  static let large: UInt64 = 1 << 7
  static let noExecute: UInt64 = 1 << 63
  static let addressMask: UInt64 = 0x000f_ffff_ffff_f000
  /// No Linux process comes near; it bounds what circular tables can cost.
  static let maximumTables = 16_384

  /// The tables in force; `nil` outside 64-bit mode and with 5-level paging.
  public init?(_ system: SystemRegisters, _ memory: GuestMemory) {
    let paging: UInt64 = 1 << 31
    let longModeActive: UInt64 = 1 << 10
    let fiveLevels: UInt64 = 1 << 12
    guard system.cr0 & paging != 0, system.efer & longModeActive != 0,
      system.cr4 & fiveLevels == 0
    else { return nil }
    self.memory = memory
    root = system.cr3 & Self.addressMask
  }

  /// The pages that user mode may execute, ascending, at most `limit`.
  func userExecutablePages(limit: Int) -> [Page] {
    var walk = Walk(limit: limit)
    descend(into: root, level: 3, at: 0, &walk)
    return walk.pages
  }

  /// The physical address behind a virtual one, whoever may use it; `nil` when there is none.
  public func translate(_ address: UInt64) -> UInt64? {
    var table = root
    for level in stride(from: 3, through: 0, by: -1) {
      let shift = UInt64(12 + 9 * level)
      guard let entry = entry(of: table, Int(address >> shift & 511)),
        entry & Self.present != 0
      else { return nil }
      let offsetMask = (1 as UInt64) << shift - 1
      if level == 0 || (level < 3 && entry & Self.large != 0) {
        return entry & Self.addressMask & ~offsetMask | address & offsetMask
      }
      table = entry & Self.addressMask
    }
    return nil
  }

  private struct Walk {
    let limit: Int
    var pages: [Page] = []
    var tables = 0
  }

  private func descend(into table: UInt64, level: Int, at base: UInt64, _ walk: inout Walk) {
    walk.tables += 1
    guard walk.tables <= Self.maximumTables,
      let content = memory.read(table, count: GuestMemory.pageSize)
    else { return }
    let shift = UInt64(12 + 9 * level)
    // The upper half of the addresses is the kernel's.
    for index in 0..<(level == 3 ? 256 : 512) where walk.pages.count < walk.limit {
      let entry = Self.word(content, index)
      guard entry & Self.present != 0, entry & Self.user != 0, entry & Self.noExecute == 0 else {
        continue
      }
      let address = base | UInt64(index) << shift
      if level == 0 || (level < 3 && entry & Self.large != 0) {
        let first = entry & Self.addressMask & ~((1 as UInt64) << shift - 1)
        append(1 << (9 * level), at: address, first, &walk)
      } else {
        descend(into: entry & Self.addressMask, level: level - 1, at: address, &walk)
      }
    }
  }

  private func append(_ count: Int, at virtual: UInt64, _ physical: UInt64, _ walk: inout Walk) {
    for index in 0..<min(count, walk.limit - walk.pages.count) {
      let offset = UInt64(index * GuestMemory.pageSize)
      walk.pages.append(
        Page(virtualAddress: virtual + offset, physicalAddress: physical + offset))
    }
  }

  private func entry(of table: UInt64, _ index: Int) -> UInt64? {
    memory.read(table + UInt64(index * 8), count: 8).map { Self.word($0, 0) }
  }

  static func word(_ bytes: [UInt8], _ index: Int) -> UInt64 {
    (0..<8).reduce(0) { $0 | UInt64(bytes[index * 8 + $1]) << UInt64($1 * 8) }
  }
}
