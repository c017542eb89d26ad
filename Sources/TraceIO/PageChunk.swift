internal import Trace

/// A run of a keyframe's pages, copied by the vCPU's thread for the writer's.
@safe
final class PageChunk: @unchecked Sendable {
  // Safe: a chunk belongs to one thread at a time; the writer's ring and pools hand it over.

  /// Pages a chunk holds.
  static let capacity = 256

  private let content = UnsafeMutableRawBufferPointer.allocate(
    byteCount: capacity * PageBlock.pageSize, alignment: PageBlock.pageSize)
  private var pages: [UInt32] = []

  init() {
    pages.reserveCapacity(Self.capacity)
  }

  deinit {
    unsafe content.deallocate()
  }

  var isFull: Bool { pages.count == Self.capacity }

  func append(_ page: UInt32, _ bytes: UnsafeRawBufferPointer) {
    precondition(!isFull && bytes.count == PageBlock.pageSize, "whole pages, and so many")
    // Safe: the precondition keeps the copy inside the buffer.
    unsafe UnsafeMutableRawBufferPointer(rebasing: content[range(of: pages.count)])
      .copyMemory(from: bytes)
    pages.append(page)
  }

  func reset() {
    pages.removeAll(keepingCapacity: true)
  }

  /// The blocks that became full with the chunk's pages.
  func encode(with encoder: inout BlockEncoder) -> [UInt8] {
    var output: [UInt8] = []
    for (index, page) in pages.enumerated() {
      unsafe encoder.append(
        page: page, UnsafeRawBufferPointer(rebasing: content[range(of: index)]), to: &output)
    }
    return output
  }

  private func range(of index: Int) -> Range<Int> {
    index * PageBlock.pageSize..<(index + 1) * PageBlock.pageSize
  }
}
