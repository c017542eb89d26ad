internal import Machine
public import Trace

/// Turns the text of a log of KVM's tracepoints into kernel exits: bytes in, exits out.
///
/// Memory is bounded whatever the log holds: a line's beginning, a few thousand threads, a few
/// hundred names.
public struct LogImporter: Sendable {
  /// The longest line that is read; more is counted and passed over.
  public static let maximumLine = 1 << 16

  /// The exits since the last ``removeExits()``, in the order they were finished.
  public private(set) var exits: [KernelExitRecord] = []
  /// What was read so far.
  public private(set) var summary = LogSummary()

  private let required: LogFormat?
  private let process: UInt32?
  private var threads = LogThreads()
  private var reasons = LogReasons()
  /// The beginning of a line whose end has not come.
  private var carry: [UInt8] = []
  private var isPassingOver = false
  /// What a header line said the format is.
  private var headerFormat: LogFormat?
  private var lossRecords: UInt64 = 0

  /// - Parameters:
  ///   - format: the only format whose lines are read; `nil` for any.
  ///   - process: the only process whose events are used, or thread where a log has no processes.
  public init(format: LogFormat? = nil, process: UInt32? = nil) {
    required = format
    summary.format = format
    self.process = process
  }

  /// Forgets the exits handed out.
  public mutating func removeExits() { exits.removeAll(keepingCapacity: true) }

  /// Reads the next bytes of the log.
  public mutating func feed(_ bytes: Span<UInt8>) {
    var begin = 0
    var index = 0
    while index < bytes.count {
      if bytes[index] == 0x0a {
        end(bytes.extracting(begin..<index))
        begin = index + 1
      }
      index += 1
    }
    if begin < bytes.count { keep(bytes.extracting(begin..<bytes.count)) }
  }

  /// A file has ended: the next bytes begin a line.
  public mutating func endFile() {
    if !carry.isEmpty { end([UInt8]().span) }
  }

  /// The log has ended: what is open is finished.
  public mutating func finish() {
    endFile()
    for index in threads.all.indices {
      if let exit = threads.with(index, { $0.assembly.finish(.unknown) }) { emit(exit, index) }
    }
  }

  // MARK: Lines

  private mutating func keep(_ part: Span<UInt8>) {
    guard !isPassingOver else { return }
    let room = Self.maximumLine - carry.count
    for index in 0..<min(room, part.count) { carry.append(part[index]) }
    isPassingOver = part.count > room
  }

  /// The end of a line, or all of it.
  private mutating func end(_ part: Span<UInt8>) {
    summary.lines &+= 1
    guard !carry.isEmpty else {
      if part.count > Self.maximumLine {
        summary.noteUnknown("line too long", part)
      } else {
        read(part)
      }
      return
    }
    keep(part)
    let line = carry
    carry.removeAll(keepingCapacity: true)
    let wasTooLong = isPassingOver
    isPassingOver = false
    if wasTooLong { summary.noteUnknown("line too long", line.span) } else { read(line.span) }
  }

  private mutating func read(_ line: Span<UInt8>) {
    var line = line
    if line.count > 0, line[line.count - 1] == 0x0d { line = line.extracting(0..<line.count - 1) }
    guard line.skippingSpaces(0) < line.count else { return }
    if line[0] == 0x23 { return readComment(line) }
    guard let head = LogLine(line) else { return readOther(line) }
    summary.format = summary.format ?? headerFormat ?? head.format
    guard accepts(head.format) else {
      summary.noteUnknown("not of the format asked for", line)
      return
    }
    if let process, (head.process ?? head.thread) != process {
      summary.leftOut &+= 1
      return
    }
    read(head, line)
  }

  /// trace-cmd prints ftrace's flags on demand, so these two are told apart by their headers only.
  private func accepts(_ format: LogFormat) -> Bool {
    guard let required else { return true }
    return (required == .perfScript) == (format == .perfScript)
  }

  private mutating func readComment(_ line: Span<UInt8>) {
    let text = line.text(0..<line.count, limit: LogSummary.maximumText)
    func value(_ name: String) -> String? {
      guard text.hasPrefix(name), let colon = text.firstIndex(of: ":") else { return nil }
      return String(text[text.index(after: colon)...].drop { $0 == " " })
    }
    if text.hasPrefix("# tracer:") { headerFormat = .ftrace }
    summary.kernel = summary.kernel ?? value("# os release")
    summary.cpu = summary.cpu ?? value("# cpudesc")
  }

