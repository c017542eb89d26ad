/// What stands before the fields of a tracepoint, in all three formats.
///
///     vmreel   156 [000]    25.468352:   kvm:kvm_exit: reason …        perf script
///     vmreel   156/156 [000] 25.468352:  kvm:kvm_exit: reason …        perf script -F pid,tid,…
///     vmreel-156   [000]    25.468352: kvm_exit:      reason …         trace-cmd report
///     vmreel-156   ( 150) [000] d..1. 25.468352: kvm_exit: reason …    trace, with record-tgid
struct LogLine {
  var format: LogFormat
  var command: Range<Int>
  var thread: UInt32
  var process: UInt32?
  var nanoseconds: UInt64
  /// The event's name without its system.
  var event: Range<Int>
  /// Where its fields begin.
  var fields: Int

  /// How far from the line's beginning the CPU may stand; the kernel's thread names have 15 bytes.
  private static let maximumHead = 256

  /// Reads the head of a line; `nil` when it has none.
  init?(_ line: Span<UInt8>) {
    var index = 1
    // The command's name may hold brackets too: the first that fits is taken.
    while index < min(line.count, Self.maximumHead) {
      if line[index] == 0x5b, line[index - 1].isBlank {
        var end = index + 1
        if line.decimal(&end) != nil, line.byte(end) == 0x5d, line.byte(end + 1).isBlank,
          let head = LogLine(line, prefixEnd: index, tail: end + 1)
        {
          self = head
          return
        }
      }
      index += 1
    }
    guard let head = LogLine(withoutCPU: line) else { return nil }
    self = head
  }

  private init?(_ line: Span<UInt8>, prefixEnd: Int, tail: Int) {
    var position = line.skippingSpaces(tail)
    var hasFlags = false
    var time = line.time(&position)
    if time == nil {
      // ftrace's flags (irqs off, need-resched, …).
      position = line.skippingSpaces(line.tokenEnd(position))
      hasFlags = true
      time = line.time(&position)
    }
    guard let time, let name = line.eventName(&position),
      let owner = LogOwner(line, end: prefixEnd)
    else { return nil }
    self.init(
      format: owner.isPerf ? .perfScript : hasFlags ? .ftrace : .traceCmdReport,
      command: owner.command, thread: owner.thread, process: owner.process, nanoseconds: time,
      event: name, fields: position)
  }

  /// `comm tid time: kvm:kvm_exit: …`, as `perf script -F comm,tid,time,event,trace` prints it.
  private init?(withoutCPU line: Span<UInt8>) {
    guard var event = line.find(" kvm:") else { return nil }
    var end = event
    while end > 0, line[end - 1].isBlank { end -= 1 }
    var begin = end
    while begin > 0, !line[begin - 1].isBlank { begin -= 1 }
    guard let time = line.time(&begin), begin == end, let name = line.eventName(&event) else {
      return nil
    }
    begin = end
    while begin > 0, !line[begin - 1].isBlank { begin -= 1 }
    guard let owner = LogOwner(line, end: begin), owner.isPerf else { return nil }
    self.init(
      format: .perfScript, command: owner.command, thread: owner.thread, process: owner.process,
      nanoseconds: time, event: name, fields: event)
  }

  private init(
    format: LogFormat, command: Range<Int>, thread: UInt32, process: UInt32?, nanoseconds: UInt64,
    event: Range<Int>, fields: Int
  ) {
    self.format = format
    self.command = command
    self.thread = thread
    self.process = process
    self.nanoseconds = nanoseconds
    self.event = event
    self.fields = fields
  }
}

extension Span where Element == UInt8 {
  /// `25.468352:`, seconds, or a whole number of nanoseconds (`--raw-ts`); moves behind the colon.
  fileprivate func time(_ index: inout Int) -> UInt64? {
    guard let whole = decimal(&index) else { return nil }
    var nanoseconds = whole
    if byte(index) == 0x2e {
      var unit: UInt64 = 100_000_000
      var fraction: UInt64 = 0
      index += 1
      while byte(index).isDigit {
        fraction += UInt64(self[index] &- 0x30) * unit
        unit /= 10
        index += 1
      }
      // 2^63 ns are 292 years.
      guard whole < 9_000_000_000 else { return nil }
      nanoseconds = whole * 1_000_000_000 + fraction
    }
    guard byte(index) == 0x3a, nanoseconds < 1 << 63 else { return nil }
    index += 1
    return nanoseconds
  }

  /// The name of an event that a colon follows, its system before it left out; moves to the fields.
  fileprivate func eventName(_ index: inout Int) -> Range<Int>? {
    var begin = skippingSpaces(index)
    // perf's -F period stands before the event.
    var period = begin
    if decimal(&period) != nil, byte(period).isBlank { begin = skippingSpaces(period) }
    var end = begin
    while end < count, !self[end].isBlank {
      if self[end] == 0x3a {
        let next = byte(end + 1)
        if end + 1 >= count || next.isBlank { break }
        begin = end + 1
      }
      end += 1
    }
    guard byte(end) == 0x3a, end > begin else { return nil }
    index = skippingSpaces(end + 1)
    return begin..<end
  }
}

/// The thread a line tells of, from what stands before the CPU.
private struct LogOwner {
  var command: Range<Int>
  var thread: UInt32
  var process: UInt32?
  var isPerf: Bool

  init?(_ line: Span<UInt8>, end: Int) {
    var end = Self.trimmed(line, end)
    var process: UInt32?
    // ftrace's record-tgid: `(  156)`, or `(-----)`.
    if end > 0, line[end - 1] == 0x29 {
      guard let open = Self.last(0x28, in: line, before: end) else { return nil }
      var digits = line.skippingSpaces(open + 1)
      process = line.decimal(&digits).flatMap { UInt32(exactly: $0) }
      end = Self.trimmed(line, open)
    }
    var begin = end
    while begin > 0, line[begin - 1].isDigit { begin -= 1 }
    guard begin < end, begin > 0 else { return nil }
    var position = begin
    guard let last = line.decimal(&position), let thread = UInt32(exactly: last) else { return nil }
    self.thread = thread
    switch line[begin - 1] {
    case 0x2d:
      isPerf = false
      command = line.skippingSpaces(0)..<max(line.skippingSpaces(0), begin - 1)
    case 0x2f:
      var first = begin - 1
      while first > 0, line[first - 1].isDigit { first -= 1 }
      position = first
      guard let number = line.decimal(&position), let number = UInt32(exactly: number) else {
        return nil
      }
      process = number
      isPerf = true
      command = Self.command(line, first)
    case 0x20, 0x09:
      isPerf = true
      command = Self.command(line, begin)
    default: return nil
    }
    self.process = process
  }

  private static func command(_ line: Span<UInt8>, _ end: Int) -> Range<Int> {
    let begin = line.skippingSpaces(0)
    return begin..<max(begin, trimmed(line, end))
  }

  private static func trimmed(_ line: Span<UInt8>, _ end: Int) -> Int {
    var end = end
    while end > 0, line[end - 1].isBlank { end -= 1 }
    return end
  }

  private static func last(_ byte: UInt8, in line: Span<UInt8>, before end: Int) -> Int? {
    var index = end - 1
    while index >= 0 {
      if line[index] == byte { return index }
      index -= 1
    }
    return nil
  }
}
