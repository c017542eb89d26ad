internal import Bytes
internal import Machine
internal import Trace

extension Recorder {
  /// What happens between two instructions: wait out a HLT, capture, inject; in this order.
  func settle() throws(ProcessorError) {
    if isHalted {
      isHalted = false
      waitForInterrupt()
    }
    guard ending == nil else { return }
    if isSealDue {
      try capture(.seal)
    } else if isKeyframeDue {
      try capture(.periodic)
    }
    noteInterrupt()
    guard board.isInterruptPending else { return }
    if cpu.isReadyForInterrupt {
      try inject()
    } else if !cpu.requestsInterruptWindow {
      requestWindow()
    }
  }

  /// Remembers since when an interrupt has been pending.
  func noteInterrupt() {
    if !board.isInterruptPending {
      interruptPendingSince = nil
    } else if interruptPendingSince == nil {
      interruptPendingSince = nextEvent
    }
  }

  private func inject() throws(ProcessorError) {
    let vector = board.acknowledgeInterrupt()
    try cpu.injectInterrupt(vector: vector)
    cpu.requestsInterruptWindow = false
    var event = Event(.interrupt)
    event.address = UInt64(vector)
    digest.absorb(event)
    event.waited = UInt32(clamping: nextEvent &- (interruptPendingSince ?? nextEvent))
    interruptPendingSince = nil
    append(&event)
  }

  /// An exact window is an input, since it decides where the guest exits; a late one is only a
  /// hint to the host and ends in a sealed kick.
  private func requestWindow() {
    if policy.interruptWindowIsExact {
      cpu.requestsInterruptWindow = true
      var event = Event(.windowRequest)
      digest.absorb(event)
      append(&event)
    } else if policy.placement == .seal {
      cpu.requestsInterruptWindow = true
    }
  }

  /// HLT: moves time to the next interrupt, or ends the recording when none can come.
  private func waitForInterrupt() {
    guard cpu.areInterruptsEnabled else {
      end(.haltedForever)
      return
    }
    while ending == nil, !board.isInterruptPending {
      deliverInput()
      if board.isInterruptPending { return }
      let deadline = board.nextDeadline(after: now)
      switch policy.clock {
      case .warp:
        guard let deadline, deadline > now else {
          end(.idle)
          return
        }
        now = deadline
      case .real:
        guard waitOnHost(until: deadline) else {
          end(.idle)
          return
        }
      }
      board.advance(to: now)
    }
  }

  /// Sleeps until the deadline, input or a stop.
  ///
  /// - Returns: false when nothing could ever end the sleep.
  private func waitOnHost(until deadline: VirtualTime?) -> Bool {
    let start = startNanoseconds ?? 0
    let mayWake = host.mayReceiveInput && board.mayWakeOnSerialInput
    guard deadline != nil || mayWake else { return false }
    // A long sleep must not keep from the disk what came before it.
    let limits = [deadline?.nanoseconds, policy.timeLimitNanoseconds, sink.flushDeadline]
      .compactMap { $0 }
    let time = host.wait(untilNanoseconds: limits.min().map { $0 &+ start }) &- start
    now = max(now, VirtualTime(nanoseconds: time))
    sink.passTime(time)
    if let signal = host.stopSignal { end(.signal, UInt64(signal)) }
    if host.isEndRequested { end(.userRequest) }
    if let limit = policy.timeLimitNanoseconds, time >= limit { end(.timeLimit) }
    return true
  }

  /// Takes a keyframe at an instruction boundary.
  ///
  /// What can fail comes before the mark: a reel never names a keyframe that it does not hold.
  func capture(_ kind: KeyframeKind) throws(ProcessorError) {
    isSealDue = false
    exitsSinceKeyframe = 0
    lastKeyframeTime = lastExitTime
    guard policy.isRecording else { return }
    let pages = try changedPages()
    let state = try cpu.captureState()
    var mark = Event(.keyframe)
    mark.address = keyframeCount
    let index = nextEvent
    append(&mark)
    let keyframe = Keyframe(
      number: keyframeCount, kind: kind, parent: nil, isFullMap: false, eventIndex: index,
      guestMadeExits: guestMadeExits, digest: digest.running.value,
      virtualTime: now.nanoseconds, pages: [], vcpuStates: state.stateEntries,
      boardStates: board.encodeState().map {
        StateEntry(kind: $0.kind, version: $0.version, bytes: $0.bytes)
      })
    sink.append(
      unsafe KeyframeCapture(keyframe: keyframe) { [memory] body in
        for page in pages { unsafe memory.withPage(page) { unsafe body(page, $0) } }
      })
    keyframeCount += 1
    noteTotalsIfDue()
  }

  private func changedPages() throws(ProcessorError) -> [UInt32] {
    let limit = UInt32(memory.pageCount)
    let seen = dirtyLog.pages
    dirtyLog = DirtyLog(exit: guestMadeExits, time: lastExitTime)
    return seen.union(try cpu.takeDirtyPages()).union(memory.takeBoardWrittenPages())
      .filter { $0 < limit }.sorted()
  }

  /// Counts the pages the guest has changed, where keyframes are spaced by them; only so often,
  /// since asking KVM costs as much as tens of exits.
  func lookAtDirtyPages() throws(ProcessorError) {
    guard policy.keyframeDirtyPages != nil, policy.isRecording,
      guestMadeExits >= dirtyLog.exit + DirtyLog.exitInterval
        || lastExitTime &- dirtyLog.time >= DirtyLog.nanoseconds
    else { return }
    dirtyLog.pages.formUnion(try cpu.takeDirtyPages())
    dirtyLog.exit = guestMadeExits
    dirtyLog.time = lastExitTime
  }
}

/// The pages changed since the last keyframe, as far as they were asked for.
struct DirtyLog {
  /// They are asked for after so many guest-made exits.
  static let exitInterval: UInt64 = 256
  /// And after so many nanoseconds.
  static let nanoseconds: UInt64 = 5_000_000

  var pages: Set<UInt32> = []
  /// The guest-made exits at the last look.
  var exit: UInt64 = 0
  /// The host's time at the last look.
  var time: UInt64 = 0

  init(exit: UInt64 = 0, time: UInt64 = 0) {
    self.exit = exit
    self.time = time
  }
}
