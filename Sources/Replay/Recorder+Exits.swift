internal import Bytes
internal import Machine
internal import Trace

extension Recorder {
  /// Logs one exit, lets the board answer it, and logs the answer.
  ///
  /// - Returns: whether the exit is an event; some kicks are not.
  func handle(_ exit: Exit) -> Bool {
    var event = Event(exit: exit.reason)
    stampTimes(&event, exit)
    isSegmentTainted = isSegmentTainted || exit.isTainted
    if case .kick(let cause) = exit.reason {
      let isEvent = handleKick(cause, &event)
      segmentEntryTime = isEvent ? nil : event.entryTime
      if isEvent { isSegmentTainted = false }
      return isEvent
    }
    segmentEntryTime = nil
    defer { isSegmentTainted = false }
    if case .interruptWindow = exit.reason, !policy.interruptWindowIsExact {
      handleLateWindow(&event)
      return true
    }
    if isSegmentTainted {
      event.flags.insert(.tainted)
      isSealDue = true
    }
    // Port accesses bring the board up to date themselves.
    advanceClock(byNanoseconds: policy.exitCostNanoseconds)
    if !exit.reason.isPortAccess { board.advance(to: now) }
    switch exit.reason {
    case .portWrite(let access, let value) where access.count == 1:
      event.stream = apply(
        board.writePort(access.port, width: access.width, value: value, at: now), to: value)
      logExit(&event)
    case .portWrite(let access, _):
      writeString(access, &event)
    case .portRead(let access) where policy.tsc == .patch && TimestampPort.isRead(access):
      logExit(&event)
      logTimestamp()
    case .portRead(let access) where access.count == 1:
      logExit(&event)
      logReply(board.readPort(access.port, width: access.width, at: now), width: access.width)
    case .portRead(let access):
      logExit(&event)
      readString(access)
    case .memoryWrite(let address, let width, let value):
      event.stream = apply(
        board.writeMemory(address, width: width, value: value, at: now), to: value)
      logExit(&event)
    case .memoryRead(let address, let width):
      logExit(&event)
      logReply(board.readMemory(address, width: width, at: now), width: width)
    case .msrWrite(let index, let value):
      board.writeMSR(index, value: value)
      logExit(&event)
    case .msrRead(let index):
      logExit(&event)
      logReply(readMSR(index), width: 8)
    default:
      logExit(&event)
      noteStop(exit.reason)
    }
    deliverInput()
    checkStopConditions()
    return true
  }

  private func stampTimes(_ event: inout Event, _ exit: Exit) {
    let start = startNanoseconds ?? exit.entryNanoseconds
    startNanoseconds = start
    event.rip = cpu.registers.rip
    event.entryTime = segmentEntryTime ?? Event.rounded(exit.entryNanoseconds &- start)
    event.exitTime = Event.rounded(exit.exitNanoseconds &- start)
    lastRIP = event.rip
    lastExitTime = event.exitTime
  }

  /// Moves the guest's clock on at an exit.
  func advanceClock(byNanoseconds cost: UInt64) {
    switch policy.clock {
    case .warp: now = now.advanced(byNanoseconds: cost)
    case .real: now = max(now, VirtualTime(nanoseconds: lastExitTime))
    }
  }

  private func logExit(_ event: inout Event) {
    digest.absorb(event)
    digest.absorb(cpu.registers, at: event.kind)
    event.noteFlags(of: cpu.registers)
    append(&event)
  }

  private func logReply(_ value: UInt64, width: UInt8) {
    cpu.reply(value)
    var event = Event(.inputData)
    event.width = width
    event.value = value
    digest.absorb(event)
    append(&event)
  }

  private func logTimestamp() {
    var event = Event(.inputData)
    event.width = 8
    event.timestamp = timestamp
    cpu.replyTimestamp(event.timestamp)
    digest.absorb(event)
    append(&event)
  }

  private func readMSR(_ index: UInt32) -> UInt64 {
    index == TimestampMSR.number && policy.tsc != .none ? timestamp : board.readMSR(index)
  }

  /// What stands for RDTSC reads, and what RDTSC reads after this exit where it is frozen: virtual
  /// time in nanoseconds, and under `warp` up to a microsecond more where each reading is an exit.
  ///
  /// Code that gathers entropy samples the counter until the differences differ, which virtual time
  /// alone would never let them; that they come again after 64 exits costs the reel little. An exit
  /// costs more than the addition, so the counter never goes back.
  private var timestamp: UInt64 {
    if let frozen = cpu.frozenTimestamp { return frozen }
    guard policy.tsc == .patch, policy.clock == .warp else { return now.nanoseconds }
    var noise = RunningDigest.initial
    noise.absorb(guestMadeExits % 64)
    return now.nanoseconds + noise.value % min(1024, max(1, policy.exitCostNanoseconds))
  }

  /// REP OUTS: the elements lie in the exit's data.
  private func writeString(_ access: PortAccess, _ event: inout Event) {
    digest.absorb(event)
    unsafe cpu.withExitData { data in
      for element in 0..<Int(access.count) {
        let value = unsafe load(data, element: element, width: access.width)
        let effect = board.writePort(access.port, width: access.width, value: value, at: now)
        event.stream = max(event.stream, apply(effect, to: value))
      }
      unsafe digest.absorb(payload: UnsafeRawBufferPointer(data))
      digest.absorb(cpu.registers, at: event.kind)
      event.noteFlags(of: cpu.registers)
      unsafe append(&event, payload: UnsafeRawBufferPointer(data))
    }
  }

