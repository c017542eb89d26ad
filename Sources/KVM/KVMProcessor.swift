internal import CKVM
public import Machine
internal import Synchronization

/// One vCPU in a VM without devices, on the host's KVM.
///
/// Use it from one thread at a time. The thread that runs it has the kick signal blocked, except
/// inside KVM_RUN; moving to another thread between calls is allowed.
public final class KVMProcessor: Processor {
  /// The CPUID table the guest has.
  public let cpuid: [CPUIDEntry]
  /// Whether RDMSR and WRMSR outside the context registers reach the runner.
  ///
  /// Without KVM_CAP_X86_MSR_FILTER KVM answers them itself, which a recording cannot see.
  public let hasMSRFilter: Bool
  /// Stops a run from any thread.
  public let kicker = Kicker()
  /// What the processor can do to stop at a chosen instruction; see ``HostFacts``.
  public internal(set) var debugFeatures: DebugFeatures
  /// Whether the next run ends as soon as an interrupt could be taken.
  public var requestsInterruptWindow = false
  /// What RDTSC reads in the next runs and steps.
  ///
  /// Where the host cannot hold it there (KVM_CAP_TSC_CONTROL), the next run throws.
  public var frozenTimestamp: UInt64?

  var machine: VirtualMachine
  let cpu: VirtualCPU
  var debugging = DebugSession()
  /// Whether the last exit stopped inside an instruction.
  private var isUnfinished = false
  private var thread: UInt64 = 0
  private var timer: SliceTimer?
  private let hasTSCScaling: Bool
  private var freezer: TimestampFreezer?

  /// Creates a VM over `memory` with one vCPU in the state after reset.
  ///
  /// - Parameters:
  ///   - memory: the guest's RAM, at guest physical address 0.
  ///   - cpuid: the CPUID table; `nil` for the model `vmreel-v1` over this host.
  ///   - debugFeatures: what this host's KVM was found to support (``HostFacts/debugFeatures``).
  ///   - logsDirtyPages: whether ``takeDirtyPages()`` will be asked (KVM_MEM_LOG_DIRTY_PAGES).
  /// - Throws: ``ProcessorError`` naming the ioctl (KVM_CREATE_VM, KVM_SET_CPUID2…).
  public init(
    memory: GuestMemory, cpuid: [CPUIDEntry]? = nil,
    debugFeatures: DebugFeatures = untestedDebugFeatures, logsDirtyPages: Bool = true
  ) throws(ProcessorError) {
    let system = try System()
    let machine = try VirtualMachine(
      system: system, memory: memory, logsDirtyPages: logsDirtyPages)
    let cpu = try VirtualCPU(system: system, machine: machine)
    let table: [CPUIDEntry]
    if let cpuid {
      table = cpuid
    } else {
      table = try CPUIDModel.table(host: try system.supportedCPUID())
    }
    try cpu.setCPUID(table)
    try cpu.disableAPIC()
    self.cpuid = table
    hasMSRFilter = machine.hasMSRFilter
    hasTSCScaling = system.value(of: .tscControl) > 0
    self.debugFeatures = system.value(of: .setGuestDebug) > 0 ? debugFeatures : []
    self.machine = machine
    self.cpu = cpu
    _ = try finish()
  }

  deinit {
    kicker.state.thread.store(0, ordering: .sequentiallyConsistent)
  }

  /// What a processor is taken to support before anything was measured.
  public static let untestedDebugFeatures: DebugFeatures = [.singleStep, .breakpoint]

  // MARK: - Running

  /// Runs the guest until it makes an exit or the host stops it (KVM_RUN).
  ///
  /// A breakpoint at the very instruction where the run starts is passed over. `limit` is in host
  /// nanoseconds.
  public func run(sliceLimitNanoseconds limit: UInt64?) throws(ProcessorError) -> Exit {
    if let passed = try passBreakpoint(limit: limit) { return passed }
    try applyDebug(debugging.whileRunning)
    var exit = try enter(limit: limit)
    try recognizeBreakpoint(&exit)
    return exit
  }

