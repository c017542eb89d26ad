internal import Machine

/// Foretells how many more arrivals at the target's RIP a loop makes before it is at the target,
/// from a register that moves by the same amount each time, such as a counter.
///
/// A breakpoint stops the guest at each arrival, which costs thousands of times the iteration
/// itself. While the target is far, the guest is better left to run for a part of the time it will
/// take. A wrong prediction costs a landing, never correctness: what counts as landed is compared
/// in full.
struct ArrivalPrediction {
  /// Stopping at each arrival is cheap enough for so many.
  static let nearArrivals: Int64 = 1_024
  /// Runs shorter than this the host's timer cannot end in time.
  static let shortestSliceNanoseconds: UInt64 = 200_000
  private let target: [UInt64]
  /// The first run, while the loop's speed is unknown: safe when the loop took more than this part
  /// of the recorded slice.
  private let firstSliceNanoseconds: UInt64
  private var last: [UInt64] = []
  private var strides: [Int64] = []
  /// The register that leads, by its place in ``GeneralRegisters/named``.
  private var leader: Int?
  private var remaining: Int64?
  private var nanosecondsPerArrival: Double?

  /// - Parameter slice: the host nanoseconds the recorded guest took to get to the target.
  init(target: GeneralRegisters, slice: UInt64) {
    self.target = Self.values(target)
    firstSliceNanoseconds = slice / 64
  }

  /// How long the guest may run without missing the target; `nil`: stop at each arrival.
  var safeSlice: UInt64? {
    guard let remaining, remaining > Self.nearArrivals else { return nil }
    guard let nanosecondsPerArrival else { return firstSliceNanoseconds }
    let slice = Double(remaining) * nanosecondsPerArrival * 0.5
    guard slice >= Double(Self.shortestSliceNanoseconds), slice < 1e12 else { return nil }
    return UInt64(slice)
  }

  /// Takes note of an arrival that was not the target.
  mutating func note(_ registers: GeneralRegisters) {
    let values = Self.values(registers)
    defer { last = values }
    guard !last.isEmpty else { return }
    let moved = zip(values, last).map { Int64(bitPattern: $0 &- $1) }
    defer { strides = moved }
    guard moved.count == strides.count else { return }
    leader = moved.indices.first { index in
      moved[index] != 0 && moved[index] == strides[index]
        && (arrivals(of: index, from: values, stride: moved[index]) ?? 0) > 0
    }
    remaining = leader.flatMap { arrivals(of: $0, from: values, stride: moved[$0]) }
  }

  /// Takes note of where a run has got to; it may have stopped anywhere in the loop.
  mutating func noteRun(nanoseconds: UInt64, _ registers: GeneralRegisters) {
    let values = Self.values(registers)
    // The next arrival starts a new pair of strides.
    last = []
    defer { strides = [] }
    guard let leader, let before = remaining, strides.indices.contains(leader) else { return }
    let stride = strides[leader]
    let distance = Int64(bitPattern: target[leader] &- values[leader])
    remaining = nil
    let (left, overflow) = distance.dividedReportingOverflow(by: stride)
    guard !overflow, left > 0, left < before else { return }
    nanosecondsPerArrival = Double(nanoseconds) / Double(before - left)
  }

  private func arrivals(of index: Int, from values: [UInt64], stride: Int64) -> Int64? {
    let distance = Int64(bitPattern: target[index] &- values[index])
    let (count, overflow) = distance.dividedReportingOverflow(by: stride)
    guard !overflow, count &* stride == distance else { return nil }
    return count
  }

  /// The sixteen general registers; RIP and RFLAGS count nothing.
  private static func values(_ registers: GeneralRegisters) -> [UInt64] {
    registers.named.prefix(16).map(\.value)
  }
}
