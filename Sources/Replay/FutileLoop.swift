internal import Machine

/// Notices that a loop which keeps arriving at the target's RIP cannot be the one the target is in.
///
/// A delay loop is called over and over; the target is in one of the calls. Which one the registers
/// say that the loop itself leaves alone: as long as they stand still at other values than the
/// target's, the guest may as well run to where the loop's function returns. A guess: a wrong one
/// costs a landing, never correctness.
struct FutileLoop {
  /// So many arrivals in a row with the same registers make a loop.
  static let patience = 8

  private let target: SIMD8<UInt64>
  private var last: SIMD8<UInt64>?
  private var arrivals = 0
  private var patience = Self.patience

  init(target: GeneralRegisters) { self.target = target.preserved }

  var isFutile: Bool { last.map { $0 != target } ?? false && arrivals >= patience }

  /// Takes note of an arrival that was not the target.
  mutating func note(_ registers: GeneralRegisters) {
    let values = registers.preserved
    arrivals = values == last ? arrivals + 1 : 0
    last = values
  }

  /// Takes note that the guest was let run to where the loop's function returns.
  mutating func noteLeft() {
    // After some loops the first arrival is enough.
    (last, arrivals, patience) = (nil, 0, patience / 2)
  }
}

extension GeneralRegisters {
  /// The stack pointer and the registers a function preserves (System V ABI, AMD64, 3.2.1).
  fileprivate var preserved: SIMD8<UInt64> { SIMD8(rsp, rbx, rbp, r12, r13, r14, r15, 0) }
}
