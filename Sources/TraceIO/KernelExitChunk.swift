internal import Trace

/// A preallocated run of kernel exits being filled by the vCPU's thread.
@safe
final class KernelExitChunk: @unchecked Sendable {
  // Safe: a chunk belongs to one thread at a time; the writer's ring and pools hand it over.

  /// Kernel exits a chunk holds.
  static let capacity = 16_384

  private let exits: UnsafeMutableBufferPointer<KernelExitRecord>
  private(set) var count = 0
  var firstTime: UInt64 = 0

  init() {
    unsafe exits = .allocate(capacity: Self.capacity)
    unsafe exits.initialize(repeating: KernelExitRecord())
  }

  deinit {
    unsafe exits.deallocate()
  }

  var isFull: Bool { count == Self.capacity }
  var lastTime: UInt64 { count == 0 ? firstTime : unsafe exits[count - 1].exitTime }

  /// Adds one; the writer asks ``isFull`` first.
  func append(_ exit: KernelExitRecord) {
    unsafe exits[count] = exit
    count += 1
  }

  func reset() { count = 0 }

  /// The block of the chunk's kernel exits.
  func encode(with encoder: inout BlockEncoder) -> [UInt8] {
    unsafe encoder.block(
      UnsafeBufferPointer(rebasing: exits[..<count]), firstTime: firstTime)
  }
}
