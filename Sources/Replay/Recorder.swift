internal import Bytes
public import Machine
public import Trace

/// Runs a guest and writes down everything that crosses its boundary.
///
/// One fixed order at every exit: log the exit → let the board answer → log the answer →
/// complete the instruction (when something will be captured or injected) → capture → inject.
public final class Recorder<CPU: Processor> {
  let cpu: CPU
  let memory: GuestMemory
  let host: any RecordingHost
  let sink: any TraceSink
  let policy: RecordingPolicy
  let observer: (any HostObserver)?
  var board: Board

  var digest = EventDigest()
  var nextEvent: EventIndex = 0
  var guestMadeExits: UInt64 = 0
  var keyframeCount: UInt64 = 0
  var exitsSinceKeyframe: UInt64 = 0
  /// When the last keyframe was taken.
  var lastKeyframeTime: UInt64 = 0
  /// What KVM's log of changed pages was asked for since the last keyframe.
  var dirtyLog = DirtyLog()
  /// Virtual time under `warp`; under `real` the last sample.
  var now = VirtualTime.zero
  /// Host monotonic time at the first entry; all stored times are relative to it.
  var startNanoseconds: UInt64?
  var lastExitTime: UInt64 = 0
  /// When the guest was first entered since the last event, if kicks that are no events came since.
  var segmentEntryTime: UInt64?
  var lastRIP: UInt64 = 0
  /// When the host's counters were last put into the reel.
  var lastTotalsTime: UInt64 = 0
  var isHalted = false
  var isSealDue = false
  /// The index of the next event when an interrupt was first seen pending; `nil` when none is.
  var interruptPendingSince: EventIndex?
  /// Whether the guest may have read another timestamp than the frozen one since the last event.
  var isSegmentTainted = false
  var pendingInput: UInt8?
  var consoleMatcher: ConsoleMatcher
  var ending: (reason: EndReason, detail: UInt64)?

  /// What went wrong when the recording ended with ``EndReason/processorFailure``.
  public private(set) var failure: ProcessorError?
  /// The exit after which the processor could not go on, and RIP at it, when that ended the
  /// recording.
  public internal(set) var fatalExit: (reason: ExitReason, rip: UInt64)?

  /// Makes a recorder of a guest that is loaded and ready to run.
  ///
  /// - Parameter observer: tells what the kernel knows of the run; `nil` where nothing does.
  public init(
    processor: CPU, memory: GuestMemory, board: Board, host: any RecordingHost,
    sink: any TraceSink, policy: RecordingPolicy, observer: (any HostObserver)? = nil
  ) {
    cpu = processor
    self.memory = memory
    self.board = board
    self.host = host
    self.sink = sink
    self.policy = policy
    self.observer = observer
    consoleMatcher = ConsoleMatcher(policy.untilConsole)
    digest.isOn = policy.isRecording
  }

  /// Records until the guest or a stop condition ends it.
  ///
  /// A failure of the processor ends the recording too (see ``failure``): what was recorded
  /// stays valid.
  ///
  /// - Returns: the facts to close the reel with.
  public func run() -> EndRecord {
    noteTotals(.start)
    do throws(ProcessorError) {
      try capture(.base)
      while ending == nil {
        let exit = try cpu.run(sliceLimitNanoseconds: policy.quantumNanoseconds)
        noteKernelExits(startingAt: exit.entryNanoseconds)
        try process(exit)
      }
      try capture(.end)
    } catch {
      failure = error
      ending = (.processorFailure, UInt64(truncatingIfNeeded: error.errorNumber))
    }
    noteKernelExits(startingAt: startNanoseconds ?? 0)
    noteTotals(.end)
    return EndRecord(
      reason: ending?.reason ?? .processorFailure, detail: ending?.detail ?? 0,
      eventCount: nextEvent, guestMadeExits: guestMadeExits, keyframeCount: keyframeCount,
      durationNanoseconds: lastExitTime, virtualTime: now.nanoseconds,
      digest: digest.running.value)
  }

  /// Handles an exit, and those that completing its instruction makes.
  ///
  /// A kick may find the last exit's instruction unfinished. It is finished first, and when that
  /// makes an exit of its own, that exit takes the kick's place: no seal may come between.
  private func process(_ first: Exit) throws(ProcessorError) {
    var exit = first
    if case .kick = first.reason, let next = try cpu.complete() { exit = next }
    while true {
      // What is no event changes nothing the guest sees: no injection may come of it.
      guard handle(exit) else { return }
      noteInterrupt()
      try lookAtDirtyPages()
      guard needsBoundary else { return }
      guard let next = try cpu.complete() else { break }
      exit = next
    }
    try settle()
  }

  /// Whether something must happen that is only legal between two instructions.
  private var needsBoundary: Bool {
    if ending != nil || isHalted || isSealDue || isKeyframeDue { return true }
    guard board.isInterruptPending else { return false }
    return cpu.areInterruptsEnabled
      || (!cpu.requestsInterruptWindow
        && (policy.interruptWindowIsExact || policy.placement == .seal))
  }

  var isKeyframeDue: Bool {
    guard exitsSinceKeyframe > 0 else { return false }
    if policy.keyframeExitInterval > 0, exitsSinceKeyframe >= policy.keyframeExitInterval {
      return true
    }
    if let interval = policy.keyframeIntervalNanoseconds,
      lastExitTime &- lastKeyframeTime >= interval
    {
      return true
    }
    return policy.keyframeDirtyPages.map { dirtyLog.pages.count >= $0 } ?? false
  }

  /// Appends an event that stands in the digest, with its check.
  func append(_ event: inout Event) {
    stamp(&event)
    if policy.isRecording { sink.append(event) }
    nextEvent += 1
  }

  /// Appends an event with a payload; the payload must have been absorbed already.
  func append(_ event: inout Event, payload: UnsafeRawBufferPointer) {
    stamp(&event)
    event.payloadLength = UInt32(payload.count)
    if policy.isRecording { unsafe sink.append(event, payload: payload) }
    nextEvent += 1
  }

  private func stamp(_ event: inout Event) {
    if policy.tsc == .freeze {
      // Virtual time in nanoseconds; 0 would mean none.
      event.timestamp = now.nanoseconds &+ 1
      cpu.frozenTimestamp = event.timestamp
    }
    digest.absorbTimestamp(of: event)
    if event.kind.isGuestMade {
      event.check = digest.check
      guestMadeExits += 1
      exitsSinceKeyframe += 1
      if policy.storesFullDigest || guestMadeExits % EventDigest.fullDigestInterval == 0 {
        event.flags.insert(.fullDigest)
        event.digest = digest.running.value
      }
    }
    if !event.kind.isExit {
      event.entryTime = lastExitTime
      event.exitTime = lastExitTime
    }
  }
}

extension ExitReason {
  var isPortAccess: Bool {
    switch self {
    case .portRead, .portWrite: true
    default: false
    }
  }

  /// Whether the exit leaves an instruction to be completed.
  var isAccess: Bool {
    switch self {
    case .portRead, .portWrite, .memoryRead, .memoryWrite, .msrRead, .msrWrite: true
    default: false
    }
  }
}
