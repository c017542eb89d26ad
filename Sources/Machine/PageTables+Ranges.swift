extension PageTables {
  /// A run of virtual addresses that maps to a run of physical ones with the same permissions.
  public struct Range: Equatable, Sendable {
    /// Where it begins; canonical.
    public var virtualAddress: UInt64
    /// The guest physical address there.
    public var physicalAddress: UInt64
    /// Its length in bytes; a multiple of 4096.
    public var byteCount: UInt64
    /// Whether every level allows writes.
    public var isWritable: Bool
    /// Whether every level allows user mode.
    public var isUser: Bool
    /// Whether no level forbids execution.
    public var isExecutable: Bool
  }

  /// The ranges of a walk.
  public struct RangeList: Equatable, Sendable {
    /// The ranges, ascending in the order of the tables: the lower half of the addresses first.
    public var ranges: [Range] = []
    /// Whether there is more than was asked for, or than is worth walking.
    public var isTruncated = false
  }

  /// Everything the tables map, at most `limit` ranges.
  public func ranges(limit: Int) -> RangeList {
    var walk = RangeWalk(limit: limit)
    descend(
      into: root, level: 3,
      Range(
        virtualAddress: 0, physicalAddress: 0, byteCount: 0, isWritable: true, isUser: true,
        isExecutable: true), &walk)
    return walk.list
  }

  private static var writable: UInt64 { 1 << 1 }

  private struct RangeWalk {
    let limit: Int
    var list = RangeList()
    var tables = 0
  }

  /// - Parameter above: where the table's part of the address space begins, and what the levels
  ///   above it allow.
  private func descend(
    into table: UInt64, level: Int, _ above: Range, _ walk: inout RangeWalk
  ) {
    walk.tables += 1
    guard walk.tables <= Self.maximumTables else {
      walk.list.isTruncated = true
      return
    }
    guard let content = memory.read(table, count: GuestMemory.pageSize) else { return }
    let shift = UInt64(12 + 9 * level)
    for index in 0..<512 where !walk.list.isTruncated {
      let entry = Self.word(content, index)
      guard entry & Self.present != 0 else { continue }
      var range = above
      range.virtualAddress |= UInt64(index) << shift
      if level == 3, index >= 256 { range.virtualAddress |= 0xffff_0000_0000_0000 }
      range.isWritable = range.isWritable && entry & Self.writable != 0
      range.isUser = range.isUser && entry & Self.user != 0
      range.isExecutable = range.isExecutable && entry & Self.noExecute == 0
      if level == 0 || (level < 3 && entry & Self.large != 0) {
        range.physicalAddress = entry & Self.addressMask & ~((1 as UInt64) << shift - 1)
        range.byteCount = 1 << shift
        append(range, &walk)
      } else {
        descend(into: entry & Self.addressMask, level: level - 1, range, &walk)
      }
    }
  }

  /// Appends a page, joined to the range before where it continues it.
  private func append(_ page: Range, _ walk: inout RangeWalk) {
    if var last = walk.list.ranges.last, page.continues(last) {
      last.byteCount += page.byteCount
      walk.list.ranges[walk.list.ranges.count - 1] = last
    } else if walk.list.ranges.count < walk.limit {
      walk.list.ranges.append(page)
    } else {
      walk.list.isTruncated = true
    }
  }
}

extension PageTables.Range {
  fileprivate func continues(_ last: Self) -> Bool {
    virtualAddress == last.virtualAddress &+ last.byteCount
      && physicalAddress == last.physicalAddress &+ last.byteCount
      && isWritable == last.isWritable && isUser == last.isUser
      && isExecutable == last.isExecutable
  }
}
