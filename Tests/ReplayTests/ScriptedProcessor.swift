import Machine

/// What differs between one run of a scripted program and another.
struct ProcessorScript: Sendable {
  var debugFeatures: DebugFeatures = [.singleStep, .breakpoint]
  /// Instruction counts at which a run that has a limit is kicked.
  var kicks: [UInt64] = []
  /// Instruction counts at which somebody asks for a stop.
  var requests: [UInt64] = []
  /// Instructions from where an interrupt window could open to where it does; 0 is exact.
  var windowDelay: UInt64 = 0
  /// Flips these bits of the value the guest gets as its N-th reply, whatever is logged.
  var alteredReplies: [Int: UInt64] = [:]
  /// The vector the guest gets as its N-th interrupt, whatever is logged.
  var alteredVectors: [Int: UInt8] = [:]
  /// Runs fail once this many instructions have been executed.
  var failsAfter: UInt64?
  /// Captures fail from this one on, counted from 0.
  var failsCapture: Int?
  /// Instruction counts from which the next slice that ends is tainted, with what is added to the
  /// timestamps read until then.
  var taints: [(after: UInt64, drift: UInt64)] = []
  /// Whether RIP stands after an OUT at its exit, as where KVM's emulator executes it.
  var standsAfterPortWrites = false
  /// What the host gives arithmetic flags that the guest's instructions leave undefined, at exits.
  var undefinedFlags: UInt64 = 0
  /// Whether RF is set at exits.
  var setsResumeFlag = false
  /// What a shutdown leaves in RBX, as kvm-amd resets registers.
  var shutdownRBX: UInt64 = 0
}

/// A processor that interprets a ``ScriptedProgram`` and behaves at its exits as KVM does.
///
/// One instruction takes one nanosecond of host time, so every run is reproducible.
final class ScriptedProcessor: Processor {
  let program: ScriptedProgram
  let memory: GuestMemory
  var script: ProcessorScript

  var registers = GeneralRegisters()
  var hidden: UInt64 = 0
  var hasShadow = false
  var injected: UInt8?
  var requestsInterruptWindow = false
  var frozenTimestamp: UInt64?

  /// Finishes the unfinished instruction; its result is the next exit of the same instruction.
  var unfinished: (() -> ExitReason?)?
  var answer: UInt64 = 0
  var data: [UInt8] = []
  var dirty: Set<UInt32> = []
  private(set) var instructions: UInt64 = 0
  private(set) var hostTime: UInt64 = 1_000
  private(set) var captures = 0
  private var replies = 0
  private var injections = 0
  private var windowWait: UInt64 = 0
  private var breakpoint: UInt64?

  init(_ program: ScriptedProgram, memory: GuestMemory, script: ProcessorScript = .init()) {
    self.program = program
    self.memory = memory
    self.script = script
    registers.rip = ScriptedProgram.base
    registers.rsp = 0x8000
  }

  // MARK: Running

  func run(sliceLimitNanoseconds limit: UInt64?) throws(ProcessorError) -> Exit {
    let entry = hostTime
    if takeRequest() { return exit(.kick(.request), entry) }
    if let next = try complete() { return next }
    var mayHitBreakpoint = false
    while true {
      if let failsAfter = script.failsAfter, instructions >= failsAfter {
        throw ProcessorError(operation: "KVM_RUN", errorNumber: 5)
      }
      if opensWindow() { return exit(.interruptWindow, entry) }
      if let limit, takeKick() || hostTime - entry >= limit {
        return exit(.kick(.sliceLimit), entry)
      }
      if takeRequest() { return exit(.kick(.request), entry) }
      if mayHitBreakpoint, registers.rip == breakpoint {
        return exit(.debug(address: registers.rip), entry)
      }
      let before = registers.rip
      if let reason = executeOne() { return exit(reason, entry) }
      mayHitBreakpoint = registers.rip != before
    }
  }

  func complete() throws(ProcessorError) -> Exit? {
    guard let finish = unfinished else { return nil }
    unfinished = nil
    return finish().map { exit($0, hostTime) }
  }

  func step() throws(ProcessorError) -> Exit {
    guard debugFeatures.contains(.singleStep) else {
      throw ProcessorError(operation: "KVM_SET_GUEST_DEBUG")
    }
    if let next = try complete() { return next }
    let entry = hostTime
    if takeRequest() { return exit(.kick(.request), entry) }
    return exit(executeOne() ?? .debug(address: registers.rip), entry)
  }

  func setBreakpoint(_ address: UInt64?) throws(ProcessorError) -> Bool {
    guard address == nil || debugFeatures.canBreak else {
      throw ProcessorError(operation: "KVM_SET_GUEST_DEBUG")
    }
    breakpoint = address
    return true
  }

  var debugFeatures: DebugFeatures { script.debugFeatures }

