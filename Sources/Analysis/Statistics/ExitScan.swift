public import Trace

/// Walks the events of a reel once and hands every exit, complete with its times, to an observer.
public struct ExitScan {
  /// What was counted on the way.
  public struct Counts: Sendable {
    /// Events by the number of their kind.
    public internal(set) var kinds = [UInt64](repeating: 0, count: 256)
    /// Console bytes by stream.
    public internal(set) var consoleBytes = [UInt64](repeating: 0, count: 256)
    /// Times that ran backwards and were left out.
    public internal(set) var unusableTimes: UInt64 = 0
    /// Events lost to damaged blocks that were skipped.
    public internal(set) var lostEvents: UInt64 = 0
    /// The host time of the first and the last exit counted.
    public internal(set) var firstTime: UInt64?
    /// The host time of the last exit counted.
    public internal(set) var lastTime: UInt64 = 0

    /// Counts the kinds of a run.
    fileprivate mutating func count(_ run: borrowing EventRun) {
      let runKinds = run.kinds.span.extracting(..<run.count)
      var kinds = kinds.mutableSpan
      for row in runKinds.indices {
        kinds[Int(truncatingIfNeeded: runKinds[row] & 0xff)] &+= 1
      }
    }
  }

  private let reel: Reel
  private let selection: ExitSelection
  private let hasTimes: Bool
  private let isAll: Bool
  /// Told after each block how many events were walked over.
  public var onProgress: ((UInt64) -> Void)?
  /// Which phase events belong to.
  public var phases: PhaseTracker?
  /// What was counted so far.
  public private(set) var counts = Counts()

  /// The vCPUs that were met, selected or not.
  var vcpus: Set<UInt16> { Set(slots.keys) }

  /// The exit of each vCPU that waits for the next entry.
  private var pending: [ExitSample?] = []
  private var slots: [UInt16: Int] = [:]
  private var lastVCPU: UInt16 = 0
  private var lastSlot = 0
  /// The host time of the exits before, by event; for how long interrupts waited.
  private var recent = RecentTimes()
  private var lastTime: UInt64 = 0
  private var payloadOffset = 0
  private var readsConsole = false
  private var nextBlock = 0
  private var batch = ExitBatch()

  /// Prepares a scan.
  ///
  /// - Parameter hasTimes: whether the reel's times mean something.
  public init(_ reel: Reel, _ selection: ExitSelection = ExitSelection(), hasTimes: Bool = true) {
    self.reel = reel
    self.selection = selection
    self.hasTimes = hasTimes
    isAll = selection.isAll
    // The vCPU of nearly all reels.
    slots[0] = 0
    pending.append(nil)
  }

  /// Scans the reel.
  ///
  /// - Throws: the ``TraceError`` of the first damaged block, unless those are skipped.
  public mutating func run(_ observer: inout some ExitObserver) throws(TraceError) {
    try resume(reel, &observer)
    finish(&observer)
  }

  /// Scans the blocks that were not there before, of a reel that is still being recorded.
  ///
  /// - Parameter reel: the same reel, opened anew.
  public mutating func resume(_ reel: Reel, _ observer: inout some ExitObserver) throws(TraceError)
  {
    var run = EventRun()
    var columns = observer.columns.union([.vcpu, .gap, .slice])
    readsConsole = columns.contains(.stream) || phases != nil
    if readsConsole {
      columns.formUnion([.stream, .address, .width, .value, .payloadLength, .payload])
    }
    while nextBlock < reel.eventBlocks.count {
      let block = reel.eventBlocks[nextBlock]
      nextBlock += 1
      defer { onProgress?(block.header.endEvent) }
      // The last exits of a range may wait for an entry behind it.
      guard selection.mayHold(block.header) || pending.contains(where: { $0 != nil }) else {
        continue
      }
      do throws(TraceError) {
        payloadOffset = 0
        try reel.forEachRun(of: block, columns, in: &run) { run in
          take(run, &observer)
        }
      } catch {
        guard selection.skipsDamagedBlocks else { throw error }
        counts.lostEvents &+= UInt64(block.header.eventCount)
        // The entries the exits wait for were lost.
        for slot in pending.indices { pending[slot] = nil }
      }
    }
  }