  /// Lines without an event: headers, losses, call chains.
  private mutating func readOther(_ line: Span<UInt8>) {
    if line.has("cpus=", at: 0) || line.has("version = ", at: 0) {
      headerFormat = .traceCmdReport
    } else if let lost = LogLoss(line) {
      noteLoss(lost)
    } else if LogLoss.isCallChain(line) {
      summary.unknownLines["call chain", default: 0] &+= 1
    } else {
      summary.noteUnknown("no event", line)
    }
  }

  /// Which of the threads lost something is not known: none may pair across the hole.
  private mutating func noteLoss(_ loss: LogLoss) {
    summary.losses &+= 1
    summary.lostEvents &+= loss.count
    for index in threads.all.indices {
      if let exit = threads.with(index, { $0.assembly.noteLoss(of: 0) }) { emit(exit, index) }
    }
  }

  // MARK: Events

  private mutating func read(_ head: LogLine, _ line: Span<UInt8>) {
    guard let tracepoint = LogTracepoint(line, head.event) else {
      summary.noteOther(line, head.event)
      return
    }
    guard let index = threads.index(of: head, line) else {
      summary.noteUnknown("more than \(LogThreads.maximumCount) threads", line)
      return
    }
    noteTime(head.nanoseconds, index)
    if apply(tracepoint, head, line, index) {
      summary.events &+= 1
    } else {
      summary.noteUnknown("unreadable \(tracepoint.name)", line)
    }
  }

  private mutating func noteTime(_ time: UInt64, _ index: Int) {
    let first = summary.firstNanoseconds ?? time
    summary.firstNanoseconds = first
    if time < first || time < threads.all[index].lastNanoseconds { summary.backwardTimes &+= 1 }
    threads.with(index) { $0.lastNanoseconds = time }
    summary.durationNanoseconds = max(summary.durationNanoseconds, time &- min(first, time))
  }

  private mutating func apply(
    _ tracepoint: LogTracepoint, _ head: LogLine, _ line: Span<UInt8>, _ index: Int
  ) -> Bool {
    switch tracepoint {
    case .entry: return enter(head, line, index)
    case .exit: return leave(head, line, index)
    case .pio: return note(TracedAccess(port: line, from: head.fields), index)
    case .msr: return note(TracedAccess(msr: line, from: head.fields), index)
    case .mmio: return readMMIO(head, line, index)
    case .fastMMIO, .pageFault:
      guard let address = LogFields(line, from: head.fields).address else { return false }
      threads.with(index) { $0.assembly.fault(at: address) }
      return true
    case .userspaceExit:
      guard line.has("reason ", at: head.fields) else { return false }
      // A signal, or the return that completing an instruction ends with.
      let isInterrupted =
        line.has("restart ", at: head.fields + 7) || line.has("error ", at: head.fields + 7)
        || line.has("KVM_EXIT_INTR ", at: head.fields + 7)
      threads.with(index) { $0.assembly.runReturned(interrupted: isInterrupted) }
      return true
    }
  }

  private mutating func enter(_ head: LogLine, _ line: Span<UInt8>, _ index: Int) -> Bool {
    guard let vcpu = LogFields(line, from: head.fields).vcpu else { return false }
    let exit = threads.with(index) {
      $0.logVCPU = $0.logVCPU ?? vcpu
      return $0.assembly.enter(at: head.nanoseconds)
    }
    if let exit { emit(exit, index) }
    return true
  }

  private mutating func leave(_ head: LogLine, _ line: Span<UInt8>, _ index: Int) -> Bool {
    guard let parsed = LogExit(line, from: head.fields, at: head.nanoseconds, &reasons) else {
      return false
    }
    let before = threads.with(index) {
      $0.logVCPU = $0.logVCPU ?? parsed.vcpu
      return $0.assembly.leave(parsed.exit)
    }
    if let before { emit(before, index) }
    return true
  }

  private mutating func note(_ access: TracedAccess?, _ index: Int) -> Bool {
    guard let access else { return false }
    threads.with(index) { $0.assembly.access(access) }
    return true
  }