  private func exit(_ reason: ExitReason, _ entry: UInt64) -> Exit {
    registers.rflags = registers.rflags & ~RFlags.arithmetic | script.undefinedFlags
    if script.setsResumeFlag { registers.rflags |= RFlags.resume }
    var exit = Exit(reason, entryNanoseconds: entry, exitNanoseconds: hostTime)
    if let taint = script.taints.first, instructions >= taint.after {
      exit.isTainted = true
      script.taints.removeFirst()
    }
    return exit
  }

  private func executeOne() -> ExitReason? {
    hostTime += 1
    instructions += 1
    registers.rflags &= ~RFlags.resume
    return execute()
  }

  private func takeKick() -> Bool {
    guard let next = script.kicks.first, instructions >= next else { return false }
    script.kicks.removeFirst()
    return true
  }

  private func takeRequest() -> Bool {
    guard let next = script.requests.first, instructions >= next else { return false }
    script.requests.removeFirst()
    return true
  }

  private func opensWindow() -> Bool {
    guard requestsInterruptWindow, isReadyForInterrupt else { return false }
    guard windowWait >= script.windowDelay else {
      windowWait += 1
      return false
    }
    windowWait = 0
    return true
  }

  // MARK: Answers and interrupts

  func reply(_ value: UInt64) {
    answer = value ^ script.alteredReplies[replies, default: 0]
    replies += 1
  }

  func replyTimestamp(_ value: UInt64) {
    reply(value & 0xffff_ffff)
    registers.rdx = value >> 32
  }

  /// What the guest's RDTSC reads now.
  var timestamp: UInt64 {
    let drift = script.taints.first.map { instructions >= $0.after ? $0.drift : 0 } ?? 0
    return (frozenTimestamp ?? hostTime) &+ drift
  }

  /// Scripted instructions have one byte each: OUT DX, AL is itself, any other a NOP; but the first
  /// is REP STOSB where the program repeats a store.
  func code(at instructionPointer: UInt64) throws(ProcessorError) -> GuestCode? {
    if case .repeatStore = program.operation(at: instructionPointer) {
      return GuestCode(bytes: [0xf3, 0xaa], bits: 64)
    }
    // One address wide, but it must decode: as CALL RAX, which ends where it returns to.
    if case .call = program.operation(at: instructionPointer &+ 1) {
      return GuestCode(bytes: [0xff, 0xd0], bits: 64)
    }
    if program.operation(at: instructionPointer) == nil {
      return memory.read(instructionPointer, count: 15).map { GuestCode(bytes: $0, bits: 64) }
    }
    var bytes: [UInt8] = []
    while bytes.count < 15,
      let operation = program.operation(at: instructionPointer &+ UInt64(bytes.count))
    {
      if case .out = operation { bytes.append(0xee) } else { bytes.append(0x90) }
    }
    return bytes.isEmpty ? nil : GuestCode(bytes: bytes, bits: 64)
  }

  func withExitData<Result>(_ body: (UnsafeMutableRawBufferPointer) -> Result) -> Result {
    unsafe data.withUnsafeMutableBytes { unsafe body($0) }
  }

  var areInterruptsEnabled: Bool { registers.rflags & RFlags.interruptEnable != 0 }

  var isReadyForInterrupt: Bool {
    areInterruptsEnabled && !hasShadow && injected == nil && unfinished == nil
  }

  func injectInterrupt(vector: UInt8) throws(ProcessorError) {
    guard isReadyForInterrupt else { throw ProcessorError(operation: "KVM_INTERRUPT") }
    injected = script.alteredVectors[injections] ?? vector
    injections += 1
  }

  // MARK: State

  func captureState() throws(ProcessorError) -> VCPUState {
    guard unfinished == nil else {
      throw ProcessorError(operation: "captureState", advice: "inside an instruction")
    }
    defer { captures += 1 }
    if let failsCapture = script.failsCapture, captures >= failsCapture {
      throw ProcessorError(operation: "KVM_GET_SREGS", errorNumber: 5)
    }
    var state = VCPUState()
    state.floatingPoint = [UInt8](repeating: 0, count: 512)
    state.registers = registers
    state.system.cr2 = hidden
    state.events.interruptShadow = hasShadow ? 2 : 0
    state.events.interruptState = injected == nil ? 0 : 1
    state.events.interruptVector = injected ?? 0
    return state
  }

  /// As KVM does, finishes an unfinished instruction first, which may write to RAM.
  func restoreState(_ state: VCPUState) throws(ProcessorError) {
    while try complete() != nil {}
    registers = state.registers
    hidden = state.system.cr2
    hasShadow = state.events.interruptShadow != 0
    injected = state.events.interruptState == 0 ? nil : state.events.interruptVector
    windowWait = 0
  }

  func setRegisters(_ registers: GeneralRegisters) throws(ProcessorError) {
    self.registers = registers
  }

  func takeDirtyPages() throws(ProcessorError) -> [UInt32] {
    defer { dirty.removeAll() }
    return dirty.sorted()
  }
}