  /// Hands out the exits that nothing followed.
  public mutating func finish(_ observer: inout some ExitObserver) {
    for slot in pending.indices {
      guard var last = pending[slot] else { continue }
      pending[slot] = nil
      if last.reason.kind == .halt { last.wake = .end }
      observer.observe(last)
    }
  }

  private mutating func take(_ run: borrowing EventRun, _ observer: inout some ExitObserver) {
    if observer.takesBatches, isAll, hasTimes, phases == nil, batch.fill(run) {
      takeBatch(run, &observer)
      return
    }
    var exit = 0
    for row in 0..<run.count {
      let kind = EventKind(rawValue: UInt8(truncatingIfNeeded: run.kinds[row]))
      let index = run.firstEvent &+ UInt64(row)
      if kind.isExit {
        let (entryTime, exitTime) = (run.entryTimes[exit], run.exitTimes[exit])
        lastTime = exitTime
        take(kind, index, row, entryTime, exitTime, run.rips[exit], run, &observer)
        exit &+= 1
      } else {
        takeOther(kind, index, row, run, &observer)
      }
      payloadOffset &+= Int(run.payloadLengths[row])
    }
  }

  /// Takes a run as a whole but for its last exit, which waits for the next entry.
  private mutating func takeBatch(
    _ run: borrowing EventRun, _ observer: inout some ExitObserver
  ) {
    let last = run.exitCount - 1
    let lastRow = run.exitRows[last]
    let interrupts = observer.takesInterrupts ? run.rows(of: .interrupt) : []
    for row in interrupts where row < run.exitRows[0] { takeInterrupt(row, run, &observer) }
    complete(0, run.entryTimes[0], &observer)
    if observer.takesInterrupts { takeInterruptsOfBatch(interrupts, run) }
    observer.observe(batch, of: run)
    counts.firstTime = counts.firstTime ?? run.entryTimes[0]
    counts.count(run)
    if readsConsole { countConsole(upTo: lastRow, run) }
    lastTime = run.exitTimes[last]
    let kind = EventKind(rawValue: UInt8(truncatingIfNeeded: run.kinds[lastRow]))
    // It counts its kind itself.
    counts.kinds[Int(kind.rawValue)] &-= 1
    take(
      kind, run.firstEvent &+ UInt64(lastRow), lastRow, run.entryTimes[last], lastTime,
      run.rips[last], run, &observer)
    if readsConsole {
      for row in lastRow..<run.count { payloadOffset &+= Int(run.payloadLengths[row]) }
    }
    for row in interrupts where row > lastRow { takeInterrupt(row, run, &observer) }
  }

  /// Gives the batch its interrupts, and remembers when its exits were.
  private mutating func takeInterruptsOfBatch(_ rows: [Int], _ run: borrowing EventRun) {
    var noted = 0
    for row in rows {
      while noted < batch.count, run.exitRows[noted] < row {
        recent.note(run.exitTimes[noted], at: run.firstEvent &+ UInt64(run.exitRows[noted]))
        noted &+= 1
      }
      guard noted > 0, row < run.exitRows[noted] else { continue }
      let (time, rip) = (run.exitTimes[noted - 1], run.rips[noted - 1])
      let sample = interrupt(row, run, vcpu: 0, time: time, rip: rip)
      batch.interrupts.append(ExitBatch.Interrupt(exit: noted - 1, sample: sample))
    }
    for exit in noted..<batch.count {
      recent.note(run.exitTimes[exit], at: run.firstEvent &+ UInt64(run.exitRows[exit]))
    }
  }

  /// Counts the console bytes of a run up to an event, for an observer that does not read them.
  private mutating func countConsole(upTo end: Int, _ run: borrowing EventRun) {
    let (streams, lengths) = (run.streams.span, run.payloadLengths.span)
    for row in 0..<end {
      if streams[row] != 0,
        EventKind(rawValue: UInt8(truncatingIfNeeded: run.kinds[row])).isExit
      {
        counts.consoleBytes[Int(streams[row] & 0xff)] &+= consoleByteCount(row, run)
      }
      payloadOffset &+= Int(lengths[row])
    }
  }

