/// A line that says events were lost.
///
///     CPU:3 [LOST 12 EVENTS]          tracefs's trace; also `[LOST EVENTS]`
///     CPU:3 [12 EVENTS DROPPED]       trace-cmd report; also `[EVENTS DROPPED]`
///     … PERF_RECORD_LOST lost 12      perf script --show-lost-events; also PERF_RECORD_LOST_SAMPLES
struct LogLoss {
  /// The events lost; 0 where the line does not say.
  var count: UInt64 = 0

  init?(_ line: Span<UInt8>) {
    if line.has("CPU", at: 0), [0x3a, 0x20].contains(line.byte(3)) {
      guard let bracket = line.find("["),
        line.find("LOST ", from: bracket) != nil
          || line.find("EVENTS DROPPED", from: bracket) != nil
      else { return nil }
      var index = bracket + 1
      if line.has("LOST ", at: index) { index += 5 }
      count = line.decimal(&index) ?? 0
    } else if let record = line.find("PERF_RECORD_LOST"),
      let number = line.find(" lost ", from: record)
    {
      var index = number + 6
      count = line.decimal(&index) ?? 0
    } else {
      return nil
    }
  }

  /// A frame of a call chain, `\t    ffffffffc05d92aa vmx_vcpu_run+0x1a ([kvm_intel])`.
  static func isCallChain(_ line: Span<UInt8>) -> Bool {
    guard line.byte(0).isBlank else { return false }
    var index = line.skippingSpaces(0)
    return line.hexadecimal(&index) != nil && line.byte(index) == 0x20
  }
}