  /// Finishes the instruction of the last exit and runs nothing after it.
  ///
  /// KVM_RUN with `immediate_exit`; a pending kick stays pending.
  public func complete() throws(ProcessorError) -> Exit? {
    guard isUnfinished else { return nil }
    // A single step still armed would end the completion with a trap of its own.
    try applyDebug(debugging.whileRunning)
    return try finish()
  }

  private func finish() throws(ProcessorError) -> Exit? {
    let entry = ckvm_now()
    guard try cpu.enter(immediately: true) else {
      isUnfinished = false
      return nil
    }
    return made(entry)
  }

  /// Enters the guest and handles signals that end nothing.
  func enter(limit: UInt64?) throws(ProcessorError) -> Exit {
    try bindThread()
    debugging.stop = nil
    let entry = ckvm_now()
    if kicker.state.take() { return kicked(.request, entry) }
    let deadline = limit.map { entry.addingReportingOverflow($0).partialValue }
    unsafe cpu.run.pointee.request_interrupt_window = requestsInterruptWindow ? 1 : 0
    var isTainted = false
    var wake = try freeze(until: deadline)
    if let wake { try timer?.ensure(by: wake, now: entry) }
    while true {
      let hasExit = try cpu.enter()
      isTainted = isTainted || mayHaveReadAnotherTimestamp
      if hasExit { return made(entry, isTainted) }
      isUnfinished = false
      _ = ckvm_drain_kicks()
      if kicker.state.take() { return kicked(.request, entry, isTainted) }
      if let limit, ckvm_now() - entry >= limit { return kicked(.sliceLimit, entry, isTainted) }
      wake = try freeze(until: deadline)
      if let wake { try timer?.arm(for: wake) }
    }
  }

  private func made(_ entry: UInt64, _ isTainted: Bool = false) -> Exit {
    let now = ckvm_now()
    isUnfinished = cpu.leavesInstructionUnfinished
    debugging.hasInjected = false
    var exit = Exit(cpu.exitReason(), entryNanoseconds: entry, exitNanoseconds: now)
    exit.isTainted = isTainted
    if case .debug(let address) = exit.reason { debugging.stop = address }
    return exit
  }

  private func kicked(_ cause: KickCause, _ entry: UInt64, _ isTainted: Bool = false) -> Exit {
    var exit = Exit(.kick(cause), entryNanoseconds: entry, exitNanoseconds: ckvm_now())
    exit.isTainted = isTainted
    return exit
  }

  // MARK: - The frozen timestamp

  /// Sees to it that RDTSC reads the frozen timestamp from the next entry on.
  ///
  /// - Returns: when the guest must be kicked, in host nanoseconds: at the deadline, or before the
  ///   guest's counter ticks.
  private func freeze(until deadline: UInt64?) throws(ProcessorError) -> UInt64? {
    guard let value = frozenTimestamp else { return deadline }
    if freezer == nil { freezer = try TimestampFreezer(cpu, hasScaling: hasTSCScaling) }
    try freezer?.prepare(cpu, value: value)
    guard let kick = freezer?.kickNanoseconds else { return deadline }
    return min(deadline ?? kick, kick)
  }

  private var mayHaveReadAnotherTimestamp: Bool {
    guard frozenTimestamp != nil, let freezer else { return false }
    return freezer.isTickOver
  }

  /// Makes the calling thread the one that kicks and the timer stop.
  private func bindThread() throws(ProcessorError) {
    let current = ckvm_thread()
    guard current != thread else { return }
    let id = try check(ckvm_bind_thread(cpu.descriptor.number), "KVM_SET_SIGNAL_MASK")
    timer = try SliceTimer(thread: id)
    thread = current
    // From here on a kick signals this thread; one that signalled the old thread has set the
    // request flag before, and the run loop reads that next.
    kicker.state.thread.store(id, ordering: .sequentiallyConsistent)
  }