  private func consoleByteCount(_ row: Int, _ run: borrowing EventRun) -> UInt64 {
    let length = Int(run.payloadLengths[row])
    guard length > 0 else { return 1 }
    let width = max(1, Int(run.widths[row]))
    let stored = min(length, max(0, run.payload.count &- payloadOffset))
    return UInt64((stored + width - 1) / width)
  }

  @inline(__always)
  private mutating func take(
    _ kind: EventKind, _ index: EventIndex, _ row: Int, _ entryTime: UInt64, _ exitTime: UInt64,
    _ rip: UInt64, _ run: borrowing EventRun, _ observer: inout some ExitObserver
  ) {
    let vcpu = UInt16(truncatingIfNeeded: run.vcpus[row])
    let slot = slot(of: vcpu)
    complete(slot, entryTime, &observer)
    recent.note(exitTime, at: index)
    guard isAll || selection.holds(index, vcpu: vcpu, exitTime: exitTime) else { return }
    counts.kinds[Int(kind.rawValue)] &+= 1
    if counts.firstTime == nil { counts.firstTime = entryTime }
    counts.lastTime = exitTime
    var sample = ExitSample()
    sample.index = index
    sample.reason.code = UInt64(kind.rawValue)
    sample.vcpu = vcpu
    sample.space = kind.addressSpace
    sample.isWrite = kind.isWrite
    sample.address = run.addresses[row]
    sample.value = run.values[row]
    sample.byteCount =
      kind.movesBytes ? run.widths[row] &* max(1, run.counts[row]) : 0
    sample.rip = rip
    sample.entryTime = entryTime
    sample.exitTime = exitTime
    if run.streams[row] != 0 { takeConsole(index, row, run, &observer) }
    if phases != nil { sample.phase = phases?.phase(of: sample) ?? 0 }
    if hasTimes {
      if exitTime >= entryTime {
        sample.traits.insert(.guestTime)
      } else {
        counts.unusableTimes &+= 1
      }
    }
    pending[slot] = sample
  }

  private mutating func takeOther(
    _ kind: EventKind, _ index: EventIndex, _ row: Int, _ run: borrowing EventRun,
    _ observer: inout some ExitObserver
  ) {
    let vcpu = UInt16(truncatingIfNeeded: run.vcpus[row])
    guard isAll || selection.holds(index, vcpu: vcpu, exitTime: lastTime) else { return }
    counts.kinds[Int(kind.rawValue)] &+= 1
    switch kind {
    case .interrupt: takeInterrupt(row, run, &observer)
    case .keyframe, .resync:
      observer.observe(mark: kind, number: run.addresses[row], at: index, time: lastTime)
    default: break
    }
  }

  private mutating func takeInterrupt(
    _ row: Int, _ run: borrowing EventRun, _ observer: inout some ExitObserver
  ) {
    let vcpu = UInt16(truncatingIfNeeded: run.vcpus[row])
    let slot = slot(of: vcpu)
    let sample = interrupt(
      row, run, vcpu: vcpu, time: lastTime, rip: pending[slot]?.rip ?? 0)
    if pending[slot]?.reason.kind == .halt {
      pending[slot]?.wake = .interrupt
      pending[slot]?.wakeVector = UInt8(truncatingIfNeeded: sample.address)
    }
    observer.observe(interrupt: sample)
  }

  /// An interrupt, injected at `time`, the vCPU's last exit being at `rip`.
  private func interrupt(
    _ row: Int, _ run: borrowing EventRun, vcpu: UInt16, time: UInt64, rip: UInt64
  ) -> ExitSample {
    var sample = ExitSample()
    sample.index = run.firstEvent &+ UInt64(row)
    sample.reason.code = UInt64(EventKind.interrupt.rawValue)
    sample.vcpu = vcpu
    sample.space = .vector
    sample.address = run.addresses[row]
    sample.exitTime = time
    sample.entryTime = time
    sample.rip = rip
    sample.phase = phases?.current ?? 0
    let event = sample.index &- 1 &- run.waits[row]
    if hasTimes, let since = recent.time(atOrBefore: event, now: time) {
      sample.handlingNanoseconds = time &- min(since, time)
      sample.traits.insert(.handlingTime)
    }
    return sample
  }

