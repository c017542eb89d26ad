internal import Machine

/// What is known of one thread of a log.
struct LogThread {
  let thread: UInt32
  var process: UInt32?
  let command: String
  var assembly = KernelExitAssembly()
  /// The vCPU it runs, as the log counts them.
  var logVCPU: UInt64?
  /// The number in the reel; given with the first exit.
  var number: UInt16?
  var exits: UInt64 = 0
  var lastNanoseconds: UInt64 = 0
}

/// The threads of a log.
struct LogThreads {
  /// Threads told apart: more are a hostile log's.
  static let maximumCount = 4096

  private(set) var all: [LogThread] = []
  private var indices: [UInt32: Int] = [:]
  private var last: (thread: UInt32, index: Int)?
  private var numbers: Set<UInt16> = []

  /// Where the thread of a line is; `nil` when there are too many.
  mutating func index(of head: LogLine, _ line: Span<UInt8>) -> Int? {
    if let last, last.thread == head.thread { return last.index }
    guard let index = indices[head.thread] ?? add(head, line) else { return nil }
    last = (head.thread, index)
    return index
  }

  private mutating func add(_ head: LogLine, _ line: Span<UInt8>) -> Int? {
    guard all.count < Self.maximumCount else { return nil }
    all.append(
      LogThread(
        thread: head.thread, process: head.process, command: line.text(head.command, limit: 64)))
    indices[head.thread] = all.count - 1
    return all.count - 1
  }

  mutating func with<Result>(_ index: Int, _ body: (inout LogThread) -> Result) -> Result {
    body(&all[index])
  }

  /// The number of a thread's vCPU in the reel: the log's own where no other thread has it.
  mutating func number(of index: Int) -> UInt16 {
    if let number = all[index].number { return number }
    var number: UInt16 = 0
    if let own = all[index].logVCPU, let own = UInt16(exactly: own), !numbers.contains(own) {
      number = own
    } else {
      // Not what another thread will want either; fewer threads than numbers, so one is free.
      let wanted = Set(all.compactMap { $0.logVCPU.flatMap { UInt16(exactly: $0) } })
      while numbers.contains(number) || wanted.contains(number) { number += 1 }
    }
    numbers.insert(number)
    all[index].number = number
    return number
  }
}