  /// REP INS: the elements go into the exit's data.
  private func readString(_ access: PortAccess) {
    var event = Event(.inputData)
    event.width = access.width
    event.count = access.count
    digest.absorb(event)
    unsafe cpu.withExitData { data in
      for element in 0..<Int(access.count) {
        let value = board.readPort(access.port, width: access.width, at: now)
        unsafe store(value, data, element: element, width: access.width)
      }
      unsafe digest.absorb(payload: UnsafeRawBufferPointer(data))
      unsafe append(&event, payload: UnsafeRawBufferPointer(data))
    }
  }

  /// Carries out what a write asked of the runner.
  ///
  /// - Returns: the console stream to mark the event with; only the low byte of an element
  ///   counts as console output, so that the transcript can be read from the events.
  private func apply(_ effect: BoardEffect, to value: UInt64) -> UInt8 {
    switch effect {
    case .none: break
    case .console(let stream, let byte):
      guard byte == UInt8(truncatingIfNeeded: value) else { return 0 }
      host.consoleOutput(stream, byte)
      if consoleMatcher.feed(byte) { end(.consoleText) }
      return stream.rawValue + 1
    case .powerOff: end(.powerOff)
    case .reset: end(.reset)
    case .debugExit(let status): end(.debugExit, UInt64(status))
    }
    return 0
  }

  func end(_ reason: EndReason, _ detail: UInt64 = 0) {
    if ending == nil { ending = (reason, detail) }
  }

  private func noteStop(_ reason: ExitReason) {
    switch reason {
    case .halt: isHalted = true
    case .interruptWindow: cpu.requestsInterruptWindow = false
    case .shutdown: end(.shutdown)
    case .systemEvent: end(.powerOff)
    case .internalError(let suberror): fail(reason, UInt64(suberror))
    case .entryFailure(let hardwareReason): fail(reason, hardwareReason)
    case .unsupported(let code): fail(reason, UInt64(code))
    default: break
    }
  }

  private func fail(_ reason: ExitReason, _ detail: UInt64) {
    fatalExit = (reason, lastRIP)
    end(.processorFailure, detail)
  }

  /// A kick is an event only when it changes what the guest will see (a timer is armed, input
  /// waits) or when the recording ends here: without a seal, a guest that exits at last is
  /// re-executed at full speed and exactly.
  private func handleKick(_ cause: KickCause, _ event: inout Event) -> Bool {
    checkStopConditions()
    if ending != nil {
      event.address = KickReason.stop.rawValue
      append(&event)
      return true
    }
    fetchInput()
    guard policy.placement == .seal,
      isInputDeliverable || board.isInterruptPending || board.nextDeadline(after: now) != nil
    else {
      sink.passTime(lastExitTime)
      return false
    }
    if cause == .sliceLimit || policy.clock == .real {
      advanceClock(byNanoseconds: policy.quantumNanoseconds)
      board.advance(to: now)
    }
    deliverInput()
    event.address = KickReason.quantum.rawValue
    append(&event)
    isSealDue = true
    return true
  }

  /// Where windows open late they are the host's doing: a kick with a seal.
  private func handleLateWindow(_ event: inout Event) {
    cpu.requestsInterruptWindow = false
    event.kind = .kick
    event.address = KickReason.lateWindow.rawValue
    append(&event)
    isSealDue = true
  }

  private func checkStopConditions() {
    if let signal = host.stopSignal { end(.signal, UInt64(signal)) }
    if host.isEndRequested { end(.userRequest) }
    if let limit = policy.timeLimitNanoseconds, lastExitTime >= limit { end(.timeLimit) }
    if let limit = policy.exitLimit, guestMadeExits >= limit { end(.exitLimit) }
    if sink.hasFailed { end(.writeFailure) }
  }

  func fetchInput() {
    if pendingInput == nil { pendingInput = host.takeInput() }
  }

  /// Whether input is there and the guest waits for it.
  private var isInputDeliverable: Bool {
    pendingInput != nil && board.listensForSerialInput && board.canReceiveSerialInput
  }

  /// Gives the UART as much input as it takes, once the guest listens.
  func deliverInput() {
    fetchInput()
    while isInputDeliverable, let byte = pendingInput {
      board.receiveSerialInput(byte)
      pendingInput = host.takeInput()
    }
  }
}

/// One element of string data, zero-extended; an element outside the data reads as zero.
func load(_ data: UnsafeMutableRawBufferPointer, element: Int, width: UInt8) -> UInt64 {
  var value: UInt64 = 0
  for byte in 0..<Int(width) {
    let offset = element * Int(width) + byte
    if offset < data.count { value |= unsafe UInt64(data[offset]) << UInt64(8 * byte) }
  }
  return value
}

/// Stores one element of string data; what lies outside the data is dropped.
func store(
  _ value: UInt64, _ data: UnsafeMutableRawBufferPointer, element: Int, width: UInt8
) {
  for byte in 0..<Int(width) {
    let offset = element * Int(width) + byte
    if offset < data.count {
      unsafe data[offset] = UInt8(truncatingIfNeeded: value >> UInt64(8 * byte))
    }
  }
}