  /// Hands out the vCPU's exit before, whose handling ended with this entry.
  @inline(__always)
  private mutating func complete(
    _ slot: Int, _ entryTime: UInt64, _ observer: inout some ExitObserver
  ) {
    guard var before = pending[slot] else { return }
    pending[slot] = nil
    if hasTimes {
      if entryTime >= before.exitTime {
        before.handlingNanoseconds = entryTime &- before.exitTime
        before.traits.insert(.handlingTime)
      } else {
        counts.unusableTimes &+= 1
      }
    }
    if before.wake == .none, before.reason.kind == .halt { before.wake = .entry }
    observer.observe(before)
  }

  private mutating func takeConsole(
    _ index: EventIndex, _ row: Int, _ run: borrowing EventRun,
    _ observer: inout some ExitObserver
  ) {
    let stream = UInt8(truncatingIfNeeded: run.streams[row])
    let length = Int(run.payloadLengths[row])
    let width = max(1, Int(run.widths[row]))
    guard length > 0 else {
      let byte = UInt8(truncatingIfNeeded: run.values[row])
      take(byte, stream, index, &observer)
      return
    }
    // A payload that is not there reads as nothing: decoding whole events refuses such a block.
    let end = min(payloadOffset &+ length, run.payload.count)
    for place in stride(from: min(payloadOffset, end), to: end, by: width) {
      take(run.payload[place], stream, index, &observer)
    }
  }

  private mutating func take(
    _ byte: UInt8, _ stream: UInt8, _ index: EventIndex, _ observer: inout some ExitObserver
  ) {
    counts.consoleBytes[Int(stream)] &+= 1
    phases?.note(consoleByte: byte, stream: stream)
    observer.observe(consoleByte: byte, stream: stream, at: index, time: lastTime)
  }

  @inline(__always)
  private mutating func slot(of vcpu: UInt16) -> Int {
    if vcpu == lastVCPU { return lastSlot }
    lastVCPU = vcpu
    if let slot = slots[vcpu] {
      lastSlot = slot
    } else {
      lastSlot = pending.count
      slots[vcpu] = lastSlot
      pending.append(nil)
    }
    return lastSlot
  }
}

/// The host times of the last exits, by event index.
struct RecentTimes {
  /// Longer waits have no latency.
  private static let capacity = 4096
  private var events = [EventIndex](repeating: .max, count: capacity)
  private var times = [UInt64](repeating: 0, count: capacity)
  private var next = 0

  @inline(__always)
  mutating func note(_ time: UInt64, at event: EventIndex) {
    events[next] = event
    times[next] = time
    next = (next &+ 1) % Self.capacity
  }

  /// The time of the last exit up to an event; `nil` when it is forgotten or there was none.
  func time(atOrBefore event: EventIndex, now: UInt64) -> UInt64? {
    for distance in 1...Self.capacity {
      let place = (next &- distance &+ Self.capacity) % Self.capacity
      if events[place] == .max { return nil }
      if events[place] <= event { return times[place] }
    }
    return nil
  }
}

extension EventRun {
  /// The places of a kind's events.
  fileprivate borrowing func rows(of kind: EventKind) -> [Int] {
    let kinds = kinds.span.extracting(..<count)
    var rows: [Int] = []
    for row in kinds.indices where kinds[row] == UInt64(kind.rawValue) { rows.append(row) }
    return rows
  }
}

extension EventKind {
  var addressSpace: AddressSpace {
    switch self {
    case .portWrite, .portRead: .port
    case .memoryWrite, .memoryRead: .memory
    case .msrWrite, .msrRead: .msr
    case .interrupt: .vector
    default: isHostMade ? .cause : .none
    }
  }

  var isWrite: Bool { self == .portWrite || self == .memoryWrite || self == .msrWrite }

  /// Whether its width and count are bytes moved.
  var movesBytes: Bool { (1...6).contains(rawValue) }
}
