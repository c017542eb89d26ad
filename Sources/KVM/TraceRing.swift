internal import CKVM
internal import Machine

#if canImport(Glibc)
  internal import Glibc
#endif

/// The ring the kernel writes perf records into, mapped; read by the thread it traces.
@safe
struct TraceRing: ~Copyable {
  // Safe: `base` points at `byteCount` mapped bytes from init to deinit. The kernel writes only
  // between the tail it was given back and the head, which is never what is being read.

  /// The sizes tried, in bytes of records: the locked-memory limit may refuse the larger ones.
  private static let sizes = [4 << 20, 1 << 20, 256 << 10, 64 << 10]
  /// The largest record: its size is a u16.
  private static let maximumRecord = 1 << 16

  private let base: UnsafeMutableRawPointer
  private let byteCount: Int
  private let pageSize: Int
  private let scratch: UnsafeMutableRawBufferPointer
  private var tail: UInt64 = 0

  /// Maps the ring of a perf event.
  init(of event: borrowing Descriptor) throws(ProcessorError) {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    var failure: Int32 = 0
    for size in Self.sizes {
      let mapping = unsafe mmap(
        nil, page + size, PROT_READ | PROT_WRITE, MAP_SHARED, event.number, 0)
      guard let mapping = unsafe mapping, unsafe mapping != MAP_FAILED else {
        failure = errno
        continue
      }
      unsafe base = mapping
      byteCount = size
      pageSize = page
      unsafe scratch = .allocate(byteCount: Self.maximumRecord, alignment: 8)
      return
    }
    throw ProcessorError(
      operation: "mmap of the perf ring", errorNumber: failure,
      advice: "run as root, or raise kernel.perf_event_mlock_kb")
  }

  deinit {
    unsafe munmap(base, pageSize + byteCount)
    unsafe scratch.deallocate()
  }

  /// Hands out the records there are: type and the bytes after the 8-byte header.
  mutating func forEachRecord(_ body: (_ type: UInt32, _ content: UnsafeRawBufferPointer) -> Void) {
    let head = unsafe ckvm_ring_head(base)
    guard head != tail else { return }
    while head &- tail >= 8 {
      let offset = Int(tail % UInt64(byteCount))
      // The header never wraps: records are multiples of 8 bytes, as is the ring.
      let header = unsafe base + pageSize + offset
      let type = unsafe header.load(as: UInt32.self)
      let size = Int(unsafe header.load(fromByteOffset: 6, as: UInt16.self))
      guard size >= 8, UInt64(size) <= head &- tail else {
        tail = head
        break
      }
      unsafe body(type, UnsafeRawBufferPointer(rebasing: record(at: offset, size)[8...]))
      tail &+= UInt64(size)
    }
    unsafe ckvm_ring_release(base, tail)
  }

  /// A record's bytes, put together where it runs over the ring's end.
  private func record(at offset: Int, _ size: Int) -> UnsafeRawBufferPointer {
    let data = unsafe base + pageSize
    let first = min(size, byteCount - offset)
    guard first < size else {
      return unsafe UnsafeRawBufferPointer(start: data + offset, count: size)
    }
    // Safe: a record is smaller than the scratch area, whose size is the largest a u16 can say.
    unsafe scratch.baseAddress?.copyMemory(from: data + offset, byteCount: first)
    unsafe scratch.baseAddress?.advanced(by: first)
      .copyMemory(from: data, byteCount: size - first)
    return unsafe UnsafeRawBufferPointer(start: scratch.baseAddress, count: size)
  }
}
