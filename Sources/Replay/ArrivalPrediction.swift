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
  private var firstSliceNanoseconds: UInt64 { recordedNanoseconds / 64 }
  /// A prediction of more than so many times the recorded slice is wrong: the register that leads
  /// belongs to another loop than the one that ends at the target.
  static let plausibleSlices = 4.0
  private let recordedNanoseconds: UInt64
  private var last: [UInt64] = []
  private var strides: [Int64] = []
  /// The register that leads, by its place in ``GeneralRegisters/named``.
  private var leader: Int?
  private var remaining: Int64?
  /// The least seen: entering the guest and other work of the host make a run seem slower.
  private var nanosecondsPerArrival: Double?
  /// A run is at most twice as long as the one before, for a short one tells little of the speed.
  private var longestSliceNanoseconds: Double = 0

  /// - Parameter slice: the host nanoseconds the recorded guest took to get to the target.
  init(target: GeneralRegisters, slice: UInt64) {
    self.target = Self.values(target)
    recordedNanoseconds = slice
  }

  /// How long the guest may run without missing the target; `nil`: stop at each arrival.
  var safeSlice: UInt64? {
    guard let remaining, remaining > Self.nearArrivals else { return nil }
    guard let nanosecondsPerArrival else { return firstSliceNanoseconds }
    let time = Double(remaining) * nanosecondsPerArrival
    guard time < Double(recordedNanoseconds) * Self.plausibleSlices, time < 1e12,
      time >= 2 * Double(Self.shortestSliceNanoseconds)
    else { return nil }
    return UInt64(min(time / 2, longestSliceNanoseconds))
  }

  /// Takes note of an arrival that was not the target.
  mutating func note(_ registers: GeneralRegisters) {
    let values = Self.values(registers)
    defer { last = values }
    guard !last.isEmpty else { return }
    let moved = zip(values, last).map { Int64(bitPattern: $0 &- $1) }
    defer { strides = moved }
    guard moved.count == strides.count else { return }
    // Of loops within loops, the register that is there first is the one to trust.
    (leader, remaining) = (nil, nil)
    for index in moved.indices where moved[index] != 0 && moved[index] == strides[index] {
      guard let count = arrivals(of: index, from: values, stride: moved[index]), count > 0,
        count < remaining ?? .max
      else { continue }
      (leader, remaining) = (index, count)
    }
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
    let speed = Double(nanoseconds) / Double(before - left)
    nanosecondsPerArrival = min(nanosecondsPerArrival ?? speed, speed)
    longestSliceNanoseconds = max(
      2 * Double(nanoseconds), Double(Self.shortestSliceNanoseconds))
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
