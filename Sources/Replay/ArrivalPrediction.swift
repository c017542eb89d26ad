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
  /// Runs shorter than this the host's timer may not end in time, while nothing is known of it.
  static let longestLatencyNanoseconds: UInt64 = 200_000
  /// Entering the guest alone takes about as long.
  static let shortestLatencyNanoseconds: UInt64 = 20_000
  /// How many times the last lateness is taken for the timer's greatest.
  static let latencyMargin = 4.0
  private let target: SIMD16<UInt64>
  /// No loop arrives more often than this: two instructions take a cycle of a fast processor.
  static let fastestArrivalNanoseconds = 0.25
  /// A prediction of more than so many times the recorded slice is wrong: the register that leads
  /// belongs to another loop than the one that ends at the target.
  static let plausibleSlices = 4.0
  private let recordedNanoseconds: UInt64
  private var last: SIMD16<UInt64>?
  private var strides: SIMD16<UInt64>?
  /// The register that leads, by its place in storage order.
  private var leader: Int?
  private var remaining: Int64?
  /// The least seen: entering the guest and other work of the host make a run seem slower.
  private var nanosecondsPerArrival: Double?
  /// A run is at most twice as long as the one before, for a short one tells little of the speed.
  private var longestSliceNanoseconds: Double = 0
  /// First runs that ended before the loop was entered.
  private var fruitlessRuns = 0
  /// How much longer than it was to the guest ran last, by what the loop got done.
  private var latenessNanoseconds: Double?

  /// - Parameter slice: the host nanoseconds the recorded guest took to get to the target.
  init(target: GeneralRegisters, slice: UInt64) {
    self.target = target.general
    recordedNanoseconds = slice
  }

  /// Runs shorter than this are not worth it.
  var shortestSliceNanoseconds: UInt64 {
    guard let latenessNanoseconds else { return Self.longestLatencyNanoseconds }
    let margin = latenessNanoseconds * Self.latencyMargin
    return UInt64(
      min(
        max(margin, Double(Self.shortestLatencyNanoseconds)), Double(Self.longestLatencyNanoseconds)
      ))
  }

  /// How long the guest may run without missing the target; `nil`: stop at each arrival.
  var safeSlice: UInt64? {
    guard let remaining, remaining > Self.nearArrivals else { return nil }
    guard let nanosecondsPerArrival else {
      // The loop's speed is unknown, and the target's loop may be a small part of the slice.
      let fastest =
        Double(remaining) * Self.fastestArrivalNanoseconds / 2 * Double(1 << fruitlessRuns)
      return fastest >= Double(Self.shortestLatencyNanoseconds)
        ? UInt64(min(fastest, Double(recordedNanoseconds / 64))) : nil
    }
    let time = Double(remaining) * nanosecondsPerArrival
    guard time < Double(recordedNanoseconds) * Self.plausibleSlices, time < 1e12,
      time >= 2 * Double(shortestSliceNanoseconds)
    else { return nil }
    return UInt64(min(time / 2, longestSliceNanoseconds))
  }

  /// Takes note of an arrival that was not the target; this happens at each stop, so it allocates
  /// nothing.
  mutating func note(_ registers: GeneralRegisters) {
    let values = registers.general
    defer { last = values }
    guard let last else { return }
    let moved = values &- last
    defer { strides = moved }
    (leader, remaining) = (nil, nil)
    guard let strides else { return }
    let steady = (moved .== strides) .& (moved .!= 0)
    // Of loops within loops, the register that is there first is the one to trust.
    for index in 0..<16 where steady[index] {
      let stride = Int64(bitPattern: moved[index])
      guard let count = arrivals(of: index, from: values, stride: stride), count > 0,
        count < remaining ?? .max
      else { continue }
      (leader, remaining) = (index, count)
    }
  }

  /// Takes note of where a run has got to; it may have stopped anywhere in the loop.
  ///
  /// - Parameters:
  ///   - slice: the host nanoseconds it was to take.
  ///   - nanoseconds: those it took.
  mutating func noteRun(slice: UInt64, nanoseconds: UInt64, _ registers: GeneralRegisters) {
    let values = registers.general
    // The next arrival starts a new pair of strides.
    last = nil
    defer { strides = nil }
    guard let leader, let before = remaining, let strides else { return }
    let stride = Int64(bitPattern: strides[leader])
    let distance = Int64(bitPattern: target[leader] &- values[leader])
    remaining = nil
    let (left, overflow) = distance.dividedReportingOverflow(by: stride)
    guard !overflow, left > 0, left < before else {
      if left == before { fruitlessRuns = min(fruitlessRuns + 1, 20) }
      return
    }
    let speed = Double(nanoseconds) / Double(before - left)
    if let known = nanosecondsPerArrival {
      latenessNanoseconds = max(0, Double(before - left) * min(known, speed) - Double(slice))
    }
    nanosecondsPerArrival = min(nanosecondsPerArrival ?? speed, speed)
    longestSliceNanoseconds = max(2 * Double(nanoseconds), Double(shortestSliceNanoseconds))
  }

  private func arrivals(of index: Int, from values: SIMD16<UInt64>, stride: Int64) -> Int64? {
    let distance = Int64(bitPattern: target[index] &- values[index])
    let (count, overflow) = distance.dividedReportingOverflow(by: stride)
    guard !overflow, count &* stride == distance else { return nil }
    return count
  }
}

extension GeneralRegisters {
  /// The sixteen general registers in storage order; RIP and RFLAGS count nothing.
  fileprivate var general: SIMD16<UInt64> {
    SIMD16(rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15)
  }
}