  // MARK: - Answers

  /// Answers the last exit when it was a read of one element; otherwise does nothing.
  public func reply(_ value: UInt64) {
    guard isUnfinished else { return }
    cpu.reply(value)
  }

  /// Answers a read that stands for RDTSC: EAX through the port's data, EDX with the registers,
  /// which KVM takes over before it completes the access (KVM_CAP_SYNC_REGS).
  public func replyTimestamp(_ value: UInt64) {
    guard isUnfinished else { return }
    cpu.reply(value & 0xffff_ffff)
    cpu.setRDX(value >> 32)
  }

  /// The bytes of the last port access; empty after any other exit.
  public func withExitData<Result>(_ body: (UnsafeMutableRawBufferPointer) -> Result) -> Result {
    unsafe body(cpu.portData)
  }

  // MARK: - Registers and interrupts

  /// The general registers as of the last exit, without a system call.
  public var registers: GeneralRegisters { cpu.registers }

  /// Replaces the general registers (KVM_SET_REGS); at an instruction boundary.
  public func setRegisters(_ registers: GeneralRegisters) throws(ProcessorError) {
    try requireBoundary("setRegisters")
    debugging.stop = nil
    try cpu.setRegisters(registers)
    _ = try finish()
  }

  /// Whether an interrupt injected now would be taken before the next instruction.
  public var isReadyForInterrupt: Bool {
    unsafe cpu.run.pointee.ready_for_interrupt_injection != 0 && cpu.run.pointee.if_flag != 0
  }

  /// Whether RFLAGS.IF was set at the last exit or completion.
  public var areInterruptsEnabled: Bool { unsafe cpu.run.pointee.if_flag != 0 }

  /// Injects an external interrupt (KVM_INTERRUPT).
  ///
  /// - Throws: ``ProcessorError`` when the guest is not ready for one.
  public func injectInterrupt(vector: UInt8) throws(ProcessorError) {
    guard isReadyForInterrupt else {
      throw .misuse("KVM_INTERRUPT", "the guest is not ready: ask for an interrupt window first")
    }
    var request = kvm_interrupt(irq: UInt32(vector))
    try cpu.descriptor.call(CKVM_INTERRUPT, with: &request, named: "KVM_INTERRUPT")
    // KVM updates its flag only at the next KVM_RUN.
    unsafe cpu.run.pointee.ready_for_interrupt_injection = 0
    debugging.hasInjected = true
  }

  // MARK: - State

  /// The whole architectural state, at an instruction boundary.
  public func captureState() throws(ProcessorError) -> VCPUState {
    try requireBoundary("captureState")
    return try cpu.captureState()
  }

  /// Replaces the whole architectural state.
  ///
  /// An instruction the last exit left unfinished is finished first with whatever its reply area
  /// holds, and may write RAM: ``complete()`` before restoring RAM. RAM comes before the state,
  /// since PAE paging reloads its directory pointers from it.
  public func restoreState(_ state: VCPUState) throws(ProcessorError) {
    try applyDebug(.off)
    try abandonInstruction()
    try cpu.restoreState(
      state, payload: machine.hasExceptionPayload, tripleFault: machine.hasTripleFaultEvent)
    debugging.hasInjected = false
    debugging.stop = nil
    // Fills the sync area and the readiness flags in.
    _ = try finish()
  }

  /// The RAM pages the guest wrote since the last call, ascending (KVM_GET_DIRTY_LOG).
  public func takeDirtyPages() throws(ProcessorError) -> [UInt32] {
    try machine.takeDirtyPages()
  }

  private func requireBoundary(_ operation: String) throws(ProcessorError) {
    guard !isUnfinished else {
      throw .misuse(operation, "the last exit's instruction is unfinished: complete() first")
    }
  }

  private func abandonInstruction() throws(ProcessorError) {
    for _ in 0..<4096 {
      guard isUnfinished else { return }
      _ = try finish()
    }
    throw .misuse("restoreState", "the last instruction does not end")
  }
}
