#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The guest's RAM: one zero-filled region starting at guest physical address 0.
///
/// Every access is checked against the size; an address outside RAM is an answer (`nil` or
/// `false`), never a trap. Writes through this type are *board writes*: KVM's dirty log does not
/// see them, so their pages are noted here.
@safe
public final class GuestMemory: @unchecked Sendable {
  // Safe: the mapping lives exactly as long as the object, and the run loop's thread alone
  // touches it while the guest is stopped.

  /// Bytes in one page.
  public static let pageSize = 4096
  /// The largest RAM this layout has room for below the device hole, in MiB.
  public static let maximumMiB = Int(GuestMemoryLayout.deviceHole.lowerBound >> 20)

  /// The size in bytes; a multiple of ``pageSize``.
  public let byteCount: Int
  /// The host address where RAM begins, for KVM_SET_USER_MEMORY_REGION and page hashing.
  public let base: UnsafeMutableRawPointer
  private var boardWritten: Set<UInt32> = []

  /// Maps RAM.
  ///
  /// - Parameter mebibytes: 1–3072.
  /// - Throws: ``ProcessorError`` when the size is out of range or the host has not the memory.
  public init(mebibytes: Int) throws(ProcessorError) {
    guard (1...Self.maximumMiB).contains(mebibytes) else {
      throw ProcessorError(
        operation: "guest RAM of \(mebibytes) MiB",
        advice: "choose a size from 1 to \(Self.maximumMiB) MiB with -m")
    }
    byteCount = mebibytes << 20
    let mapping = unsafe mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let mapping = unsafe mapping, unsafe mapping != MAP_FAILED else {
      throw ProcessorError(
        operation: "mmap", errorNumber: errno,
        advice: "the host has no room for \(mebibytes) MiB of guest RAM")
    }
    unsafe base = mapping
  }

  deinit {
    unsafe munmap(base, byteCount)
  }

  /// The number of pages.
  public var pageCount: Int { byteCount / Self.pageSize }

  /// Whether a range lies inside RAM.
  public func contains(_ address: UInt64, count: Int) -> Bool {
    count >= 0 && address <= UInt64(byteCount) && UInt64(count) <= UInt64(byteCount) - address
  }

  /// Copies bytes out of RAM; `nil` when the range is not all RAM.
  public func read(_ address: UInt64, count: Int) -> [UInt8]? {
    guard contains(address, count: count) else { return nil }
    return unsafe Array(UnsafeRawBufferPointer(start: base + Int(address), count: count))
  }

  /// Copies bytes into RAM and notes the pages as board-written.
  ///
  /// - Returns: whether the range is all RAM; if not, nothing was written.
  @discardableResult
  public func write(_ bytes: [UInt8], at address: UInt64) -> Bool {
    unsafe bytes.withUnsafeBytes { unsafe write($0, at: address) }
  }

  /// Copies memory into RAM and notes the pages as board-written.
  ///
  /// - Returns: whether the range is all RAM; if not, nothing was written.
  @discardableResult
  public func write(_ bytes: UnsafeRawBufferPointer, at address: UInt64) -> Bool {
    guard contains(address, count: bytes.count) else { return false }
    guard let source = bytes.baseAddress, unsafe !bytes.isEmpty else { return true }
    unsafe (base + Int(address)).copyMemory(from: source, byteCount: bytes.count)
    let first = UInt32(address / UInt64(Self.pageSize))
    let last = UInt32((address + UInt64(bytes.count) - 1) / UInt64(Self.pageSize))
    boardWritten.formUnion(first...last)
    return true
  }

  /// The bytes of one page; `body` may not keep them.
  ///
  /// The page must exist.
  public func withPage<Result>(
    _ page: UInt32, _ body: (UnsafeRawBufferPointer) -> Result
  ) -> Result {
    precondition(Int(page) < pageCount, "page \(page) is outside guest RAM")
    return unsafe body(
      UnsafeRawBufferPointer(start: base + Int(page) * Self.pageSize, count: Self.pageSize))
  }

  /// The pages written through ``write(_:at:)`` since the last call, ascending.
  public func takeBoardWrittenPages() -> [UInt32] {
    defer { boardWritten.removeAll(keepingCapacity: true) }
    return boardWritten.sorted()
  }
}