  private mutating func readMMIO(_ head: LogLine, _ line: Span<UInt8>, _ index: Int) -> Bool {
    guard line.has("mmio ", at: head.fields) else { return false }
    let isWrite = line.has("write ", at: head.fields + 5)
    guard let access = TracedAccess(memory: line, from: head.fields, isWrite: isWrite) else {
      return false
    }
    threads.with(index) {
      $0.assembly.fault(at: access.address)
      // An unsatisfied read only asks: the answer comes as a read of its own.
      if isWrite || line.has("read ", at: head.fields + 5) { $0.assembly.access(access) }
    }
    return true
  }

  private mutating func emit(_ exit: KernelExit, _ index: Int) {
    let number = threads.number(of: index)
    threads.with(index) { $0.exits &+= 1 }
    exits.append(
      KernelExitRecord(exit, vcpu: number, startNanoseconds: summary.firstNanoseconds ?? 0))
  }
}

extension LogImporter {
  /// The threads that ran vCPUs, by their numbers in the reel.
  public var vcpus: [LogVCPU] {
    threads.all.compactMap { thread in
      thread.number.map {
        LogVCPU(
          number: $0, logNumber: thread.logVCPU, thread: thread.thread, process: thread.process,
          command: thread.command, exits: thread.exits)
      }
    }.sorted { $0.number < $1.number }
  }

  /// The instruction set of the log's CPU: 1 VMX, 2 SVM; empty where no exit told.
  public var instructionSets: [UInt8] { reasons.isas }

  /// Names of exit reasons that this version has no code for, with the codes they got.
  public var unnamedReasons: [(isa: UInt8, code: UInt64, name: String)] {
    reasons.unnamed.map { ($0.value.isa, $0.value.reason, $0.key) }.sorted { $0.1 < $1.1 }
  }

  /// The counters of the whole log, as the reel's host totals have them.
  public var counters: [HostTotals.Counter] {
    func sum(_ value: (KernelExitAssembly) -> UInt64) -> UInt64 {
      threads.all.reduce(0) { $0 &+ value($1.assembly) }
    }
    let values: [(name: String, value: UInt64)] = [
      ("tracer.recorded", sum(\.exitCount)),
      // How many of the lost events were exits nobody knows: at most all.
      ("tracer.lost", summary.lostEvents), ("tracer.lost-records", summary.lostEvents),
      ("tracer.address-unknown", sum(\.unknownAddresses)),
      ("tracer.runs-returned", sum(\.returnedRuns)),
      ("tracer.runs-interrupted", sum(\.interruptedRuns)),
      ("import.lines", summary.lines), ("import.events", summary.events),
      ("import.other-events", summary.otherEvents.values.reduce(0, &+)),
      ("import.unknown-lines", summary.unknownLineCount),
      ("import.left-out", summary.leftOut), ("import.losses", summary.losses),
      ("import.accesses", sum(\.accessCount)),
      ("import.replaced-accesses", sum(\.replacedAccesses)),
      ("import.stray-accesses", sum(\.strayAccesses)),
      ("import.backward-times", summary.backwardTimes),
    ]
    return values.map { HostTotals.Counter(name: $0.name, value: $0.value) }
  }
}

extension KernelExitRecord {
  /// The record of an exit in a reel without events.
  fileprivate init(_ exit: KernelExit, vcpu: UInt16, startNanoseconds start: UInt64) {
    self.init()
    self.vcpu = vcpu
    isa = exit.isa
    reason = exit.reason
    rip = exit.rip
    info1 = exit.info1
    info2 = exit.info2
    interruptInformation = UInt64(exit.interruptInformation)
    errorCode = UInt64(exit.errorCode)
    flags =
      switch exit.outcome {
      case .handled: []
      case .returned: .returned
      case .interrupted: .interrupted
      case .unknown: .outcomeUnknown
      }
    setAddress(exit.access?.address ?? exit.guestPhysicalAddress)
    if let traced = exit.access {
      let kind = KernelExitAccess(rawValue: traced.kind.rawValue)
      access = traced.isWrite ? kind.asWrite : kind
      (width, count, value) = (traced.width, traced.count, traced.value)
    }
    setTimes(entry: exit.entryNanoseconds, exit: exit.exitNanoseconds, since: start)
  }
}
