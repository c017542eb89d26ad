#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

extension GuestMemory {
  /// The pages in which two guests' RAM differs, ascending.
  ///
  /// Of RAM of different sizes the part that both have is compared.
  public func pagesDiffering(from other: GuestMemory) -> [UInt32] {
    (0..<UInt32(min(pageCount, other.pageCount))).filter { page in
      let offset = Int(page) * Self.pageSize
      // Safe: both mappings are at least as long.
      return unsafe memcmp(base + offset, other.base + offset, Self.pageSize) != 0
    }
  }

  /// The bytes of a page; zeros when it is outside RAM.
  public func page(_ page: UInt32) -> [UInt8] {
    read(UInt64(page) * UInt64(Self.pageSize), count: Self.pageSize)
      ?? [UInt8](repeating: 0, count: Self.pageSize)
  }
}
